"""The runtime's state machine, transition by transition."""

from __future__ import annotations

import pytest

from infra.local import contract
from infra.local.errors import (
    InvalidRequestId,
    InvalidResponseMode,
    InvalidTransition,
    PayloadTooLarge,
    TruncatedRequest,
)
from infra.local.runtime.state import Posting, RuntimeSession, RuntimeState


def running() -> RuntimeSession:
    """Give a session with an event under way."""
    session = RuntimeSession()
    session.assign("id-1")
    session.next()
    session.deliver()
    return session


def test_a_life_goes_from_started_to_ready_again() -> None:
    """next, deliver, response, next: each state follows, and the id is released at the end."""
    session = RuntimeSession()
    seen = [session.state]
    session.assign("id-1")
    session.next()
    seen.append(session.state)
    session.deliver()
    seen.append(session.state)
    session.post(Posting.RESPONSE, "id-1")
    seen.append(session.state)
    assert session.current_id == "id-1"
    session.next()
    seen.append(session.state)
    assert [str(state) for state in seen] == [
        "Started",
        "Ready",
        "Running",
        "RuntimeResponseSentState",
        "Ready",
    ]
    assert session.current_id is None


def test_next_while_running_changes_nothing() -> None:
    """A2: the same event is handed out again."""
    session = running()
    session.next()
    assert session.state is RuntimeState.RUNNING
    assert session.current_id == "id-1"


@pytest.mark.parametrize("posting", list(Posting))
def test_another_id_is_refused_before_the_state_is_looked_at(posting: Posting) -> None:
    """A5: 400 in every state, also where the right id would be 403."""
    for session in (RuntimeSession(), running()):
        session.assign("id-1")
        before = session.state
        with pytest.raises(InvalidRequestId, match=r"^Invalid request ID$"):
            session.post(posting, "id-2")
        assert session.state is before


@pytest.mark.parametrize("posting", list(Posting))
def test_the_right_id_before_next_is_an_invalid_transition(posting: Posting) -> None:
    """A6: the message names both states."""
    session = RuntimeSession()
    session.assign("id-1")
    with pytest.raises(InvalidTransition) as caught:
        session.post(posting, "id-1")
    assert str(caught.value) == (
        f"State transition from Started to {posting} failed for runtime."
        " Error: State transition is not allowed"
    )


@pytest.mark.parametrize("first", list(Posting))
@pytest.mark.parametrize("second", list(Posting))
def test_an_invocation_is_answered_once(first: Posting, second: Posting) -> None:
    """A6: whatever comes after the first answer is 403 until it is released."""
    session = running()
    session.post(first, "id-1")
    with pytest.raises(InvalidTransition, match="from RuntimeResponseSentState to"):
        session.post(second, "id-1")


def test_an_old_id_is_unknown_once_released() -> None:
    """6.1: after the release 400, while still unreleased 403."""
    session = running()
    session.post(Posting.RESPONSE, "id-1")
    session.next()
    with pytest.raises(InvalidRequestId):
        session.post(Posting.RESPONSE, "id-1")


def test_the_size_is_looked_at_last_and_ends_the_invocation() -> None:
    """A7: the limit passes, one byte more is 413, and the runtime may go on."""
    limit = contract.RESPONSE_LIMIT_BYTES
    running().post(Posting.RESPONSE, "id-1", size=limit)
    session = running()
    with pytest.raises(PayloadTooLarge, match=r"\(6291556 bytes\)\.$"):
        session.post(Posting.RESPONSE, "id-1", size=limit + 1)
    assert session.state is RuntimeState.RESPONSE_SENT
    with pytest.raises(InvalidRequestId):
        running().post(Posting.RESPONSE, "id-2", size=limit + 1)


def test_a_truncated_body_ends_the_invocation() -> None:
    """A8."""
    session = running()
    with pytest.raises(TruncatedRequest):
        session.post(Posting.RESPONSE, "id-1", truncated=True)
    assert session.state is RuntimeState.RESPONSE_SENT


def test_a_wrong_response_mode_does_not_leave_the_runtime_stuck() -> None:
    """A9: 400, and unlike in RIE the next event can be fetched."""
    session = running()
    with pytest.raises(InvalidResponseMode):
        session.post(Posting.RESPONSE, "id-1", mode="buffered")
    session.next()
    assert session.state is RuntimeState.READY
    running().post(Posting.RESPONSE, "id-1", mode="streaming")


def test_an_init_error_is_only_possible_before_the_first_next() -> None:
    """A10 and A11; after it the process can do nothing but exit."""
    session = RuntimeSession()
    session.init_error()
    assert session.state is RuntimeState.INIT_ERROR
    for call in (session.init_error, session.next, session.restore_next):
        with pytest.raises(InvalidTransition, match="from InitError to"):
            call()
    with pytest.raises(InvalidTransition, match="from Running to InitError"):
        running().init_error()


def test_a_restore_comes_between_init_and_the_first_next() -> None:
    """A15 with SnapStart."""
    session = RuntimeSession()
    session.restore_next()
    session.next()
    assert session.state is RuntimeState.READY
    failed = RuntimeSession()
    with pytest.raises(InvalidTransition, match="from Started to RestoreError"):
        failed.restore_error()
    failed.restore_next()
    failed.restore_error()
    with pytest.raises(InvalidTransition, match="from RestoreError to Ready"):
        failed.next()


def test_an_event_is_delivered_only_to_a_runtime_that_waits() -> None:
    """The environment cannot run an invocation before the runtime asked for it."""
    with pytest.raises(InvalidTransition, match="from Started to Running"):
        RuntimeSession().deliver()
