"""
One JSON line an invocation, which no input can forge.

Only names of ours, numbers and the request id are written; what a caller sent never is. The JSON is
ASCII without line breaks, so no value can start a line of its own.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final

from function.errors import outcome_of

MAX_TRACE_CHARS: Final = 16_000
"""The end of a trace names the cause; CloudWatch cuts a line at 256 KB, and then it is no JSON."""


@dataclass(slots=True)
class Invocation:
    """What is known of the invocation under way; the doors and the service fill it in."""

    request_id: str
    source: str
    cold: bool
    status: int | None = None
    model: str | None = None
    version: str | None = None
    count: int | None = None
    steps_ms: dict[str, float] = field(default_factory=dict)
    error: str | None = None
    trace: str | None = None
    started: float = field(default_factory=perf_counter)

    def record_error(self, error: BaseException) -> None:
        """
        Remember an error by its kind; with the trace only where the fault is ours.
        """
        self.error = type(error).__name__
        self.status = outcome_of(error).status
        if self.status >= 500:
            self.trace = "".join(traceback.format_exception(error))[-MAX_TRACE_CHARS:]

    def line(self) -> str:
        """
        Spell the invocation as one line of JSON; times in milliseconds by the monotonic clock.
        """
        total_ms = (perf_counter() - self.started) * 1e3
        times = {**self.steps_ms, "total": total_ms}
        fields: dict[str, Any] = {
            "level": "ERROR" if self.trace else "WARN" if self.error else "INFO",
            "message": "invocation",
            "request_id": self.request_id,
            "cold": self.cold,
            "source": self.source,
            "status": self.status,
            "model": self.model,
            "version": self.version,
            "count": self.count,
            "error": self.error,
            "ms": {name: round(value, 3) for name, value in times.items()},
        }
        if self.trace:
            fields["trace"] = self.trace
        return json.dumps(fields, ensure_ascii=True)


CURRENT: Final[ContextVar[Invocation | None]] = ContextVar("invocation", default=None)
"""The invocation under way, for code that is reached through a framework."""


def request_id() -> str:
    """
    Name the invocation under way; empty outside of one.
    """
    invocation = CURRENT.get()
    return invocation.request_id if invocation else ""


def write(line: str, out: Callable[[str], object] | None = None) -> None:
    """
    Write one log line, in one piece.
    """
    (out or sys.stdout.write)(line + "\n")
    if out is None:
        sys.stdout.flush()
