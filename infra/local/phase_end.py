"""How a phase of an environment ended, and what the caller and the log see of it: pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from infra.local import contract, log_lines
from infra.local.errors import InvalidResponseMode, PayloadTooLarge, ProtocolError
from infra.local.invocation import error_payload


class EndedBy(StrEnum):
    """What ended a phase."""

    NEXT = "next"  # the runtime asked for an event
    RESTORE_NEXT = "restore next"  # SnapStart: the runtime waits for the restore
    RESPONSE = "response"
    ERROR = "error"
    BAD_RESPONSE = "bad response"  # the runtime broke a limit or the protocol while answering
    INIT_ERROR = "init error"
    EXIT = "exit"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out of memory"


# The runtime continues after these; after all others it is killed.
SURVIVED = frozenset({EndedBy.RESPONSE, EndedBy.ERROR, EndedBy.BAD_RESPONSE})


@dataclass(frozen=True)
class PhaseEnd:
    """The end of a phase, with the runtime's or the platform's details."""

    by: EndedBy
    payload: bytes = b""
    error_type: str | None = None
    status: int = 0  # of the process that exited, or minus its signal


@dataclass(frozen=True)
class InvocationEnd:
    """The end of an invocation: payload and function_error for the caller, the rest for the log."""

    payload: bytes
    function_error: str | None = None
    status: str = "success"  # as in platform.report: success, error, failure, timeout
    error_type: str | None = None
    message: str | None = None  # logged when the runtime has ended


def invocation_end_of(end: PhaseEnd, request_id: str, timeout_s: float) -> InvocationEnd:
    """Return the end of an invocation: docs/contract.md 6.2, B1 to B7."""
    prefix = f"RequestId: {request_id} Error: "
    if end.by is EndedBy.RESPONSE:
        return InvocationEnd(end.payload)
    if end.by in (EndedBy.ERROR, EndedBy.BAD_RESPONSE, EndedBy.INIT_ERROR):
        return InvocationEnd(end.payload, "Unhandled", "error", end.error_type)
    if end.by is EndedBy.TIMEOUT:
        payload = error_payload(contract.TIMED_OUT, prefix + log_lines.timed_out(timeout_s))
        return InvocationEnd(payload, "Unhandled", "timeout", contract.TIMED_OUT)
    status, error_type, exit_status = "failure", contract.EXIT_ERROR, end.status
    if end.by is EndedBy.OUT_OF_MEMORY:
        # The caller learns of the signal; only the report names the memory [3P].
        status, error_type, exit_status = "error", contract.OUT_OF_MEMORY, -9
    message = prefix + exit_text(exit_status)
    payload = error_payload(contract.EXIT_ERROR, message)
    return InvocationEnd(payload, "Unhandled", status, error_type, message)


def init_report_of(end: PhaseEnd, init_ms: float, phase: str) -> log_lines.InitReport:
    """Return the log line for a failed init."""
    if end.by is EndedBy.TIMEOUT:
        return log_lines.InitReport(init_ms, phase, "timeout")
    error_type = end.error_type or contract.EXIT_ERROR
    if end.by is EndedBy.OUT_OF_MEMORY:
        error_type = contract.OUT_OF_MEMORY
    return log_lines.InitReport(init_ms, phase, "error", error_type)


def bad_response_of(error: ProtocolError, request_id: str) -> PhaseEnd:
    """Return the end for a runtime whose answer was refused: A7, A8, A9 and B7."""
    if isinstance(error, PayloadTooLarge):
        limit = contract.RESPONSE_LIMIT_BYTES
        message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
        error_type = contract.RESPONSE_TOO_LARGE
    elif isinstance(error, InvalidResponseMode):
        message, error_type = str(error), contract.INVALID_RESPONSE_MODE
    else:
        message = f"RequestId: {request_id} Error: {error}"  # [?] the text is not recorded
        error_type = contract.TRUNCATED_RESPONSE
    return PhaseEnd(EndedBy.BAD_RESPONSE, error_payload(error_type, message), error_type)


_SIGNALS = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    5: "trace/breakpoint trap",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    10: "user defined signal 1",
    11: "segmentation fault",
    12: "user defined signal 2",
    13: "broken pipe",
    14: "alarm clock",
    15: "terminated",
}


def exit_text(status: int) -> str:
    """Return how a process ended, in the words of Go's os/exec, which the service's messages use.

    A segmentation fault was once recorded as a timeout; here, as in RIE, it is a signal [?].

    Args:
        status: the exit status, or minus the signal.
    """
    if status == 0:
        return "Runtime exited without providing a reason"  # [REC] test_lambda_runtime_exit
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return f"Runtime exited with error: signal: {_SIGNALS.get(-status, -status)}"
