"""The lines that the platform itself writes into a function's log, as text and as JSON: pure.

Source: docs/contract.md 6.4, as recorded; the JSON form is the Telemetry API's event schema [DOC].
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

# The fields' names in the JSON form; names after a dot are members of "metrics".
_KEYS = {
    "runtime": "runtimeVersion",
    "runtime_arn": "runtimeVersionArn",
    "initialization_type": "initializationType",
    "request_id": "requestId",
    "error_type": "errorType",
    "duration_ms": "metrics.durationMs",
    "billed_ms": "metrics.billedDurationMs",
    "memory_mb": "metrics.memorySizeMB",
    "max_memory_mb": "metrics.maxMemoryUsedMB",
    "init_ms": "metrics.initDurationMs",
    "restore_ms": "metrics.restoreDurationMs",
    "billed_restore_ms": "metrics.billedRestoreDurationMs",
}


@dataclass(frozen=True)
class PlatformEvent:
    """An event that the platform logs. Its `str` is the plain line."""

    kind: ClassVar[str | None] = None  # in the JSON form; None if the service writes none
    keys: ClassVar[Mapping[str, str]] = _KEYS

    def record(self) -> dict[str, Any]:
        """Return the record of the JSON form: the fields that are set, by the service's names."""
        record: dict[str, Any] = {}
        for name, value in vars(self).items():
            outer, _, inner = self.keys.get(name, name).rpartition(".")
            if value is not None:
                place = record.setdefault(outer, {}) if outer else record
                place[inner] = round(value, 3) if isinstance(value, float) else value
        return record


def iso(time_s: float) -> str:
    """Return a time in the service's format: UTC, milliseconds, Z."""
    stamp = datetime.fromtimestamp(time_s, tz=UTC)
    return stamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{stamp.microsecond // 1000:03d}Z"


def json_line(event: PlatformEvent, time_s: float) -> str | None:
    """Return an event in the JSON form, or None if the service writes none."""
    # [DOC] at the default level the end of an invocation is written only for failures.
    if event.kind is None or (isinstance(event, End) and event.status == "success"):
        return None
    line = {"time": iso(time_s), "type": event.kind, "record": event.record()}
    return json.dumps(line, separators=(",", ":"))


@dataclass(frozen=True)
class InitStart(PlatformEvent):
    """The start of an init phase."""

    kind = "platform.initStart"
    runtime: str
    runtime_arn: str
    initialization_type: str
    phase: str = "init"

    def __str__(self) -> str:
        return f"INIT_START {_versions(self.runtime, self.runtime_arn)}"


@dataclass(frozen=True)
class InitReport(PlatformEvent):
    """The end of an init phase that failed, or of a snapshot's."""

    kind = "platform.initReport"
    keys = _KEYS | {"init_ms": "metrics.durationMs"}
    init_ms: float
    phase: str
    status: str
    error_type: str | None = None
    initialization_type: str = "on-demand"

    def __str__(self) -> str:
        line = f"INIT_REPORT Init Duration: {self.init_ms:.2f} ms\tPhase: {self.phase}"
        return line + _failure(self.status, self.error_type)


@dataclass(frozen=True)
class RestoreStart(PlatformEvent):
    """The start of a snapshot's restore."""

    kind = "platform.restoreStart"
    runtime: str
    runtime_arn: str

    def __str__(self) -> str:
        return f"RESTORE_START {_versions(self.runtime, self.runtime_arn)}"


@dataclass(frozen=True)
class RestoreReport(PlatformEvent):
    """The end of a snapshot's restore."""

    kind = "platform.restoreReport"
    keys = _KEYS | {"restore_ms": "metrics.durationMs"}
    restore_ms: float
    status: str = "success"
    error_type: str | None = None

    def __str__(self) -> str:
        line = f"RESTORE_REPORT Restore Duration: {self.restore_ms:.2f} ms"
        return line if self.status == "success" else line + _failure(self.status, self.error_type)


@dataclass(frozen=True)
class Start(PlatformEvent):
    """The start of an invocation."""

    kind = "platform.start"
    request_id: str
    version: str

    def __str__(self) -> str:
        return f"START RequestId: {self.request_id} Version: {self.version}"


@dataclass(frozen=True)
class TimedOut(PlatformEvent):
    """A deadline that passed. In the JSON form the report's status shows it."""

    request_id: str
    timeout_s: float
    time_s: float

    def __str__(self) -> str:
        return f"{iso(self.time_s)} {self.request_id} {timed_out(self.timeout_s)}"


@dataclass(frozen=True)
class Failed(PlatformEvent):
    """A runtime that exited, in two lines. In the JSON form the report's status shows it."""

    message: str
    error_type: str

    def __str__(self) -> str:
        return f"{self.message}\n{self.error_type}"


@dataclass(frozen=True)
class End(PlatformEvent):
    """The end of an invocation."""

    kind = "platform.runtimeDone"
    request_id: str
    status: str
    error_type: str | None = None

    def __str__(self) -> str:
        return f"END RequestId: {self.request_id}"


@dataclass(frozen=True)
class Report(PlatformEvent):
    """The summary of an invocation."""

    kind = "platform.report"
    request_id: str
    duration_ms: float
    billed_ms: int
    memory_mb: int
    max_memory_mb: int
    init_ms: float | None = None
    restore_ms: float | None = None
    billed_restore_ms: int | None = None
    status: str = "success"
    error_type: str | None = None

    def __str__(self) -> str:
        """Return the plain line. Init Duration follows the memory, and the line ends with a tab."""
        line = (
            f"REPORT RequestId: {self.request_id}\tDuration: {self.duration_ms:.2f} ms\t"
            f"Billed Duration: {self.billed_ms} ms\tMemory Size: {self.memory_mb} MB\t"
            f"Max Memory Used: {self.max_memory_mb} MB"
        )
        if self.init_ms is not None:
            line += f"\tInit Duration: {self.init_ms:.2f} ms"
        if self.restore_ms is not None:
            line += f"\tRestore Duration: {self.restore_ms:.2f} ms"
            line += f"\tBilled Restore Duration: {self.billed_restore_ms} ms"
        if self.status != "success":
            status = "timeout" if self.status == "timeout" else "error"
            line += _failure(status, self.error_type)
        return line + "\t"


def _versions(runtime: str, arn: str) -> str:
    return f"Runtime Version: {runtime}\tRuntime Version ARN: {arn}"


def _failure(status: str, error_type: str | None) -> str:
    return f"\tStatus: {status}" + (f"\tError Type: {error_type}" if error_type else "")


def timed_out(timeout_s: float) -> str:
    """Return the service's text for a timeout, with two decimals."""
    return f"Task timed out after {timeout_s:.2f} seconds"


def whole_ms(duration_ms: float) -> int:
    """Round up to the millisecond, as billing does."""
    # Rounded first, so that 1,000.0000001 ms is not billed as 1,001.
    return max(1, -int(-round(duration_ms, 3) // 1))
