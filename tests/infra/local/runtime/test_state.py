"""The runtime's state machine: one table of calls, and what each comes to."""

from __future__ import annotations

import pytest

from infra.local import contract
from infra.local.errors import ProtocolError
from infra.local.runtime.state import Posting, RuntimeSession

LIMIT = contract.RESPONSE_LIMIT_BYTES


def call(session: RuntimeSession, act: str) -> str:
    """Make one call: its refusal, or the state that it leads to."""
    try:
        match act.split():
            case [("response" | "error") as kind, request_id, *options]:
                posting = Posting.RESPONSE if kind == "response" else Posting.ERROR
                size = LIMIT if "limit" in options else LIMIT + 1 if "larger" in options else 0
                mode = next((one for one in options if one in ("buffered", "streaming")), None)
                truncated = "truncated" in options
                session.post(posting, request_id, size=size, truncated=truncated, mode=mode)
            case ["assign", request_id]:
                session.assign(request_id)
            case _:
                getattr(session, act)()
    except ProtocolError as exc:
        return type(exc).__name__
    return str(session.state)


STARTED, READY, RUNNING, SENT = "Started", "Ready", "Running", "RuntimeResponseSentState"
BUSY = f"assign 1:{STARTED}, next:{READY}, deliver:{RUNNING}"
NO, UNKNOWN = "InvalidTransition", "InvalidRequestId"


@pytest.mark.parametrize(
    "life",
    [
        f"{BUSY}, response 1:{SENT}, next:{READY}, assign 2:{READY}, deliver:{RUNNING}",
        # A2: the same event is handed out again.
        f"{BUSY}, next:{RUNNING}, error 1:{SENT}",
        # A5: another id is refused before the state is looked at, and its size never is.
        f"assign 1:{STARTED}, response 2:{UNKNOWN}, next:{READY}, error 2:{UNKNOWN}",
        f"{BUSY}, response 2 larger:{UNKNOWN}, response 1:{SENT}, error 2:{UNKNOWN}",
        # A6: not before it was fetched, not twice, and unknown once it is released.
        f"assign 1:{STARTED}, response 1:{NO}, error 1:{NO}",
        f"{BUSY}, response 1:{SENT}, error 1:{NO}, next:{READY}, error 1:{UNKNOWN}",
        f"{BUSY}, response 1:{SENT}, response 1:{NO}",
        f"{BUSY}, error 1:{SENT}, response 1:{NO}, error 1:{NO}",
        # A7, A8, A9: the invocation has ended, and the runtime may go on.
        f"{BUSY}, response 1 limit:{SENT}",
        f"{BUSY}, response 1 larger:PayloadTooLarge, response 1:{NO}, next:{READY}",
        f"{BUSY}, error 1 truncated:TruncatedRequest, next:{READY}",
        f"{BUSY}, response 1 buffered:InvalidResponseMode, next:{READY}",
        f"{BUSY}, response 1 streaming:{SENT}",
        # A10, A11: only before the first next; after it the process can do nothing but exit.
        f"init_error:InitError, init_error:{NO}, next:{NO}, restore_next:{NO}",
        f"{BUSY}, init_error:{NO}",
        # A15: a restore comes between the init and the first next.
        f"restore_next:RestoreReady, next:{READY}, restore_next:{NO}",
        f"restore_error:{NO}, restore_next:RestoreReady, restore_error:RestoreError, next:{NO}",
        # An event is delivered only to a runtime that waits.
        f"deliver:{NO}",
    ],
)
def test_a_life(life: str) -> None:
    """Each call leads to its state, or is refused and changes nothing."""
    session = RuntimeSession()
    for number, one in enumerate(life.split(", ")):
        act, _, expected = one.partition(":")
        assert (number, act, call(session, act)) == (number, act, expected)


@pytest.mark.parametrize("posting", list(Posting))
def test_a_refusal_names_both_states(posting: Posting) -> None:
    """In RIE's words."""
    session = RuntimeSession()
    session.assign("1")
    with pytest.raises(ProtocolError) as caught:
        session.post(posting, "1")
    assert str(caught.value) == (
        f"State transition from Started to {posting} failed for runtime."
        " Error: State transition is not allowed"
    )
