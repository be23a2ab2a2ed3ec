"""An environment's life with real processes: docs/contract.md 6.3 and 6.3.1."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from infra.local import contract
from infra.settings import limits
from tests.infra.local.invoke.calls import Caller
from tests.infra.local.processes import alive

Start = Callable[..., Caller]


def state_of(pid: int) -> str:
    """Return a process's state, as ps shows it."""
    return str(psutil.Process(pid).status())


def wait_until(happened: Callable[[], bool], limit_s: float = 10.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + limit_s
    while not happened():
        if time.monotonic() > end:
            raise AssertionError("expected it to happen in time")
        time.sleep(0.005)


def init_fails(start: Start, plan: Path, *steps: str, **changes: object) -> Caller:
    """Start a function whose init goes as the steps say, one step each time."""
    plan.write_text("\n".join(steps))
    return start(handler="init_fails.handler", environment={"PLAN_FILE": str(plan)}, **changes)


def test_the_first_call_is_cold_and_the_next_are_warm(start: Start) -> None:
    """One environment, one init, reported with the first call only and billed with it."""
    lambda_ = start()
    assert [lambda_.do("who").json["calls"] for _ in range(3)] == [1, 2, 3]
    reports = [line for line in lambda_.local.logs if line.startswith("REPORT")]
    assert ["Init Duration" in line for line in reports] == [True, False, False]
    numbers = re.search(
        r"\tDuration: ([\d.]+) ms\tBilled Duration: (\d+) ms\t.*\tInit Duration: ([\d.]+) ms\t$",
        reports[0],
    )
    assert numbers is not None
    duration, billed, init = map(float, numbers.groups())
    assert duration + init <= billed < duration + init + 1.02


def test_the_process_is_stopped_between_calls(start: Start) -> None:
    """Frozen, again after each call; tests/contract asks what that means for a thread."""
    lambda_ = start()
    pid = lambda_.do("who").json["pid"]
    wait_until(lambda: state_of(pid) == psutil.STATUS_STOPPED)
    assert lambda_.do("who").json["pid"] == pid
    wait_until(lambda: state_of(pid) == psutil.STATUS_STOPPED)


def test_an_init_that_raises(start: Start, tmp_path: Path) -> None:
    """B3: the init is repeated within the call, and the caller gets what the static code raised."""
    plan = tmp_path / "plan"
    lambda_ = init_fails(start, plan, "raise", "raise")
    reply = lambda_.post(b"{}", {"X-Amz-Log-Type": "Tail"})
    assert (reply.status, reply.headers["x-amz-function-error"]) == (200, "Unhandled")
    error = reply.json
    assert set(error) == {"errorMessage", "errorType", "requestId", "stackTrace"}
    assert (error["errorMessage"], error["errorType"]) == ("static code", "ValueError")
    assert error["requestId"] == ""
    logs = lambda_.local.logs
    assert re.fullmatch(
        r"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: error\t"
        r"Error Type: Runtime.Unknown",
        next(line for line in logs if line.startswith("INIT_REPORT")),
    )
    assert "\tPhase: invoke\tStatus: error\tError Type: Runtime.Unknown\nEND" in reply.log
    assert lambda_.post(b"1").json["event"] == 1
    assert sum(line.startswith("INIT_START") for line in lambda_.local.logs) == 1


def test_a_missing_module_names_its_error_type(start: Start) -> None:
    """B3 and 1.2: Runtime.ImportModuleError in the answer and in the log."""
    lambda_ = start(handler="nowhere.handler")
    error = lambda_.post(b"{}").json
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert error["errorMessage"] == "Unable to import module 'nowhere': No module named 'nowhere'"
    assert any(
        line.endswith("Status: error\tError Type: Runtime.ImportModuleError")
        for line in lambda_.local.logs
    )


@pytest.mark.parametrize("status", [0, 1, 137])
def test_an_init_that_exits(start: Start, tmp_path: Path, status: int) -> None:
    """The exit is logged, the init repeated; a second exit is the caller's answer."""
    plan = tmp_path / "plan"
    lambda_ = init_fails(start, plan, f"exit {status}", f"exit {status}")
    reply = lambda_.post(b"{}")
    text = (
        f"Runtime exited with error: exit status {status}"
        if status
        else "Runtime exited without providing a reason"
    )
    assert reply.json == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {reply.headers['x-amzn-requestid']} Error: {text}",
    }
    assert lambda_.local.logs.count("leaving") == 2
    assert lambda_.post(b"1").json["event"] == 1


def test_an_init_that_is_too_slow_is_repeated_within_the_call(start: Start, tmp_path: Path) -> None:
    """Suppressed init: the first is cut at its limit, the second runs inside the function's timeout
    and its time counts as the call's duration; no Init Duration is reported.
    """
    plan = tmp_path / "plan"
    lambda_ = init_fails(start, plan, "hang 30", "hang 0.2", init_limit_s=4)
    reply = lambda_.post(b"1", {"X-Amz-Log-Type": "Tail"})
    assert reply.json["event"] == 1
    (line,) = [line for line in lambda_.local.logs if line.startswith("INIT_REPORT")]
    found = re.fullmatch(
        r"INIT_REPORT Init Duration: (\d+\.\d\d) ms\tPhase: init\tStatus: timeout", line
    )
    assert found is not None
    assert 4_000 <= float(found[1]) < 30_000
    assert "Init Duration" not in reply.log
    duration = re.search(r"\tDuration: ([\d.]+) ms", reply.log)
    assert duration is not None
    assert float(duration[1]) > 200


def test_a_suppressed_init_has_the_functions_time(start: Start, tmp_path: Path) -> None:
    """B4 when even the repeated init takes too long, and again at the next call."""
    plan = tmp_path / "plan"
    steps = ["hang 30"] * 3
    lambda_ = init_fails(start, plan, *steps, init_limit_s=3, timeout_s=5)
    for _ in range(2):
        reply = lambda_.post(b"1")
        assert reply.json["errorType"] == "Sandbox.Timedout"
        assert reply.json["errorMessage"].endswith("Error: Task timed out after 5.00 seconds")
    phases = [line.split("\t")[1:] for line in lambda_.local.logs if "INIT_REPORT" in line]
    assert phases == [
        ["Phase: init", "Status: timeout"],
        ["Phase: invoke", "Status: timeout"],
        ["Phase: invoke", "Status: timeout"],
    ]
    assert lambda_.post(b"1").json["event"] == 1


def test_the_init_limit_is_ten_seconds_if_nobody_says_otherwise(config: object) -> None:
    """6.3: and provisioned environments have at least 130 s."""
    assert limits.INIT_LIMIT_S == 10.0
    assert getattr(config, "init_limit_s", None) == 10.0
    assert contract.LONG_INIT_LIMIT_S == 130.0


def test_provisioned_environments_are_ready_before_the_first_call(
    start: Start, tmp_path: Path
) -> None:
    """Their init is not bound by the limit of on-demand ones."""
    plan = tmp_path / "plan"
    lambda_ = init_fails(start, plan, "hang 1.0", init_limit_s=0.8, provisioned_concurrency=2)
    assert lambda_.local.environments == 2
    assert lambda_.post(b"1").json["event"] == 1
    assert not any("INIT_REPORT" in line for line in lambda_.local.logs)


def test_a_reset_keeps_the_temporary_files(start: Start) -> None:
    """After a crash or a timeout globals are gone, /tmp is not; another environment has its own."""
    lambda_ = start(timeout_s=6, concurrency=2)
    folder = lambda_.do("write", name="kept").json["folder"]
    lambda_.do("leave", status=1)
    assert lambda_.do("files").json == ["kept"]
    lambda_.do("wait", seconds=30)
    assert lambda_.do("files").json == ["kept"]
    assert lambda_.do("who").json["calls"] == 2
    assert Path(folder).is_dir()


def test_the_deadline_kills_the_whole_group(start: Start) -> None:
    """A child that the function left behind goes with it."""
    lambda_ = start(timeout_s=6)
    child = lambda_.do("leave_child").json["pid"]
    assert alive(child)
    lambda_.do("wait", seconds=30)
    wait_until(lambda: not alive(child))


@pytest.mark.parametrize("act", ["leave_child", "double_fork"])
def test_what_left_the_group_is_killed_too(start: Start, act: str) -> None:
    """A daemon in its own session does not outlive its environment."""
    lambda_ = start(concurrency=1)
    daemon = lambda_.do(act, daemon=True).json["pid"]
    assert os.getsid(daemon) != os.getsid(lambda_.do("who").json["pid"])
    lambda_.do("leave", status=1)
    wait_until(lambda: not alive(daemon))


def test_a_process_killed_while_frozen_is_replaced(start: Start) -> None:
    """Nobody waits for it; the next call starts a new one."""
    lambda_ = start()
    pid = lambda_.do("who").json["pid"]
    wait_until(lambda: state_of(pid) == psutil.STATUS_STOPPED)
    os.kill(pid, 9)
    wait_until(lambda: not psutil.pid_exists(pid))  # reaped, so the emulator has seen it
    assert lambda_.do("who").json["calls"] == 1


def test_an_unused_environment_is_ended(start: Start) -> None:
    """Idle reaping: the process and its files are gone, and the next call is cold."""
    lambda_ = start(idle_s=0.2)
    pid = lambda_.do("who").json["pid"]
    folder = lambda_.do("write", name="x").json["folder"]
    wait_until(lambda: lambda_.local.environments == 0)
    wait_until(lambda: not alive(pid))
    wait_until(lambda: not Path(folder).exists())
    assert lambda_.do("who").json["calls"] == 1
