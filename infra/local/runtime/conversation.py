"""The exchange between one runtime process and its environment over the Runtime API."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace

from infra.local import contract
from infra.local.errors import (
    InvalidResponseMode,
    NotEmulated,
    PayloadTooLarge,
    TruncatedRequest,
)
from infra.local.phase_end import EndedBy, PhaseEnd, bad_response_of
from infra.local.runtime.api import GiveUp, RuntimeApi, nothing
from infra.local.runtime.exchange import Answer, RuntimeReply, RuntimeRequest
from infra.local.runtime.state import Posting, RuntimeSession, RuntimeState

_ERROR_TYPE = re.compile(contract.ERROR_TYPE_PATTERN)
_RESTORED = RuntimeReply(200, b"")


class Conversation:
    """The environment's side: takes a process's calls, hands it events, reports ends of phases."""

    def __init__(self, on_end: Callable[[PhaseEnd], None], *, snapshots: bool = False) -> None:
        self._on_end = on_end
        self._snapshots = snapshots
        self._session = RuntimeSession()
        self._api = RuntimeApi(self)
        self._askers: list[Answer] = []
        self._event: RuntimeReply | None = None
        self._answered: asyncio.Future[None] | None = None
        self._restore: Answer | None = None

    async def open(self) -> str:
        """Start listening.

        Returns:
            host:port for AWS_LAMBDA_RUNTIME_API.
        """
        return await self._api.open()

    def close(self) -> None:
        """Stop listening."""
        self._api.close()

    @property
    def state(self) -> RuntimeState:
        """The runtime's state."""
        return self._session.state

    def assign(self, request_id: str) -> None:
        """Reserve the process for an invocation."""
        self._session.assign(request_id)

    def deliver(self, event: RuntimeReply, answered: asyncio.Future[None] | None = None) -> None:
        """Hand the event of the reserved invocation to the waiting runtime.

        event: the runtime's.
        answered: done once the caller has its answer; the runtime's post is acknowledged only then.
        """
        self._event = event
        self._answered = answered
        self._session.deliver()
        askers, self._askers = self._askers, []
        for answer in askers:
            answer(event)

    def restore(self) -> None:
        """Tell a waiting runtime that its snapshot was restored."""
        if self._restore is not None:
            self._restore(_RESTORED)
            self._restore = None

    # Actions of the runtime. These methods raise ProtocolError to refuse.

    def next_asked(self, answer: Answer) -> GiveUp:
        """Hand out the event again if it is running, or keep the runtime waiting for one."""
        before = self._session.state
        self._session.next()
        if self._session.state is RuntimeState.RUNNING and self._event is not None:
            answer(self._event)
            return nothing
        self._askers.append(answer)
        if before is not RuntimeState.READY:
            self._event = None
            self._on_end(PhaseEnd(EndedBy.NEXT))

        def give_up() -> None:
            if answer in self._askers:
                self._askers.remove(answer)

        return give_up

    def response_posted(
        self, request_id: str, request: RuntimeRequest
    ) -> asyncio.Future[None] | None:
        """End the invocation with its result. Return what to await before acknowledging it."""
        self._post(Posting.RESPONSE, request_id, request)
        self._on_end(PhaseEnd(EndedBy.RESPONSE, bytes(request.body)))
        return self._answered

    def error_posted(self, request_id: str, request: RuntimeRequest) -> asyncio.Future[None] | None:
        """End the invocation with the function's error; its body is passed on unchanged."""
        self._post(Posting.ERROR, request_id, request)
        error_type = _error_type(request, contract.UNKNOWN_FUNCTION_ERROR)
        self._on_end(PhaseEnd(EndedBy.ERROR, bytes(request.body), error_type))
        return self._answered

    def init_error_posted(self, request: RuntimeRequest) -> None:
        """End the init phase with the error of the static code."""
        self._session.init_error()
        self._fail_init(request)

    def restore_asked(self, answer: Answer) -> GiveUp:
        """Keep the runtime waiting at the point where its snapshot is taken."""
        if not self._snapshots:
            raise NotEmulated
        self._session.restore_next()
        self._restore = answer
        self._on_end(PhaseEnd(EndedBy.RESTORE_NEXT))
        return nothing

    def restore_error_posted(self, request: RuntimeRequest) -> None:
        """End the restore with the error of an after-restore hook."""
        if not self._snapshots:
            raise NotEmulated
        self._session.restore_error()
        self._fail_init(request)

    def _fail_init(self, request: RuntimeRequest) -> None:
        if request.size > contract.RESPONSE_LIMIT_BYTES:
            # [?] no limit of an init error is documented; its caller cannot get more than this.
            refusal = PayloadTooLarge()
            self._on_end(replace(bad_response_of(refusal, ""), by=EndedBy.INIT_ERROR))
            raise refusal
        error_type = _error_type(request, contract.UNKNOWN_RUNTIME_ERROR)
        self._on_end(PhaseEnd(EndedBy.INIT_ERROR, bytes(request.body), error_type))

    def _post(self, posting: Posting, request_id: str, request: RuntimeRequest) -> None:
        mode = request.header(b"lambda-runtime-function-response-mode")
        try:
            self._session.post(
                posting, request_id, size=request.size, truncated=request.truncated, mode=mode
            )
        except (InvalidResponseMode, PayloadTooLarge, TruncatedRequest) as exc:
            self._on_end(bad_response_of(exc, request_id))
            raise


def _error_type(request: RuntimeRequest, otherwise: str) -> str:
    """Return the error type for the log: as posted, if it has the service's form (6.1.2)."""
    posted = request.header(b"lambda-runtime-function-error-type") or ""
    return posted if _ERROR_TYPE.fullmatch(posted) else otherwise
