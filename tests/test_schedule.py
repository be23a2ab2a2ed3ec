"""Several processes take the longest files first, and share what is made once."""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import Mock

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import ROOT
from tests.conftest import pytest_collection_finish
from tests.schedule import LONGEST, TOGETHER, ByFile, from_own_part, once


def test_the_longest_files_are_there() -> None:
    """A file that was renamed would be taken late again."""
    assert [name for name in LONGEST if not (ROOT / name).is_file()] == []
    assert len(set(LONGEST)) == len(LONGEST)


def test_the_longest_files_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others keep their order."""
    taken: list[str] = []

    def take(self: Any, _node: object) -> None:
        taken.append(self.workqueue.popitem(last=False)[0])

    monkeypatch.setattr(LoadScopeScheduling, "_assign_work_unit", take)
    scheduler = ByFile.__new__(ByFile)
    scheduler.workqueue = OrderedDict.fromkeys(["b.py", "a.py", LONGEST[1], LONGEST[0]])
    while scheduler.workqueue:
        scheduler._assign_work_unit(None)
    assert taken == [LONGEST[0], LONGEST[1], "b.py", "a.py"]


def test_files_that_share_go_to_one_process() -> None:
    """What they build or import is then there once."""
    scheduler = ByFile.__new__(ByFile)
    tests = ("tests/image/test_a.py::one", "tests/image/test_b.py::two", "tests/load/test_c.py::x")
    scopes = [scheduler._split_scope(test) for test in tests]
    assert scopes == ["tests/image/", "tests/image/", "tests/load/test_c.py"]
    assert all((ROOT / folder).is_dir() for folder in TOGETHER)


def test_a_process_that_dies_ends_the_run() -> None:
    """The test that it was at is told; a process that has finished its tests may go."""
    node = Mock(**{"gateway.id": "gw1"})
    scheduler = ByFile.__new__(ByFile)
    scheduler.assigned_work = {node: {"a.py": {"a.py::one": True, "a.py::two": True}}}
    scheduler.remove_node(node)
    assert scheduler.assigned_work == {}
    scheduler.assigned_work = {node: {"a.py": {"a.py::one": True, "a.py::two": False}}}
    with pytest.raises(pytest.exit.Exception, match=r"gw1 in a\.py::two") as ended:
        scheduler.remove_node(node)
    assert ended.value.returncode == 1


def test_each_process_begins_at_a_part_of_its_own() -> None:
    """All of them import every file."""
    files = [Path(f"{number}.py") for number in range(6)]
    turned = [from_own_part(files, workerid=f"gw{at}", workercount=3) for at in range(3)]
    assert [one[0] for one in turned] == [files[0], files[2], files[4]]
    assert [sorted(one) for one in turned] == [files] * 3


def test_what_fails_is_still_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The next process does it again; what was done is done for all."""
    seen = []

    def leave(error: BaseException | None = None) -> None:
        with once(tmp_path_factory, "tested") as needed:
            seen.append(needed)
            if error:
                raise error

    with pytest.raises(RuntimeError):
        leave(RuntimeError())
    leave()
    leave()
    assert seen == [True, True, False]


def test_a_heavy_import_stops_the_run(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the collection imports is told by its name."""
    monkeypatch.setitem(sys.modules, "cfnlint", ModuleType("cfnlint"))
    with pytest.raises(pytest.UsageError, match="cfnlint"):
        pytest_collection_finish(request.session)
