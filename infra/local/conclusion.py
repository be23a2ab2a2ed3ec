"""The end of an invocation: written to its log, and worded for its caller."""

from __future__ import annotations

from dataclasses import dataclass

from infra.local import contract, log_lines
from infra.local.invocation import Invocation, InvokeResult
from infra.local.logs import LogStream
from infra.local.phase_end import PhaseEnd, invocation_end_of
from infra.settings.function import FunctionConfig


@dataclass(frozen=True)
class Usage:
    """What an invocation used; init and restore only if they belong to it."""

    duration_ms: float
    memory_mb: float
    init_ms: float | None = None
    restore_ms: float | None = None


def conclude(
    invocation: Invocation, end: PhaseEnd, usage: Usage, config: FunctionConfig, stream: LogStream
) -> InvokeResult:
    """Close an invocation's log, and return the result for its caller."""
    request_id = invocation.request_id
    seen = invocation_end_of(end, request_id, config.timeout_s)
    if seen.status == "timeout":
        stream.platform(log_lines.TimedOut(request_id, config.timeout_s, stream.now()))
    elif seen.message is not None:
        stream.platform(log_lines.Failed(seen.message, contract.EXIT_ERROR))
    stream.platform(log_lines.End(request_id, seen.status, seen.error_type))
    restore_ms = usage.restore_ms
    stream.platform(
        log_lines.Report(
            request_id=request_id,
            duration_ms=usage.duration_ms,
            # [DOC] since 1 August 2025 init is billed for every package type.
            billed_ms=log_lines.whole_ms(usage.duration_ms + (usage.init_ms or 0.0)),
            memory_mb=config.memory_mb,
            max_memory_mb=min(config.memory_mb, -int(-usage.memory_mb // 1)),
            init_ms=usage.init_ms,
            restore_ms=restore_ms,
            billed_restore_ms=None if restore_ms is None else log_lines.whole_ms(restore_ms),
            status=seen.status,
            error_type=seen.error_type,
        )
    )
    return InvokeResult(
        request_id=request_id,
        payload=seen.payload,
        function_error=seen.function_error,
        executed_version=invocation.request.executed_version,
        log_tail=stream.end(),
        trace_id=invocation.trace_id,
    )
