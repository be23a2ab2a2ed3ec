"""The order in which several processes take the tests (pytest -n 4)."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

LONGEST = (
    "tests/infra/demo/test_story.py",
    "tests/infra/aws/test_apply.py",
    "tests/model/recipes/digit/test_pictures.py",
    "tests/image/test_build.py",
    "tests/acceptance/test_walk_throughs.py",
    "tests/model/zoo/test_digits_training.py",
    "tests/infra/release/test_deploy.py",
    "tests/image/test_image.py",
    "tests/load/test_bucket_under_load.py",
    "tests/infra/release/test_status.py",
    "tests/infra/release/test_canary.py",
    "tests/infra/release/test_destroy.py",
    "tests/model/pictures/test_bombs.py",
    "tests/model/bundle/test_drift.py",
    "tests/load/test_queue_under_load.py",
    "tests/infra/release/test_traffic.py",
    "tests/function/protocols/test_clients.py",
    "tests/infra/local/runtime/test_machine.py",
    "tests/infra/aws/test_deploy_role.py",
    "tests/load/test_load.py",
    "tests/model/zoo/test_iris.py",
    "tests/test_end_to_end.py",
    "tests/function/http/test_playground_browser.py",
    "tests/function/http/test_browser.py",
    "tests/test_docs.py",
    "tests/model/bake/test_bake.py",
    "tests/infra/release/test_terraform.py",
    "tests/image/test_child.py",
    "tests/image/test_cloud_images.py",
    "tests/infra/cloud/test_cloud.py",
    "tests/infra/cli/test_cloud.py",
    "tests/infra/bulk/test_bulk.py",
)
"""The files that take longest, by pytest's --durations: were one of them the last to be begun, all
processes but one would wait for it."""

TOGETHER = ("tests/image/", "tests/model/zoo/")
"""Folders whose files go to one process: the first share one image, which some of them build again
under its name; the others import TensorFlow, which takes ten seconds of a processor."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Give the tests of one file to one process, the files that take longest first."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)

    def _assign_work_unit(self, node: Any) -> None:
        """Assign the next file; those that are not in the list come by their number of tests."""
        self.workqueue.move_to_end(min(self.workqueue, key=_place), last=False)
        super()._assign_work_unit(node)

    def remove_node(self, node: Any) -> None:
        """End the whole run where a process has died in the midst of its tests.

        xdist gives them to another process, which may die of the same test or wait for ever.
        """
        files = self.assigned_work.pop(node).values()
        left = [test for tests in files for test, done in tests.items() if not done]
        if left:
            died = f"expected each process to finish its tests, got the death of {node.gateway.id}"
            pytest.exit(f"{died} in {left[0]}", returncode=1)


def _place(scope: str) -> int:
    return next((at for at, file in enumerate(LONGEST) if file.startswith(scope)), len(LONGEST))


def from_own_part(files: list[Path], *, workerid: str, workercount: int, **_: Any) -> list[Path]:
    """Turn a list so that each process (gw0, gw1, …) begins at another part of it."""
    at = len(files) * int(workerid.removeprefix("gw")) // workercount
    return files[at:] + files[:at]


@contextlib.contextmanager
def once(folders: pytest.TempPathFactory, what: str) -> Iterator[bool]:
    """Let the processes of a test run into the block one by one.

    Args:
        folders: the run's temporary folders.
        what: is done in the block; other work has another lock.

    Yields:
        Whether it is still to do: no process has left the block without an error yet.
    """
    own = folders.getbasetemp()
    with (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own).joinpath(what).open("a") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield os.fstat(f.fileno()).st_size == 0
        f.write("done\n")
