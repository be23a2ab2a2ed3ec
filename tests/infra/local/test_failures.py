"""Failure injection: whatever a function does to itself, the
next call succeeds within one cold start.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra.local.invoke.calls import Caller
from tests.infra.local.processes import alive

Start = Callable[..., Caller]


def next_call_succeeds(lambda_: Caller) -> None:
    """Call once: a result, from a runtime that is at its first call, or goes on."""
    reply = lambda_.do("who")
    assert reply.status == 200
    assert "x-amz-function-error" not in reply.headers
    assert lambda_.local.environments == 1


@pytest.mark.parametrize(
    "event",
    [
        {"do": "leave", "status": 0},
        {"do": "leave", "status": 1},
        {"do": "leave", "status": 137},
        {"do": "leave", "status": 139},
        {"do": "sys_exit", "status": 0},
        {"do": "die", "signal": "KILL"},
        {"do": "die", "signal": "SEGV"},
        {"do": "die", "signal": "ABRT"},
        {"do": "fill", "mb": 600},
        {"do": "fill_child", "mb": 600},
        {"do": "wait", "seconds": 60},
        {"do": "stop"},
        {"do": "open_many", "count": 5000, "keep": True},
    ],
    ids=lambda event: "-".join(str(part) for part in event.values()),
)
def test_a_function_that_fails_does_not_harm_the_next_call(
    start: Start, event: dict[str, Any]
) -> None:
    """Exits, signals, memory, hanging, a stopped process, no
    descriptors: an error, then a result.
    """
    # The next call's process has the same time to start, which a stalled machine would miss.
    lambda_ = start(timeout_s=6 if event["do"] in ("wait", "stop") else 60, concurrency=1)
    lambda_.do("who")
    reply = lambda_.post(json.dumps(event).encode())
    assert (reply.status, reply.headers["x-amz-function-error"]) == (200, "Unhandled")
    next_call_succeeds(lambda_)


@pytest.mark.parametrize("step", ["raise", "exit 0", "exit 139", "hang 60"])
def test_an_init_that_fails_once_is_repeated(start: Start, tmp_path: Path, step: str) -> None:
    """The very same call succeeds, by the suppressed init."""
    plan = tmp_path / "plan"
    plan.write_text(step)
    lambda_ = start(
        handler="init_fails.handler",
        environment={"PLAN_FILE": str(plan)},
        init_limit_s=5 if step == "hang 60" else 60,
    )
    assert lambda_.post(b"1").json["event"] == 1


@pytest.mark.parametrize("text", ["x" * 1023 + "\n", "y" * 1024], ids=["lines", "one line"])
def test_a_flood_of_output_is_drained(start: Start, text: str) -> None:
    """1 MB to stdout blocks nobody, and all of it is in the log, before END."""
    lambda_ = start()
    reply = lambda_.do("talk", text=text, times=1024)
    assert reply.body == b"null"
    logs = lambda_.local.logs
    begin = next(i for i, line in enumerate(logs) if line.startswith("START"))
    end = next(i for i, line in enumerate(logs) if line.startswith("END"))
    written = logs[begin + 1 : end]
    assert sum(len(line) for line in written) == 1024 * len(text.rstrip("\n"))
    next_call_succeeds(lambda_)


def test_a_child_that_holds_the_pipe_holds_nobody(start: Start) -> None:
    """A process that is left running keeps stdout open; the crash is noticed all the same."""
    lambda_ = start()
    child = lambda_.do("leave_child").json["pid"]
    started = time.monotonic()
    reply = lambda_.do("leave", status=1)
    assert reply.json["errorType"] == "Runtime.ExitError"
    assert time.monotonic() - started < 5
    next_call_succeeds(lambda_)
    assert not alive(child)


def test_a_root_that_vanishes_is_an_error_and_no_end(start: Start, tmp_path: Path) -> None:
    """An environment that cannot be started is a function error; when it can, calls succeed."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "mine.py").write_text("def handler(event, context):\n    return 1\n")
    lambda_ = start(root=root, handler="mine.handler")
    hidden = root.rename(tmp_path / "hidden")
    reply = lambda_.post(b"{}")
    assert reply.json["errorType"] == "Runtime.InvalidEntrypoint"
    os.rename(hidden, root)
    assert lambda_.post(b"{}").json == 1
