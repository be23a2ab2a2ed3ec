"""The Runtime API on the HTTP host: pipelining, oversized heads, refusals, hanging up."""

from __future__ import annotations

import contextlib

import pytest

from infra.local.phase_end import EndedBy
from tests.infra.local.runtime.runtime_host import (
    NEXT,
    RuntimeHost,
    Wire,
    fetch,
    post_path,
    wait_for_ready,
    wire_reached,
)


def test_head_gets_no_body(wire: Wire) -> None:
    """A12: the next reply on the connection is not mistaken for it."""
    wire.send(
        f"HEAD {NEXT} HTTP/1.1\r\nHost: r\r\n\r\nGET /ping HTTP/1.1\r\nHost: r\r\n\r\n".encode()
    )
    wire.socket.settimeout(5)
    received = b""
    while not received.endswith(b"pong"):
        received += wire.socket.recv(4096)
    head, _, rest = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405 ")
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")


def test_pipelined_requests_are_answered_in_order(host: RuntimeHost, wire: Wire) -> None:
    """Many at once, one of them waiting, neither lost nor mixed up."""
    one = b"GET /ping HTTP/1.1\r\nHost: r\r\n\r\n"
    wire.send(one * 3 + f"GET {NEXT} HTTP/1.1\r\nHost: r\r\n\r\n".encode() + one * 1_000)
    assert [wire.answer().body for _ in range(3)] == [b"pong"] * 3
    wait_for_ready(host)
    host.hand_over("id-1", b'"event"')
    assert wire.answer().body == b'"event"'
    assert {wire.answer().body for _ in range(1_000)} == {b"pong"}


def test_a_client_may_wait_to_be_asked_for_its_body(host: RuntimeHost, wire: Wire) -> None:
    """curl sends Expect: 100-continue before a large body."""
    fetch(host, wire)
    wire.send(f"POST {post_path('id-1')} HTTP/1.1\r\nHost: r\r\nExpect: 100-continue\r\n".encode())
    wire.send(b"Content-Length: 2\r\n\r\n")
    assert wire.answer().status == 100
    wire.send(b"{}")
    assert wire.answer().status == 202


def test_the_xray_cause_may_be_a_megabyte(host: RuntimeHost, wire: Wire) -> None:
    """awslambdaric sends headers of that size; beyond 2 MiB they are refused."""
    fetch(host, wire)
    header = {"Lambda-Runtime-Function-XRay-Error-Cause": "x" * (1024 * 1024 - 1)}
    assert wire.call("POST", post_path("id-1", "error"), b"{}", header).status == 202
    header = {"Lambda-Runtime-Function-XRay-Error-Cause": "x" * (2 * 1024 * 1024)}
    reply = wire.call("POST", post_path("id-1", "error"), b"{}", header)
    assert reply.status == 431
    assert wire.ended()


@pytest.mark.parametrize("length", ["Content-Length: 1\r\n", ""])
def test_what_is_no_http_is_refused(host: RuntimeHost, wire: Wire, length: str) -> None:
    """400 in the service's form, then the end; the invocation goes on as if nothing was said."""
    fetch(host, wire)
    head = f"POST {post_path('id-1')} HTTP/1.1\r\nHost: r\r\n{length}"
    wire.send(head.encode() + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
    reply = wire.answer()
    assert (reply.status, reply.json["errorType"]) == (400, "InvalidRequest")
    assert reply.headers["content-type"] == "application/json"
    assert wire.ended()
    assert [end.by for end in host.ends] == [EndedBy.NEXT]


def test_a_runtime_that_hangs_up_while_it_waits_loses_no_event(
    host: RuntimeHost, wire: Wire
) -> None:
    """The event goes to the connection that is left."""
    wire.ask("GET", NEXT)
    wait_for_ready(host)
    wire.close()
    with contextlib.closing(Wire(host.address)) as second:
        second.ask("GET", NEXT)
        assert wire_reached(host, second)
        host.hand_over("id-1")
        assert second.answer().status == 200
