"""Two hundred objects as asynchronous invocations, while environments are killed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from infra.local.contract import EVENT_RETRY_DELAYS_S
from tests.infra.cloud.clouds import moto_server
from tests.infra.local.processes import sandboxed_processes
from tests.load.bucket_run import BucketRun, Ended, objects
from tests.load.killer import Load

Run = Callable[[int, Load], Ended]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Run some objects through a bucket of their own."""
    with moto_server() as endpoint:

        def run_one(count: int, load: Load) -> Ended:
            with contextlib.closing(BucketRun(endpoint)) as one:
                return one.run(list(objects(count)), load)

        yield run_one
    assert sandboxed_processes("bucket-load") == []


@pytest.mark.timeout(600)
def test_200_objects_while_environments_are_killed(run: Run) -> None:
    """Every good one has one result, every bad one its error; none is lost, nothing is left."""
    ended = run(200, Load(kills=6, of=120))
    print(
        f"\nobjects            {len(ended.expected)}, {len(ended.bad)} of them bad"
        f"\nin all             {ended.seconds:.1f} s, {200 / ended.seconds:.0f} a second"
        f"\nkilled             {ended.killed} environments, {len(ended.waits_s)} events with them"
        f"\nskipped            {sum(ended.waits_s):.0f} s of waiting for another attempt"
    )
    assert ended.problems() == []
    assert ended.uploads == []
    assert (len(ended.expected), len(ended.bad), ended.killed) == (200, 2, 6)
    assert EVENT_RETRY_DELAYS_S[0] in ended.waits_s


@pytest.mark.timeout(600)
def test_a_forgotten_object_is_found(run: Run) -> None:
    """The control: of a function that does not write a result the accounts tell."""
    ended = run(8, Load("tests.load.handlers.careless.drops", concurrency=1))
    assert ended.problems() == ["1 of 8 lost, such as in/digits/0000.png"]
