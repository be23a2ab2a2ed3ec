"""The platform's log lines, letter by letter: docs/contract.md 6.4."""

from __future__ import annotations

import json

import pytest

from infra.local.log_lines import (
    End,
    Failed,
    InitReport,
    InitStart,
    PlatformEvent,
    Report,
    RestoreReport,
    RestoreStart,
    Start,
    TimedOut,
    iso,
    json_line,
    timed_out,
    whole_ms,
)

TIME = 1_772_000_000.1239

TEXTS: list[tuple[PlatformEvent, str]] = [
    (
        InitStart("python:3.10.v11", "arn:aws:lambda:us-east-1::runtime:abc", "on-demand"),
        "INIT_START Runtime Version: python:3.10.v11\t"
        "Runtime Version ARN: arn:aws:lambda:us-east-1::runtime:abc",
    ),
    (Start("id", "$LATEST"), "START RequestId: id Version: $LATEST"),
    (End("id", "success"), "END RequestId: id"),
    (
        Report("id", 3.012, 4, 128, 36),
        "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\t",
    ),
    (
        Report("id", 3.012, 114, 128, 36, init_ms=110.1),
        "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t",
    ),
    (
        Report("id", 3000, 3000, 128, 36, status="timeout", error_type="Sandbox.Timedout"),
        "REPORT RequestId: id\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 36 MB\tStatus: timeout\t"
        "Error Type: Sandbox.Timedout\t",
    ),
    (
        Report("id", 1, 1, 128, 36, status="failure", error_type="Runtime.ExitError"),
        "REPORT RequestId: id\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tStatus: error\tError Type: Runtime.ExitError\t",
    ),
    (
        Report("id", 1, 1, 128, 36, restore_ms=60.5, billed_restore_ms=61),
        "REPORT RequestId: id\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tRestore Duration: 60.50 ms\tBilled Restore Duration: 61 ms\t",
    ),
    (
        InitReport(10009.13, "init", "timeout"),
        "INIT_REPORT Init Duration: 10009.13 ms\tPhase: init\tStatus: timeout",
    ),
    (
        InitReport(12, "invoke", "error", "Runtime.ExitError"),
        "INIT_REPORT Init Duration: 12.00 ms\tPhase: invoke\tStatus: error\t"
        "Error Type: Runtime.ExitError",
    ),
    (
        RestoreStart("python:3.13.v1", "arn:x"),
        "RESTORE_START Runtime Version: python:3.13.v1\tRuntime Version ARN: arn:x",
    ),
    (RestoreReport(60), "RESTORE_REPORT Restore Duration: 60.00 ms"),
    (
        RestoreReport(60, "error", "Runtime.AfterRestoreError"),
        "RESTORE_REPORT Restore Duration: 60.00 ms\tStatus: error\t"
        "Error Type: Runtime.AfterRestoreError",
    ),
    (TimedOut("id", 1, TIME), "2026-02-25T06:13:20.123Z id Task timed out after 1.00 seconds"),
    (
        Failed("RequestId: id Error: Runtime exited", "Runtime.ExitError"),
        "RequestId: id Error: Runtime exited\nRuntime.ExitError",
    ),
]


@pytest.mark.parametrize(("event", "text"), TEXTS, ids=lambda x: type(x).__name__)
def test_the_text_form(event: PlatformEvent, text: str) -> None:
    """Tabs are tabs; Init Duration comes last."""
    assert str(event) == text


METRICS = {
    "durationMs": 3.012,
    "billedDurationMs": 4,
    "memorySizeMB": 128,
    "maxMemoryUsedMB": 36,
}
RECORDS: list[tuple[PlatformEvent, str, dict[str, object]]] = [
    (
        InitStart("python:3.10.v11", "arn:x", "on-demand"),
        "platform.initStart",
        {
            "initializationType": "on-demand",
            "phase": "init",
            "runtimeVersion": "python:3.10.v11",
            "runtimeVersionArn": "arn:x",
        },
    ),
    (Start("id", "$LATEST"), "platform.start", {"requestId": "id", "version": "$LATEST"}),
    (
        End("id", "failure", "Runtime.ExitError"),
        "platform.runtimeDone",
        {"requestId": "id", "status": "failure", "errorType": "Runtime.ExitError"},
    ),
    (End("id", "timeout"), "platform.runtimeDone", {"requestId": "id", "status": "timeout"}),
    (
        Report("id", 3.012, 4, 128, 36),
        "platform.report",
        {"requestId": "id", "metrics": METRICS, "status": "success"},
    ),
    (
        Report("id", 3.012, 4, 128, 36, init_ms=110.1, status="error", error_type="Function.X"),
        "platform.report",
        {
            "requestId": "id",
            "metrics": {**METRICS, "initDurationMs": 110.1},
            "status": "error",
            "errorType": "Function.X",
        },
    ),
    (
        Report("id", 3.012, 4, 128, 36, restore_ms=60.5, billed_restore_ms=61),
        "platform.report",
        {
            "requestId": "id",
            "metrics": {**METRICS, "restoreDurationMs": 60.5, "billedRestoreDurationMs": 61},
            "status": "success",
        },
    ),
    (
        InitReport(12, "init", "error", "Runtime.ExitError"),
        "platform.initReport",
        {
            "initializationType": "on-demand",
            "phase": "init",
            "status": "error",
            "errorType": "Runtime.ExitError",
            "metrics": {"durationMs": 12},
        },
    ),
    (
        RestoreStart("python:3.13.v1", "arn:x"),
        "platform.restoreStart",
        {"runtimeVersion": "python:3.13.v1", "runtimeVersionArn": "arn:x"},
    ),
    (
        RestoreReport(60, "error", "Runtime.AfterRestoreError"),
        "platform.restoreReport",
        {
            "status": "error",
            "errorType": "Runtime.AfterRestoreError",
            "metrics": {"durationMs": 60},
        },
    ),
]


@pytest.mark.parametrize(("event", "kind", "record"), RECORDS, ids=lambda x: type(x).__name__)
def test_the_json_form(event: PlatformEvent, kind: str, record: dict[str, object]) -> None:
    """time, type and record, in one line."""
    line = json_line(event, TIME)
    assert line is not None
    assert json.loads(line) == {
        "time": "2026-02-25T06:13:20.123Z",
        "type": kind,
        "record": record,
    }


@pytest.mark.parametrize("event", [End("id", "success"), TimedOut("id", 1, TIME), Failed("m", "t")])
def test_what_the_json_form_leaves_out(event: PlatformEvent) -> None:
    """A success has no runtimeDone, and a failure's words are in its status."""
    assert json_line(event, TIME) is None


@pytest.mark.parametrize(
    ("duration_ms", "billed"),
    [(3.01, 4), (3.0, 3), (0.2, 1), (3.01 + 110.1, 114), (1000.0000001, 1000)],
)
def test_the_billed_duration(duration_ms: float, billed: int) -> None:
    """Rounded up to the millisecond."""
    assert whole_ms(duration_ms) == billed


def test_times_and_seconds() -> None:
    """Milliseconds are cut, not rounded; seconds have two decimals."""
    assert iso(0.9999) == "1970-01-01T00:00:00.999Z"
    assert timed_out(0.5) == "Task timed out after 0.50 seconds"
    assert timed_out(900) == "Task timed out after 900.00 seconds"
