"""The Runtime API on the wire, where tests/contract/runtime_rows.py asks nothing."""

from __future__ import annotations

import contextlib

import pytest

from infra.local import contract
from infra.local.phase_end import EndedBy
from tests.infra.local.runtime.runtime_host import (
    NEXT,
    PREFIX,
    Answered,
    RuntimeHost,
    Wire,
    fetch,
    post_path,
    wait_for_ready,
    wire_reached,
)


def test_next_hands_the_event_out_byte_for_byte(host: RuntimeHost, wire: Wire) -> None:
    """A1: 200, the payload as it is, exactly application/json, and a Content-Length."""
    payload = '{"a": "é",  "b":\t1}'.encode()
    reply = fetch(host, wire, payload=payload)
    assert (reply.status, reply.body) == (200, payload)
    assert reply.headers == {
        "Content-Type": "application/json",
        "Content-Length": str(len(payload)),
        "Lambda-Runtime-Aws-Request-Id": "id-1",
    }


def test_two_waiting_connections_get_the_same_event(host: RuntimeHost, wire: Wire) -> None:
    """A2: a runtime that asked twice while it waited is answered twice."""
    with contextlib.closing(Wire(host.address)) as second:
        second.ask("GET", NEXT)
        wait_for_ready(host)
        wire.ask("GET", NEXT)
        assert wire_reached(host, wire)
        host.hand_over("id-1")
        assert wire.answer() == second.answer()


@pytest.mark.parametrize("kind", ["response", "error"])
def test_a_post_is_acknowledged_after_the_caller_is_answered(
    host: RuntimeHost, wire: Wire, kind: str
) -> None:
    """The runtime's next work must not take the processor from the caller's answer."""
    answered = host.future()
    fetch(host, wire, answered=answered)
    wire.ask("POST", post_path("id-1", kind), b"{}")
    assert wire_reached(host, wire)
    assert host.ends[-1].by == kind
    wire.socket.settimeout(0.05)
    with pytest.raises(TimeoutError):
        wire.answer()
    wire.socket.settimeout(20)
    host.tell(lambda _: answered.set_result(None))
    assert wire.answer().status == 202


@pytest.mark.parametrize("chunked", [False, True])
def test_the_response_limit(host: RuntimeHost, wire: Wire, chunked: bool) -> None:
    """A7: 6,291,556 bytes pass, one more is 413; the invoker is told, and the runtime goes on."""
    limit = contract.RESPONSE_LIMIT_BYTES
    fetch(host, wire)
    assert send_response(wire, b"x" * limit, chunked=chunked).status == 202
    assert len(host.ends[-1].payload) == limit
    host.ends.clear()
    fetch(host, wire)
    reply = send_response(wire, b"x" * (limit + 1), chunked=chunked)
    assert (reply.status, reply.json) == (
        413,
        {
            "errorMessage": "Exceeded maximum allowed payload size (6291556 bytes).",
            "errorType": "RequestEntityTooLarge",
        },
    )
    assert host.ends[-1].error_type == "Function.ResponseSizeTooLarge"
    assert host.ends[-1].payload == (
        b'{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size'
        b' exceeded maximum allowed payload size (6291556 bytes)."}'
    )
    host.ends.clear()
    assert fetch(host, wire, "id-2").status == 200


def send_response(wire: Wire, body: bytes, *, chunked: bool) -> Answered:
    """Post a response of id-1, with its length or in chunks."""
    if not chunked:
        return wire.call("POST", post_path("id-1"), body)
    wire.send(f"POST {post_path('id-1')} HTTP/1.1\r\nHost: r\r\n".encode())
    wire.send(b"Transfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(body), 1_000_000):
        piece = body[start : start + 1_000_000]
        wire.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
    wire.send(b"0\r\n\r\n")
    return wire.answer()


@pytest.mark.parametrize("kind", ["response", "error"])
def test_a_body_cut_short_is_answered_and_told(host: RuntimeHost, wire: Wire, kind: str) -> None:
    """A8: the runtime sends less than it promised and closes its half of the connection."""
    fetch(host, wire)
    wire.send(f"POST {post_path('id-1', kind)} HTTP/1.1\r\nHost: r\r\n".encode())
    wire.send(b"Content-Length: 100\r\n\r\n" + b"x" * 99)
    wire.socket.shutdown(1)
    reply = wire.answer()
    assert (reply.status, reply.json) == (
        400,
        {
            "errorMessage": "HTTP request detected as truncated",
            "errorType": "TruncatedHTTPRequest",
        },
    )
    assert wire.ended()
    assert host.ends[-1].error_type == "Runtime.TruncatedResponse"


def test_chunks_without_an_end_are_truncated(host: RuntimeHost, wire: Wire) -> None:
    """A8, for a body whose length was never stated."""
    fetch(host, wire)
    wire.send(f"POST {post_path('id-1')} HTTP/1.1\r\nHost: r\r\n".encode())
    wire.send(b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    wire.socket.shutdown(1)
    assert wire.answer().json["errorType"] == "TruncatedHTTPRequest"


def test_a_connection_lost_in_a_post_ends_the_invocation(host: RuntimeHost, wire: Wire) -> None:
    """A8, when nobody is left to be answered."""
    fetch(host, wire)
    wire.send(
        f"POST {post_path('id-1')} HTTP/1.1\r\nHost: r\r\nContent-Length: 9\r\n\r\nx".encode()
    )
    wire.close()
    while host.ends[-1].error_type != "Runtime.TruncatedResponse":
        host.tell(lambda c: c.state)


def test_the_limit_of_an_init_error(host: RuntimeHost, wire: Wire) -> None:
    """A10 [?]: as large as a response may be; one byte more is
    refused, and never reaches the caller.
    """
    path, limit = f"{PREFIX}/init/error", contract.RESPONSE_LIMIT_BYTES
    assert wire.call("POST", path, b"x" * limit).status == 202
    assert len(host.ends[-1].payload) == limit
    host.fresh()
    with contextlib.closing(Wire(host.address)) as second:
        reply = second.call("POST", path, b"x" * (limit + 1))
    assert (reply.status, reply.json["errorType"]) == (413, "RequestEntityTooLarge")
    end = host.ends[-1]
    assert (end.by, end.error_type) == (EndedBy.INIT_ERROR, "Function.ResponseSizeTooLarge")
    assert len(end.payload) < 200


@pytest.mark.parametrize("posted", ["ValueError", "Runtime.bad type", "Runtime.X\xff", ""])
def test_an_error_type_of_another_form_stays_out_of_the_log(
    host: RuntimeHost, wire: Wire, posted: str
) -> None:
    """6.1.2: only (Runtime|Function).Name is kept."""
    header = {"Lambda-Runtime-Function-Error-Type": posted}
    wire.call("POST", f"{PREFIX}/init/error", b"{}", header)
    assert host.ends[-1].error_type == "Runtime.Unknown"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/2018-06-01", 404),
        ("GET", "/2018-06-01/runtime/invocation/", 404),
        ("GET", "/2018-06-01/runtime/invocation/next/", 404),
        ("GET", "/2018-06-02/runtime/invocation/next", 404),
        ("POST", "/2018-06-01/runtime/invocation/a/b/response", 404),
        ("POST", NEXT, 405),
        ("GET", f"{PREFIX}/init/error", 405),
        ("PUT", f"{PREFIX}/invocation/id-1/response", 405),
        ("GET", f"{PREFIX}/invocation/id-1/error", 405),
        ("GET", f"{PREFIX}/restore/next", 404),
        ("POST", f"{PREFIX}/restore/error", 404),
        ("POST", "/2020-01-01/extension/register", 404),
        ("GET", "/2020-01-01/extension/event/next", 404),
        ("PUT", "/2020-08-15/logs", 404),
        ("PUT", "/2022-07-01/telemetry", 404),
    ],
)
def test_other_paths_and_methods(
    host: RuntimeHost, wire: Wire, method: str, path: str, status: int
) -> None:
    """A12, A15 and A16: a JSON body with the status, never a reply without a content type."""
    reply = wire.call(method, path)
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/json"
    assert set(reply.json) == {"errorMessage", "errorType"}


def test_a_fault_inside_is_a_500(
    host: RuntimeHost, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A13: said in the service's words, and reported to the loop."""

    def broken(*_arguments: object) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr("infra.local.runtime.conversation.Conversation.init_error_posted", broken)
    reply = wire.call("POST", f"{PREFIX}/init/error", b"{}")
    assert (reply.status, reply.json) == (
        500,
        {"errorMessage": "Internal Server Error", "errorType": "InternalServerError"},
    )
    host.tell(lambda c: c.state)  # the loop comes to report it after the answer
    assert str(host.faults.pop()["exception"]) == "inside"


@pytest.mark.parametrize("path", ["/ping", "/2018-06-01/ping"])
def test_ping(wire: Wire, path: str) -> None:
    """A14."""
    reply = wire.call("GET", path)
    assert (reply.status, reply.body) == (200, b"pong")


def test_a_snapshot_waits_for_its_restore(host: RuntimeHost) -> None:
    """A15 with SnapStart: restore/next blocks, next follows, and restore/error is taken."""
    host.fresh(snapshots=True)
    with contextlib.closing(Wire(host.address)) as wire:
        wire.ask("GET", f"{PREFIX}/restore/next")
        while not host.ends:
            host.tell(lambda c: c.state)
        assert host.ends[-1].by is EndedBy.RESTORE_NEXT
        host.tell(lambda c: c.restore())
        assert wire.answer().status == 200
        reply = wire.call("POST", f"{PREFIX}/restore/error", b'{"errorMessage":"hook"}')
        assert reply.status == 202
        assert host.ends[-1].payload == b'{"errorMessage":"hook"}'
