"""How a phase of an environment ended, and what the caller and the log get to see of it: pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from infra.local import contract, log_lines
from infra.local.errors import InvalidResponseMode, PayloadTooLarge, ProtocolError
from infra.local.invocation import error_payload


class Ended(StrEnum):
    """Say how a phase ended."""

    READY = "ready"  # the runtime asked for an event
    RESTORABLE = "restorable"  # SnapStart: the runtime waits for its snapshot to be restored
    RESPONSE = "response"
    ERROR = "error"
    BAD_RESPONSE = "bad response"  # the runtime broke a limit or the protocol while answering
    INIT_ERROR = "init error"
    EXIT = "exit"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out of memory"


# The runtime goes on after these; after all others it is killed.
SURVIVED = frozenset({Ended.RESPONSE, Ended.ERROR, Ended.BAD_RESPONSE})


@dataclass(frozen=True)
class PhaseEnd:
    """Be the end of a phase, with what the runtime or the platform has to say about it."""

    kind: Ended
    payload: bytes = b""
    error_type: str | None = None
    status: int = 0  # for EXIT: of the process, or minus its signal


@dataclass(frozen=True)
class Outcome:
    """
    Be an invocation's end as the caller (payload,
    function_error) and the log (the rest) see it.
    """

    payload: bytes
    function_error: str | None = None
    status: str = "success"  # as platform.report has it: success, error, failure, timeout
    error_type: str | None = None
    message: str | None = None  # logged when the runtime is gone


def outcome_of(end: PhaseEnd, request_id: str, timeout_s: float) -> Outcome:
    """Give the outcome of an invocation: docs/contract.md 6.2, B1 to B7."""
    prefix = f"RequestId: {request_id} Error: "
    if end.kind is Ended.RESPONSE:
        return Outcome(end.payload)
    if end.kind in (Ended.ERROR, Ended.BAD_RESPONSE):
        return Outcome(end.payload, "Unhandled", "error", end.error_type)
    if end.kind is Ended.INIT_ERROR:
        return Outcome(end.payload, "Unhandled", "error", end.error_type)
    if end.kind is Ended.TIMEOUT:
        payload = error_payload(contract.TIMED_OUT, prefix + log_lines.timed_out(timeout_s))
        return Outcome(payload, "Unhandled", "timeout", contract.TIMED_OUT)
    if end.kind is Ended.OUT_OF_MEMORY:
        message = prefix + exit_text(-9)
        # The caller is told of the signal; only the report names the memory [3P].
        payload = error_payload(contract.EXIT_ERROR, message)
        return Outcome(payload, "Unhandled", "error", contract.OUT_OF_MEMORY, message)
    message = prefix + exit_text(end.status)
    payload = error_payload(contract.EXIT_ERROR, message)
    return Outcome(payload, "Unhandled", "failure", contract.EXIT_ERROR, message)


def init_report_of(end: PhaseEnd, init_ms: float, phase: str) -> log_lines.InitReport:
    """Give the line for an init that failed."""
    if end.kind is Ended.TIMEOUT:
        return log_lines.InitReport(init_ms, phase, "timeout")
    error_type = {Ended.EXIT: contract.EXIT_ERROR, Ended.OUT_OF_MEMORY: contract.OUT_OF_MEMORY}
    return log_lines.InitReport(
        init_ms, phase, "error", error_type.get(end.kind, end.error_type or contract.EXIT_ERROR)
    )


def bad_response_of(error: ProtocolError, request_id: str) -> PhaseEnd:
    """Give what the caller gets when the runtime's answer was refused: A7, A8, A9 and B7."""
    if isinstance(error, PayloadTooLarge):
        limit = contract.RESPONSE_LIMIT_BYTES
        message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
        error_type = contract.RESPONSE_TOO_LARGE
    elif isinstance(error, InvalidResponseMode):
        message, error_type = str(error), contract.INVALID_RESPONSE_MODE
    else:
        message = f"RequestId: {request_id} Error: {error}"  # [?] the text is not recorded
        error_type = contract.TRUNCATED_RESPONSE
    return PhaseEnd(Ended.BAD_RESPONSE, error_payload(error_type, message), error_type)


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
    """
    Say how a process ended, in the words of Go's os/exec, which the service's messages are made of.

    A segmentation fault was once recorded as a timeout; here, as in RIE, it is a signal [?].

    Args:
        status: the exit status, or minus the signal.
    """
    if status == 0:
        return "Runtime exited without providing a reason"  # [REC] test_lambda_runtime_exit
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return f"Runtime exited with error: signal: {_SIGNALS.get(-status, -status)}"
