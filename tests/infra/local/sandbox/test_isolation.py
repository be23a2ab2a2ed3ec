"""A file system like Lambda's, where the machine allows namespaces."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.local.errors import StartError, ToolMissing
from infra.local.sandbox import isolation
from tests.infra.conftest import HANDLERS
from tests.infra.local.invoke.calls import Caller, started
from tests.infra.local.processes import require_namespaces, sandboxed_processes


@pytest.fixture(autouse=True, scope="module")
def _namespaces() -> None:
    require_namespaces()


def written(lambda_: Caller) -> list[str]:
    """List what lies in the function's /tmp, but for the code
    itself, which may be checked out there.
    """
    code = {path.resolve().parts[2] for path in (HANDLERS, Path(sys.prefix)) if below_tmp(path)}
    return [name for name in lambda_.do("files").json if name not in code]


def below_tmp(path: Path) -> bool:
    """Whether a path lies in /tmp."""
    return path.resolve().is_relative_to("/tmp")


@pytest.fixture(scope="module")
def isolated(config: object) -> Iterator[Caller]:
    """An emulator with isolation."""
    with started(config) as start_one:  # type: ignore[arg-type]
        yield start_one(isolated=True, concurrency=1, memory_mb=1024)


@pytest.mark.parametrize("folder", ["/", "/var", "/usr/local", str(HANDLERS), "/dev", "/var/task"])
def test_everything_but_tmp_is_read_only(isolated: Caller, folder: str) -> None:
    """EROFS, also for root, and in the task root."""
    assert isolated.do("write", name="x", folder=folder).json == {"error": "OSError", "errno": 30}
    assert not Path(folder, "x").exists()


def test_the_function_is_a_user_without_rights(isolated: Caller) -> None:
    """6.3: user 1051, who may have 1,024 processes."""
    found = isolated.do("place").json
    assert (found["user"], found["processes"]) == (1051, 1024)


def test_tmp_is_its_own_and_kept_over_a_reset(isolated: Caller) -> None:
    """Empty at first, without TMPDIR, the same after a crash, invisible outside."""
    assert written(isolated) == []
    assert isolated.do("write", name="kept-by-isolation").json == {"folder": "/tmp"}
    isolated.do("leave", status=1)
    assert written(isolated) == ["kept-by-isolation"]
    assert not Path("/tmp/kept-by-isolation").exists()
    assert "TMPDIR" not in isolated.do("variables").json


def test_tmp_has_its_size(isolated: Caller) -> None:
    """512 MB: a file beyond it gets ENOSPC, and the next call goes on."""
    reply = isolated.do("write", name="big", bytes=530 * 1024 * 1024).json
    assert reply == {"error": "OSError", "errno": 28}
    assert isolated.do("who").status == 200


def test_there_is_no_shared_memory(isolated: Caller) -> None:
    """multiprocessing's locks fail, as on the service (ENOSYS or ENOENT, by the C library)."""
    assert isolated.do("shared_memory").json["errno"] in (2, 38)


def test_without_isolation_there_is_shared_memory(lambda_: Caller) -> None:
    """Proof that the check above can fail."""
    if not Path("/dev/shm").is_dir():
        pytest.skip("this machine has no /dev/shm itself")
    assert lambda_.do("shared_memory").json["errno"] is None


def test_each_environment_has_its_own_tmp(start: Callable[..., Caller]) -> None:
    """What one writes, another does not see."""
    for _ in range(2):
        lambda_ = start(isolated=True)
        assert written(lambda_) == []
        lambda_.do("write", name="mine")


def test_the_code_is_at_var_task(start: Callable[..., Caller], tmp_path: Path) -> None:
    """Wherever it lies outside; the rest of /var stays, and homes and passwords are hidden."""
    code = "import os, pathlib\ndef handler(event, context):\n"
    code += (
        "    files = [os.listdir('/root'), pathlib.Path('/etc/shadow').read_text()]\n"
        "    places = [__file__, os.getcwd(), os.environ['LAMBDA_TASK_ROOT']]\n"
        "    return [*places, os.listdir('/var'), *files]\n"
    )
    (tmp_path / "mine.py").write_text(code)
    lambda_ = start(isolated=True, root=tmp_path, handler="mine.handler")
    *places, beside, home, passwords = lambda_.post(b"{}").json
    ours = [Path(place) for place in (HANDLERS, sys.prefix, sys.base_prefix, sys.executable)]
    needed = {
        path.parts[2] for one in ours for path in (one, one.resolve()) if path.parts[1] == "root"
    }
    assert (set(home) - needed, passwords) == (set(), "")
    assert places == ["/var/task/mine.py", "/var/task", "/var/task"]
    outside = {path.name for path in Path("/var").iterdir() if path.is_dir()}
    assert set(beside) == {*outside, "task"}


def test_isolation_leaves_nothing(config: object) -> None:
    """Neither the function nor what held its namespaces."""
    with started(config) as start_one:  # type: ignore[arg-type]
        lambda_ = start_one(isolated=True, name="left")
        lambda_.do("leave_child", daemon=True)
        assert len(sandboxed_processes("left")) >= 1
        holders = holders_of_namespaces()
        assert holders
    assert sandboxed_processes("left") == []
    assert len(holders_of_namespaces()) < len(holders)


def holders_of_namespaces() -> list[int]:
    """Return the processes that hold an isolation's namespaces."""
    found = []
    for process in psutil.process_iter():
        try:
            if any("isolated_root.py" in part for part in process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_a_machine_that_refuses_says_why(
    start: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller of the emulator gets the reason, not a function error."""
    monkeypatch.setattr(isolation, "_program", lambda name: "/bin/false")
    lambda_ = start(isolated=True)
    with pytest.raises(StartError) as caught:
        isolation.Isolation(lambda_.local.config)
    assert str(caught.value) == ("isolated: this machine refuses namespaces: no reason given")


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """util-linux is needed, and it says so."""
    isolation._program.cache_clear()
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(ToolMissing) as caught:
        isolation._program("nsenter")
    isolation._program.cache_clear()
    assert str(caught.value) == (
        "isolated: true needs the program 'nsenter', which is not installed"
    )
