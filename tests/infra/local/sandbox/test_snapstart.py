"""SnapStart, imitated: one init, one snapshot, any number of restored environments."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra.local.errors import StartError
from infra.settings.errors import ConfigError
from tests.infra.local.invoke.calls import Caller

Start = Callable[..., Caller]


@pytest.fixture
def snapped(start: Start) -> Start:
    """Start the function with the hooks."""

    def start_one(**changes: Any) -> Caller:
        return start(handler="snapped.handler", snap_start=True, **changes)

    return start_one


def test_hooks_run_once_before_the_snapshot_and_after_each_restore(snapped: Start) -> None:
    """Two environments at once: the same init in both, the restore hooks in each."""
    lambda_ = snapped(concurrency=2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: lambda_.post(b"{}"), range(2)))
    seen = [answer.json for answer in answers if answer.status == 200]
    assert [answer["steps"] for answer in seen] == [["init", "before", "after"]] * len(seen)
    assert len({answer["made_in_init"] for answer in seen}) == 1
    assert {answer["kind"] for answer in seen} == {"snap-start"}
    for answer in seen:
        assert answer["pid"] != answer["init_pid"]
    assert sum(line.startswith("INIT_START") for line in lambda_.local.logs) == 1


def test_a_copy_keeps_nothing_from_its_siblings(snapped: Start) -> None:
    """A crash ends one copy; the next is restored from the same snapshot, /tmp is kept."""
    lambda_ = snapped()
    first = lambda_.post(b"{}").json
    error = lambda_.post(b'{"exit": 3}').json
    assert error["errorMessage"].endswith("Runtime exited with error: exit status 3")
    second = lambda_.post(b"{}").json
    assert first["pid"] != second["pid"]
    same = ("made_in_init", "random", "init_pid", "tmp", "stream", "steps")
    assert [first[name] for name in same] == [second[name] for name in same]


def test_a_restore_is_logged_and_reported(snapped: Start) -> None:
    """RESTORE_START and RESTORE_REPORT, and the first REPORT has the restore's time."""
    lambda_ = snapped()
    lambda_.post(b"{}")
    lambda_.post(b"{}")
    kinds = [re.split(r"[ \t]", line)[0] for line in lambda_.local.logs]
    assert kinds == [
        "INIT_START",
        "INIT_REPORT",
        "RESTORE_START",
        "RESTORE_REPORT",
        *("START", "END", "REPORT") * 2,
    ]
    reports = [line for line in lambda_.local.logs if line.startswith("REPORT")]
    assert re.search(
        r"\tRestore Duration: [\d.]+ ms\tBilled Restore Duration: \d+ ms\t$", reports[0]
    )
    assert "Restore" not in reports[1]


def test_a_before_hook_that_fails_is_no_snapshot(snapped: Start) -> None:
    """On the service the version could not be published: here the emulator does not start."""
    with pytest.raises(
        StartError, match=r"^snap_start: no snapshot: the init failed: .*before hook"
    ):
        snapped(environment={"FAIL": "before"})


def test_an_init_that_fails_is_no_snapshot(start: Start) -> None:
    """The same for the static code, and for a process that just ends."""
    with pytest.raises(StartError, match="No module named 'nowhere'"):
        start(handler="nowhere.handler", snap_start=True)


def test_an_after_hook_that_fails_is_the_callers_error(snapped: Start) -> None:
    """POST /restore/error: its body is the answer, and the log names Runtime.AfterRestoreError."""
    lambda_ = snapped(environment={"FAIL": "after"})
    reply = lambda_.post(b"{}")
    assert reply.headers["x-amz-function-error"] == "Unhandled"
    assert (reply.json["errorType"], reply.json["errorMessage"]) == ("ValueError", "after hook")
    report = next(line for line in lambda_.local.logs if line.startswith("RESTORE_REPORT"))
    assert report.endswith("\tStatus: error\tError Type: Runtime.AfterRestoreError")


def test_a_snapshot_is_not_isolated(snapped: Start) -> None:
    """The two do not go together, and it says so."""
    with pytest.raises(ConfigError) as caught:
        snapped(isolated=True)
    assert str(caught.value) == "snap_start: expected false where isolated is true, got True"


def test_a_function_without_hooks_starts_from_a_snapshot_too(start: Start) -> None:
    """Hooks are optional; calls work as ever."""
    lambda_ = start(snap_start=True)
    assert json.loads(lambda_.post(b'{"x":1}').body) == {"x": 1}
    assert lambda_.do("who").json["calls"] == 2
