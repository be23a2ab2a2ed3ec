"""The image as the emulator's child: frozen, thawed, measured, killed like any other process.

What a container cannot do as a process does: a function that kills itself with SIGKILL lives, since
its process is the first of its namespace; the tool adds HOME; /tmp begins empty after a reset.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.containers import ContainerTool
from infra.local.sandbox.container import container_tool_for
from infra.local.server import LocalLambda
from infra.settings.errors import ConfigError
from infra.settings.function import FunctionConfig
from tests import ROOT
from tests.contract import environment_rows, invoke_rows, log_rows
from tests.contract.lambake_target import LambakeTarget
from tests.contract.rows import Bench, Row
from tests.contract.target import ACTS, Running, Spec, done
from tests.image.derived import derived

BROKEN = ROOT / "tests" / "contract" / "handlers" / "broken.py"
NAMES = {
    *("B15 throttled", "6.3 freeze", "6.3 memory limit", "6.3 file system", "6.3 user"),
    *("B3 init raised", "B4 timeout", "B5 exit 0", "B6 exit 3", "B6 segfault", "B6 recovery"),
    *("6.4 lines", "6.4 order", "6.4 memory"),
}
ROWS = [
    row for row in (*environment_rows.ROWS, *invoke_rows.ROWS, *log_rows.ROWS) if row.name in NAMES
]


@pytest.fixture(scope="module")
def target(
    tool: ContainerTool, image: str, tmp_path_factory: pytest.TempPathFactory
) -> LambakeTarget:
    """Put the contract's acting handlers into an image."""
    folder = tmp_path_factory.mktemp("acts")
    for file in (ACTS / "acts.py", BROKEN):
        shutil.copy(file, folder)
    return LambakeTarget(derived(tool, image, "acts", "COPY . /var/task/", folder=folder))


@pytest.fixture(scope="module")
def shared(target: LambakeTarget) -> Iterator[Running]:
    """Serve the function that most rows share."""
    with contextlib.closing(target.start(Spec())) as running:
        yield running


def containers(tool: ContainerTool) -> list[str]:
    """List the containers of this process's emulators, running or not."""
    return named(tool, f"lambake-run-{os.getpid()}-")


def named(tool: ContainerTool, beginning: str) -> list[str]:
    """List the containers whose names begin so."""
    form = ("--format", "{{.Names}}", "--filter", f"name=^{beginning}")
    return tool.ask("ps", "--all", *form).splitlines()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row: Row, target: LambakeTarget, shared: Running, tmp_path: Path) -> None:
    """The emulator answers for a container as it does for a process."""
    bench = Bench(target, shared, tmp_path)
    with bench.stack:
        assert row.observe(bench) == row.service


def test_every_named_row_is_one() -> None:
    """No row above is misspelt, and so left out."""
    assert {row.name for row in ROWS} == NAMES


def test_there_is_no_shared_memory(shared: Running) -> None:
    """A container has no /dev/shm, as on Lambda, where multiprocessing's locks fail."""
    assert done(shared, "shared_memory").json["errno"] in (errno.ENOENT, errno.ENOSYS)


def test_nothing_is_left(tool: ContainerTool, target: LambakeTarget) -> None:
    """An emulator that ends removes its containers, the frozen ones too."""
    before = set(containers(tool))
    with contextlib.closing(target.start(Spec())) as running:
        done(running, "who")
        assert set(containers(tool)) - before
    assert set(containers(tool)) == before


def test_an_orphan_is_removed(tool: ContainerTool, image: str) -> None:
    """A container whose emulator was killed is removed by the next one; any other stays."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    names = [f"lambake-run-{pid}-0" for pid in (gone.pid, os.getpid())]
    for name in names:
        tool.ask("create", "--name", name, image)
    try:
        container_tool_for(FunctionConfig(handler="function.entry.handler", image=image))
        assert named(tool, names[0]) == []
        assert named(tool, names[1]) == names[1:]
    finally:
        tool.remove(names[1])


def test_an_image_whose_entry_point_is_missing(
    tool: ContainerTool, image: str, tmp_path: Path
) -> None:
    """The invoker is told that it cannot be started."""
    tag = derived(tool, image, "entry", 'ENTRYPOINT ["/nowhere"]', folder=tmp_path)
    with contextlib.closing(LambakeTarget(tag).start(Spec())) as running:
        reply = done(running, "who").json
    assert reply["errorType"] == "Runtime.InvalidEntrypoint"
    assert reply["errorMessage"].startswith(f"cannot start {tag}: ")


def test_an_image_without_python(tool: ContainerTool, image: str, tmp_path: Path) -> None:
    """The emulator does not start: it could not say which runtime it has."""
    lines = "USER 0\nRUN rm /var/lang/bin/python*"
    tag = derived(tool, image, "bare", lines, folder=tmp_path)
    with pytest.raises(ConfigError) as caught:
        LambakeTarget(tag).start(Spec())
    assert str(caught.value) == f"image: expected an image with a python that runs, got {tag!r}"


@pytest.mark.parametrize("key", ["isolated", "snap_start"])
def test_an_image_is_isolated_already(key: str) -> None:
    """What imitates a container, or forks a process, has no place around one."""
    with pytest.raises(ConfigError) as caught:
        FunctionConfig(handler="a.b", image="lambake:1").replace(**{key: True})
    assert str(caught.value) == f"{key}: expected false where the function is an image, got True"


def test_an_image_that_is_not_there_is_named(tool: ContainerTool) -> None:
    """The emulator does not start, and says which image it missed."""
    local = LocalLambda(FunctionConfig(handler="a.b", image="localhost/nowhere:1"))
    with pytest.raises(ConfigError) as caught, local:
        pass
    expected = f"image: expected an image that {tool.kind} has here, got 'localhost/nowhere:1'"
    assert str(caught.value) == expected
