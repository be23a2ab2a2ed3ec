"""The runtime's side of the Runtime API as a state machine: pure, no I/O, no clock.

States in order of life:

    Started ──next──► Ready ──deliver──► Running ──response|error──► ResponseSent ──next──► Ready
       │
       ├──init/error──► InitError                     (the process is expected to exit)
       └──restore/next──► RestoreReady ──next──► Ready       (SnapStart only)
                               └──restore/error──► RestoreError

Source: docs/contract.md 6.1; RIE internal/lambda/core/states.go names the states. Its router.go
decides the order of checks, since "state machine transitions are irreversible": the request's form
first, its id (400), then the state (403), then the size (413).
"""

from __future__ import annotations

from enum import StrEnum

from infra.local import contract
from infra.local.errors import (
    InvalidRequestId,
    InvalidResponseMode,
    InvalidTransition,
    PayloadTooLarge,
    TruncatedRequest,
)


class RuntimeState(StrEnum):
    """The states, named as in RIE's messages, in order of life."""

    STARTED = "Started"
    INIT_ERROR = "InitError"
    RESTORE_READY = "RestoreReady"
    RESTORE_ERROR = "RestoreError"
    READY = "Ready"
    RUNNING = "Running"
    RESPONSE_SENT = "RuntimeResponseSentState"  # as RIE spells it in its refusals


class Posting(StrEnum):
    """The two transitions that end an invocation, named as in RIE's messages."""

    RESPONSE = "InvocationResponse"
    ERROR = "InvocationErrorResponse"


_BEFORE_NEXT = {
    RuntimeState.STARTED,
    RuntimeState.RESTORE_READY,
    RuntimeState.READY,
    RuntimeState.RUNNING,
    RuntimeState.RESPONSE_SENT,
}


class RuntimeSession:
    """The state of one runtime process through its life."""

    def __init__(self) -> None:
        self.state = RuntimeState.STARTED
        self.current_id: str | None = None

    def assign(self, request_id: str) -> None:
        """Reserve the environment for an invocation, before or after the runtime asks for one."""
        self.current_id = request_id

    def next(self) -> None:
        """Ask for an event (A1, A2): ends the init phase, or releases the last invocation."""
        if self.state not in _BEFORE_NEXT:
            raise InvalidTransition(self.state, RuntimeState.READY)
        if self.state is RuntimeState.RUNNING:
            return
        if self.state is RuntimeState.RESPONSE_SENT:
            self.current_id = None
        self.state = RuntimeState.READY

    def deliver(self) -> None:
        """Hand the reserved event over to the waiting runtime."""
        if self.state is not RuntimeState.READY:
            raise InvalidTransition(self.state, RuntimeState.RUNNING)
        self.state = RuntimeState.RUNNING

    def post(
        self,
        posting: Posting,
        request_id: str,
        *,
        size: int = 0,
        truncated: bool = False,
        mode: str | None = None,
    ) -> None:
        """End the invocation with a response or an error (A3 to A9).

        Raises:
            InvalidRequestId: it is not this environment's invocation; nothing changes.
            InvalidTransition: the runtime has not fetched it, or has answered it; nothing changes.
            InvalidResponseMode, TruncatedRequest, PayloadTooLarge: the invocation has ended with
                it.
        """
        if request_id != self.current_id:
            raise InvalidRequestId
        if self.state is not RuntimeState.RUNNING:
            raise InvalidTransition(self.state, posting)
        # RIE stays in InvocationResponse after A9, and every later post is 403: a stuck runtime.
        # Going on to ResponseSent lets it fetch the next event. This difference from RIE is
        # deliberate.
        self.state = RuntimeState.RESPONSE_SENT
        if posting is Posting.RESPONSE and mode not in (None, "streaming"):
            raise InvalidResponseMode
        if size > contract.RESPONSE_LIMIT_BYTES:
            raise PayloadTooLarge
        if truncated:
            raise TruncatedRequest

    def init_error(self) -> None:
        """Report that the static code failed (A10, A11)."""
        if self.state is not RuntimeState.STARTED:
            raise InvalidTransition(self.state, RuntimeState.INIT_ERROR)
        self.state = RuntimeState.INIT_ERROR

    def restore_next(self) -> None:
        """Report that the snapshot may be taken (A15)."""
        if self.state is not RuntimeState.STARTED:
            raise InvalidTransition(self.state, RuntimeState.RESTORE_READY)
        self.state = RuntimeState.RESTORE_READY

    def restore_error(self) -> None:
        """Report that an after-restore hook failed (A15)."""
        if self.state is not RuntimeState.RESTORE_READY:
            raise InvalidTransition(self.state, RuntimeState.RESTORE_ERROR)
        self.state = RuntimeState.RESTORE_ERROR
