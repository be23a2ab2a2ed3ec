"""
The lines the platform itself writes into a function's log, as text and as JSON: pure.

Source: docs/contract.md 6.4, as recorded; the JSON form is the Telemetry API's event schema [DOC].
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class PlatformEvent(Protocol):
    """Be something the platform logs."""

    def text(self) -> str | None:
        """Give the plain line, or None where the service writes none."""

    def record(self) -> tuple[str, Mapping[str, object]] | None:
        """Give the type and the record of the JSON form, or None where the service writes none."""


def iso(time_s: float) -> str:
    """Write a time as the service does: UTC, milliseconds, Z."""
    stamp = datetime.fromtimestamp(time_s, tz=UTC)
    return stamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{stamp.microsecond // 1000:03d}Z"


def json_line(event: PlatformEvent, time_s: float) -> str | None:
    """Write an event in the JSON form."""
    recorded = event.record()
    if recorded is None:
        return None
    kind, record = recorded
    return json.dumps({"time": iso(time_s), "type": kind, "record": record}, separators=(",", ":"))


@dataclass(frozen=True)
class InitStart:
    """Open the init phase."""

    runtime: str
    runtime_arn: str
    initialization_type: str

    def text(self) -> str:
        """Give the plain line."""
        version = f"Runtime Version: {self.runtime}\tRuntime Version ARN: {self.runtime_arn}"
        return f"INIT_START {version}"

    def record(self) -> tuple[str, Mapping[str, object]]:
        """Give the JSON form."""
        return "platform.initStart", {
            "initializationType": self.initialization_type,
            "phase": "init",
            "runtimeVersion": self.runtime,
            "runtimeVersionArn": self.runtime_arn,
        }


@dataclass(frozen=True)
class InitReport:
    """Close an init phase that failed, or a snapshot's."""

    init_ms: float
    phase: str
    status: str
    error_type: str | None = None
    initialization_type: str = "on-demand"

    def text(self) -> str:
        """Give the plain line."""
        fields = [f"INIT_REPORT Init Duration: {self.init_ms:.2f} ms", f"Phase: {self.phase}"]
        fields.append(f"Status: {self.status}")
        if self.error_type:
            fields.append(f"Error Type: {self.error_type}")
        return "\t".join(fields)

    def record(self) -> tuple[str, Mapping[str, object]]:
        """Give the JSON form."""
        record: dict[str, object] = {
            "initializationType": self.initialization_type,
            "phase": self.phase,
            "status": self.status,
        }
        if self.error_type:
            record["errorType"] = self.error_type
        record["metrics"] = {"durationMs": round(self.init_ms, 3)}
        return "platform.initReport", record


@dataclass(frozen=True)
class RestoreStart:
    """Open the restore of a snapshot."""

    runtime: str
    runtime_arn: str

    def text(self) -> str:
        """Give the plain line."""
        version = f"Runtime Version: {self.runtime}\tRuntime Version ARN: {self.runtime_arn}"
        return f"RESTORE_START {version}"

    def record(self) -> tuple[str, Mapping[str, object]]:
        """Give the JSON form."""
        record = {"runtimeVersion": self.runtime, "runtimeVersionArn": self.runtime_arn}
        return "platform.restoreStart", record


@dataclass(frozen=True)
class RestoreReport:
    """Close the restore of a snapshot."""

    restore_ms: float
    status: str = "success"
    error_type: str | None = None

    def text(self) -> str:
        """Give the plain line."""
        line = f"RESTORE_REPORT Restore Duration: {self.restore_ms:.2f} ms"
        if self.status != "success":
            line += f"\tStatus: {self.status}"
        if self.error_type:
            line += f"\tError Type: {self.error_type}"
        return line

    def record(self) -> tuple[str, Mapping[str, object]]:
        """Give the JSON form."""
        record: dict[str, object] = {"status": self.status}
        if self.error_type:
            record["errorType"] = self.error_type
        record["metrics"] = {"durationMs": round(self.restore_ms, 3)}
        return "platform.restoreReport", record


@dataclass(frozen=True)
class Start:
    """Open an invocation."""

    request_id: str
    version: str

    def text(self) -> str:
        """Give the plain line."""
        return f"START RequestId: {self.request_id} Version: {self.version}"

    def record(self) -> tuple[str, Mapping[str, object]]:
        """Give the JSON form."""
        return "platform.start", {"requestId": self.request_id, "version": self.version}


@dataclass(frozen=True)
class TimedOut:
    """Say that the deadline passed."""

    request_id: str
    timeout_s: float
    time_s: float

    def text(self) -> str:
        """Give the plain line."""
        return f"{iso(self.time_s)} {self.request_id} {timed_out(self.timeout_s)}"

    def record(self) -> None:
        """Give nothing: in JSON the report's status says it."""
        return


@dataclass(frozen=True)
class Failed:
    """Say that the runtime exited."""

    message: str
    error_type: str

    def text(self) -> str:
        """Give the two plain lines."""
        return f"{self.message}\n{self.error_type}"

    def record(self) -> None:
        """Give nothing: in JSON the report's status says it."""
        return


@dataclass(frozen=True)
class End:
    """Close an invocation."""

    request_id: str
    status: str
    error_type: str | None = None

    def text(self) -> str:
        """Give the plain line."""
        return f"END RequestId: {self.request_id}"

    def record(self) -> tuple[str, Mapping[str, object]] | None:
        """Give the JSON form: at the default level only for a failure [DOC]."""
        if self.status == "success":
            return None
        record = {"requestId": self.request_id, "status": self.status}
        if self.error_type:
            record["errorType"] = self.error_type
        return "platform.runtimeDone", record


@dataclass(frozen=True)
class Report:
    """Sum an invocation up."""

    request_id: str
    duration_ms: float
    billed_ms: int
    memory_mb: int
    max_memory_mb: int
    init_ms: float | None = None
    restore_ms: float | None = None
    status: str = "success"
    error_type: str | None = None

    def text(self) -> str:
        """Give the plain line. Init Duration comes after the memory, and a tab ends the fields."""
        fields = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {self.billed_ms} ms",
            f"Memory Size: {self.memory_mb} MB",
            f"Max Memory Used: {self.max_memory_mb} MB",
        ]
        if self.init_ms is not None:
            fields.append(f"Init Duration: {self.init_ms:.2f} ms")
        if self.restore_ms is not None:
            fields.append(f"Restore Duration: {self.restore_ms:.2f} ms")
            fields.append(f"Billed Restore Duration: {_whole(self.restore_ms)} ms")
        if self.status != "success":
            fields.append(f"Status: {'timeout' if self.status == 'timeout' else 'error'}")
            if self.error_type:
                fields.append(f"Error Type: {self.error_type}")
        return "\t".join(fields) + "\t"

    def record(self) -> tuple[str, Mapping[str, object]]:
        """Give the JSON form."""
        metrics: dict[str, object] = {
            "durationMs": round(self.duration_ms, 3),
            "billedDurationMs": self.billed_ms,
            "memorySizeMB": self.memory_mb,
            "maxMemoryUsedMB": self.max_memory_mb,
        }
        if self.init_ms is not None:
            metrics["initDurationMs"] = round(self.init_ms, 3)
        if self.restore_ms is not None:
            metrics["restoreDurationMs"] = round(self.restore_ms, 3)
            metrics["billedRestoreDurationMs"] = _whole(self.restore_ms)
        record: dict[str, object] = {"requestId": self.request_id, "metrics": metrics}
        record["status"] = self.status
        if self.error_type and self.status != "success":
            record["errorType"] = self.error_type
        return "platform.report", record


def timed_out(timeout_s: float) -> str:
    """Say it as the service does, with two decimals."""
    return f"Task timed out after {timeout_s:.2f} seconds"


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """
    Round up to the millisecond. Since 1 August 2025 init is
    billed for every package type [DOC].
    """
    return _whole(duration_ms + (init_ms or 0.0))


def _whole(duration_ms: float) -> int:
    # Rounded before it is raised, so that 1,000.0000001 ms is not billed as 1,001.
    return max(1, -int(-round(duration_ms, 3) // 1))
