"""The Runtime API under a state machine that Hypothesis plays:
no hang, no 5xx, no wrong id accepted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from infra.local.runtime.state import RuntimeState
from tests.infra.local.runtime.runtime_host import PREFIX, Answered, RuntimeHost, Wire, hosting

NEXT = f"{PREFIX}/invocation/next"
STEPS = 2_000
KINDS = st.sampled_from(["response", "error"])


SENT = "RuntimeResponseSentState"


class RuntimeMachine(RuleBasedStateMachine):
    """Play a runtime that does anything, beside a model of what the contract says."""

    host: RuntimeHost
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.state = "Started"
        self.current: str | None = None
        self.old: list[str] = []
        self.count = 0

    @initialize()
    def begin(self) -> None:
        """Start a new runtime."""
        self.host.fresh()
        self.wire = Wire(self.host.address)
        self.waiting: Wire | None = None

    def teardown(self) -> None:
        """Hang up."""
        for wire in (getattr(self, "wire", None), getattr(self, "waiting", None)):
            if wire is not None:
                wire.close()

    def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answered:
        """Send a request and check what holds for every reply."""
        type(self).steps += 1
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        reply = self.wire.call(method, path, body, names)
        assert reply.status < 500
        assert reply.headers["Content-Type"] == "application/json"
        return reply

    def new_id(self) -> str:
        """Return an id that was never used."""
        self.count += 1
        return f"id-{self.count}"

    @precondition(lambda self: self.state in ("Started", SENT) and self.waiting is None)
    @rule()
    def next_that_waits(self) -> None:
        """Ask for an event where there is none: the request stays open."""
        type(self).steps += 1
        self.waiting = Wire(self.host.address)
        self.waiting.ask("GET", NEXT)
        while self.host.tell(lambda c: c.state) is not RuntimeState.READY:
            pass
        if self.state == SENT and self.current is not None:
            self.old.append(self.current)
            self.current = None
        self.state = "Ready"

    @precondition(lambda self: self.state == "Ready" and self.waiting is not None)
    @rule(payload=st.binary(max_size=40))
    def event(self, payload: bytes) -> None:
        """Hand an event over: it comes out of the open request byte for byte."""
        type(self).steps += 1
        self.current = self.new_id()
        self.host.hand_over(self.current, payload)
        assert self.waiting is not None
        reply = self.waiting.answer()
        assert (reply.status, reply.body) == (200, payload)
        assert reply.headers["Lambda-Runtime-Aws-Request-Id"] == self.current
        self.payload = payload
        self.waiting.close()
        self.waiting = None
        self.state = "Running"

    @precondition(lambda self: self.state == "Running")
    @rule()
    def next_again(self) -> None:
        """A2: the same event, the same id."""
        reply = self.call("GET", NEXT)
        assert (reply.status, reply.body) == (200, self.payload)
        assert reply.headers["Lambda-Runtime-Aws-Request-Id"] == self.current

    @precondition(lambda self: self.state == "InitError")
    @rule()
    def next_after_init_error(self) -> None:
        """The process is expected to exit."""
        assert self.call("GET", NEXT).status == 403

    @rule(kind=KINDS, body=st.binary(max_size=40), wrong_mode=st.booleans())
    def post(self, kind: str, body: bytes, wrong_mode: bool) -> None:
        """Post with the id that the environment holds, if there is one."""
        if self.current is None:
            return
        mode = {"Lambda_Runtime_Function_Response_Mode": "other"} if wrong_mode else {}
        reply = self.call("POST", f"{PREFIX}/invocation/{self.current}/{kind}", body, **mode)
        if self.state != "Running":
            assert (reply.status, reply.json["errorType"]) == (403, "InvalidStateTransition")
            return
        if wrong_mode and kind == "response":
            assert (reply.status, reply.json["errorType"]) == (400, "InvalidFunctionResponseMode")
        else:
            assert reply.status == 202
            assert self.host.ends[-1].payload == body
        self.state = SENT

    @precondition(lambda self: self.state == "Running")
    @rule(kind=KINDS, pieces=st.lists(st.binary(min_size=1, max_size=9), max_size=4))
    def post_in_chunks(self, kind: str, pieces: list[bytes]) -> None:
        """Post without stating a length."""
        type(self).steps += 1
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        path = f"{PREFIX}/invocation/{self.current}/{kind}"
        self.wire.send(f"POST {path} HTTP/1.1\r\nHost: r\r\n".encode())
        self.wire.send(b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        assert self.wire.answer().status == 202
        assert self.host.ends[-1].payload == b"".join(pieces)
        self.state = SENT

    @precondition(lambda self: self.state == "Running")
    @rule(kind=KINDS, missing=st.integers(1, 30))
    def post_cut_short(self, kind: str, missing: int) -> None:
        """Post less than stated."""
        type(self).steps += 1
        path = f"{PREFIX}/invocation/{self.current}/{kind}"
        with contextlib.closing(Wire(self.host.address)) as wire:
            wire.send(f"POST {path} HTTP/1.1\r\nHost: r\r\nContent-Length: 30\r\n\r\n".encode())
            wire.send(b"x" * (30 - missing))
            wire.socket.shutdown(1)
            reply = wire.answer()
        assert (reply.status, reply.json["errorType"]) == (400, "TruncatedHTTPRequest")
        self.state = SENT

    @rule(kind=KINDS, body=st.binary(max_size=9), data=st.data())
    def post_with_another_id(self, kind: str, body: bytes, data: Any) -> None:
        """A5: an id that is old, of the future, or none at all, changes nothing in any state."""
        others = [*self.old[-3:], "id-999999", "next", "%00", "%2e%2e"]
        request_id = data.draw(st.sampled_from(others))
        ends = len(self.host.ends)
        reply = self.call("POST", f"{PREFIX}/invocation/{request_id}/{kind}", body)
        assert reply.status == 400
        assert reply.json["errorType"] == "InvalidRequestID"
        assert len(self.host.ends) == ends

    @rule(body=st.binary(max_size=9))
    def init_error(self, body: bytes) -> None:
        """A10 and A11."""
        reply = self.call("POST", f"{PREFIX}/init/error", body)
        assert reply.status == (202 if self.state == "Started" else 403)
        if self.state == "Started":
            self.state = "InitError"

    @rule(
        method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
        path=st.sampled_from(["/", "/x", f"{PREFIX}/", "/2020-01-01/extension/register"]),
    )
    def other_path(self, method: str, path: str) -> None:
        """A12 and A16."""
        assert self.call(method, path).status == 404

    @rule()
    def wrong_method(self) -> None:
        """A12."""
        assert self.call("PUT", NEXT).status == 405

    @rule(data=st.binary(min_size=1, max_size=30))
    def garbage(self, data: bytes) -> None:
        """What is no HTTP gets 400 or nothing, on a connection of its own."""
        type(self).steps += 1
        with contextlib.closing(Wire(self.host.address)) as wire:
            wire.send(b"\x00" + data + b"\r\n\r\n")
            assert wire.answer().status == 400

    @rule()
    def state_is_as_modelled(self) -> None:
        """The model and the emulator agree."""
        type(self).steps += 1
        assert str(self.host.tell(lambda c: c.state)) == self.state
        assert self.host.faults == []


@pytest.fixture
def machine() -> Iterator[type[RuntimeMachine]]:
    """Give the machine a host."""
    with hosting() as host:
        RuntimeMachine.host = host
        RuntimeMachine.steps = 0
        yield RuntimeMachine


def test_no_sequence_of_calls_breaks_the_runtime_api(machine: type[RuntimeMachine]) -> None:
    """At least 2,000 steps of anything a runtime might do."""
    rounds = settings(
        max_examples=50,
        stateful_step_count=60,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=rounds)
    assert machine.steps >= STEPS


def test_the_machine_finds_a_wrong_id_that_is_accepted(
    machine: type[RuntimeMachine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proof that the check can fail: an emulator that takes any id is caught."""

    def careless(conversation: Any, posting: Any, _id: str, request: Any) -> None:
        session = conversation._session
        session.post(posting, session.current_id, truncated=request.truncated)

    monkeypatch.setattr("infra.local.runtime.conversation.Conversation._post", careless)
    rounds = settings(
        max_examples=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=rounds)
