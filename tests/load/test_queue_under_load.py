"""200 messages through the emulator's pollers, while environments are killed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable, Iterator

import moto.sqs.models
import pytest

from tests.infra.cloud.clouds import moto_server
from tests.infra.local.processes import sandboxed_processes
from tests.load.accounts import problems
from tests.load.killer import Load
from tests.load.queue_run import RECEIVES, Ended, QueueRun, messages

Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Run some messages through queues of their own, in a server whose clock moves only as told."""
    # However slow the machine: nothing is given again too soon, nor five minutes later. And moto
    # asks again and again: its own way to tell the time takes most of its time.
    now_s = time.time()

    def now_ms() -> float:
        return now_s * 1000

    def skip_s(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds

    with pytest.MonkeyPatch.context() as patch, moto_server() as endpoint:
        patch.setattr(moto.sqs.models, "unix_time_millis", now_ms)

        def run_one(count: int, load: Load, *, fifo: bool = True) -> Ended:
            with contextlib.closing(QueueRun(endpoint, skip_s, fifo=fifo)) as one:
                return one.run(messages(count), load)

        yield run_one
    assert sandboxed_processes("queue-load") == []


@pytest.mark.timeout(600)
def test_200_messages_while_environments_are_killed(run: Run) -> None:
    """Every good one is answered once and rightly, every bad one is a dead letter, none is lost."""
    ended = run(200, Load(kills=4, of=20))
    print(
        f"\nmessages           {len(ended.expected)}, {len(ended.bad)} of them bad"
        f"\nin all             {ended.seconds:.1f} s, {200 / ended.seconds:.0f} a second"
        f"\nkilled             {ended.killed} environments, {ended.failed} batches with them"
        f"\nredelivered        {ended.redelivered} times"
    )
    assert ended.problems() == []
    assert (len(ended.expected), len(ended.bad), ended.killed) == (200, 2, 4)
    assert ended.redelivered >= ended.failed >= 1
    assert {ended.received[name] for name in ended.bad} == {RECEIVES}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("fault", "fifo", "found"),
    [
        ("drops", True, ["1 of 10 lost"]),
        ("dies", False, ["10 of 10 answered twice"]),
        ("dies", True, []),
        ("swaps", True, ["2 of 10 answered wrongly"]),
    ],
)
def test_a_fault_of_the_function_is_found(
    run: Run, fault: str, fifo: bool, found: list[str]
) -> None:
    """The control: the accounts tell of a function that loses, repeats or mixes up messages.

    What dies between its answers and its reply answers twice, unless the results' queue is FIFO.
    """
    load = Load(f"tests.load.handlers.careless.{fault}", concurrency=1)
    ended = run(10, load, fifo=fifo)
    assert [line.split(", such as ")[0] for line in ended.problems()] == found


@pytest.mark.parametrize(
    ("answers", "given_up", "found"),
    [
        ([("a", 1), ("b", 2)], ["x"], []),
        ([("a", 1)], ["x"], ["1 of 3 lost, such as b"]),
        ([("a", 1), ("b", 2)], [], ["1 of 3 lost, such as x"]),
        ([("a", 1), ("b", 2), ("b", 2)], ["x"], ["1 of 3 answered twice, such as b"]),
        ([("a", 1), ("b", 2)], ["x", "x"], ["1 of 3 given up twice, such as x"]),
        ([("a", 2), ("b", 1)], ["x"], ["2 of 3 answered wrongly, such as a"]),
        ([("a", 1), ("b", 2), ("x", 3)], ["x"], ["1 of 3 bad, but answered, such as x"]),
        ([("a", 1), ("b", 2)], ["b", "x"], ["1 of 3 good, but given up, such as b"]),
        ([("a", 1), ("b", 2), ("c", 3)], ["x"], ["1 of 3 unknown, such as c"]),
    ],
)
def test_the_accounts(
    answers: list[tuple[str, Hashable]], given_up: list[str], found: list[str]
) -> None:
    """Each way in which a piece of work can go astray has its own line."""
    expected = {"a": 1, "b": 2, "x": None}
    assert problems(expected, answers, given_up) == found
