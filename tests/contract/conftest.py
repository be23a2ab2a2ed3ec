"""What the contract's tests share: the two targets, each with one running function."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.lambake_target import LambakeTarget
from tests.contract.rie_target import RieTarget
from tests.contract.rows import Bench
from tests.contract.target import NAME, Running, Spec, Target
from tests.infra.local.processes import sandboxed_processes

TARGETS: tuple[Target, ...] = (LambakeTarget(), RieTarget())


@pytest.fixture(autouse=True, scope="module")
def nothing_left() -> Iterator[None]:
    """Fail a module whose emulators leave a process behind."""
    yield
    left = sandboxed_processes(NAME)
    if left:
        raise AssertionError(f"expected no process of {NAME}, got {left}")


@pytest.fixture(scope="session", params=TARGETS, ids=lambda target: target.name)
def target(request: pytest.FixtureRequest) -> Target:
    """Return each emulator in turn."""
    found: Target = request.param
    return found


@pytest.fixture(scope="module")
def shared(target: Target) -> Iterator[Running]:
    """Serve the function that most rows share."""
    with contextlib.closing(target.start(Spec())) as running:
        yield running


@pytest.fixture
def bench(target: Target, shared: Running, tmp_path: Path) -> Iterator[Bench]:
    """Let a row start functions of its own."""
    found = Bench(target, shared, tmp_path)
    with found.stack:
        yield found
