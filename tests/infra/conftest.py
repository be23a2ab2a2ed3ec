"""What the emulator's tests share: functions that really run,
and a watch on what they leave behind.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra.settings import Settings
from infra.settings.function import FunctionConfig
from tests.infra.local.invoke.calls import Caller, started
from tests.infra.local.processes import sandboxed_processes
from tests.infra.local.runtime.runtime_host import RuntimeHost, Wire, hosting
from tests.infra.release.staged import (  # noqa: F401 -- fixtures, for several folders
    arguments,
    program,
    target,
    terraform,
    watched,
)

if TYPE_CHECKING:
    from infra.cloud.cloud import Cloud
    from tests.infra.cloud.stages import Clock, Stage

HANDLERS = Path(__file__).parent / "handlers"


@pytest.fixture(autouse=True, scope="module")
def nothing_left() -> Iterator[None]:
    """Fail a module whose emulators leave a process behind."""
    yield
    left = sandboxed_processes()
    if left:
        raise AssertionError(f"expected no sandboxed process, got {left}")


@pytest.fixture(scope="session")
def config() -> Settings:
    """Describe the function that does what its event says."""
    return Settings(
        handler="acts.handler", root=HANDLERS, name="tested", timeout_s=20, memory_mb=512
    )


@pytest.fixture
def start(config: FunctionConfig) -> Iterator[Callable[..., Caller]]:
    """Start emulators with changed settings; all are stopped after the test."""
    with started(config) as start_one:
        yield start_one


@pytest.fixture(scope="module")
def lambda_(config: FunctionConfig) -> Iterator[Caller]:
    """One emulator that the tests of a module share."""
    with started(config) as start_one:
        yield start_one()


@pytest.fixture(scope="module")
def shared_host() -> Iterator[RuntimeHost]:
    """The host that the tests of this module share."""
    with hosting() as host:
        yield host


@pytest.fixture
def host(shared_host: RuntimeHost) -> Iterator[RuntimeHost]:
    """Begin each test with a new runtime, and let no test leave an internal fault."""
    shared_host.fresh()
    yield shared_host
    assert shared_host.faults == []


@pytest.fixture
def wire(host: RuntimeHost) -> Iterator[Wire]:
    """The runtime's connection."""
    with contextlib.closing(Wire(host.address)) as wire:
        yield wire


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A cloud without the emulator, for the tests of a module."""
    # Late: it takes a second to import, and few tests need it.
    from tests.infra.cloud.clouds import moto_server

    with moto_server() as url:
        yield url


@pytest.fixture(scope="module")
def clock() -> Clock:
    """The deployments' time."""
    from tests.infra.cloud.stages import Clock

    return Clock()


@pytest.fixture(scope="module")
def box(config: FunctionConfig, clock: Clock) -> Iterator[Cloud]:
    """A cloud in which functions run, for the tests of a module."""
    from infra.cloud.cloud import cloud

    with cloud(config.replace(handler="answers.handler"), port=0, now_s=clock) as box:
        yield box


@pytest.fixture
def stage(box: Cloud, clock: Clock) -> Stage:
    """A function in it, with all that a release needs."""
    from tests.infra.cloud.stages import staged

    return staged(box, clock)


@pytest.fixture
def sqs(endpoint: str) -> Iterator[Any]:
    """Its queues."""
    from tests.infra.cloud.clouds import client_of

    with contextlib.closing(client_of("sqs", endpoint)) as made:
        yield made


@pytest.fixture
def s3(endpoint: str) -> Iterator[Any]:
    """Its buckets."""
    from tests.infra.cloud.clouds import client_of

    with contextlib.closing(client_of("s3", endpoint)) as made:
        yield made
