"""Predicting in threads: the loop stays free, and nobody is told anything of another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import pytest

from function.plain.threads import PredictionThreads
from function.service import Service
from function.settings import ZOO
from function.telemetry.invocation import Invocation, predict, under_way
from model.engines.base import Array, Engine
from model.errors import InputError
from model.predictor import DEFAULT_MAX_PIXELS

ROWS = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5], [5.9, 3.0, 4.2, 1.5]]
LABELS = ["setosa", "virginica", "versicolor"]


class Gate:
    """An engine that waits until it is let."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.begun = threading.Semaphore(0)
        self.let = threading.Event()

    def run(self, feeds: Mapping[str, Array]) -> Any:
        """Wait, and answer as the real one."""
        self.begun.release()
        assert self.let.wait(20)
        return self._engine.run(feeds)


@pytest.fixture
def zoo() -> Service:
    """Load the models, apart from those that other tests use."""
    return Service.load(ZOO, max_pixels=DEFAULT_MAX_PIXELS)


def gated(service: Service) -> Gate:
    """Put a gate before an engine."""
    predictor = service.versions("iris").latest
    gate = Gate(predictor._engine)
    predictor._engine = gate
    return gate


def test_the_loop_goes_on(zoo: Service) -> None:
    """While a prediction takes its time, the loop does other things."""
    gate = gated(zoo)

    async def asked() -> str:
        waiting = asyncio.ensure_future(PredictionThreads()(predict, zoo.find("iris"), ROWS[:1]))
        await asyncio.to_thread(gate.begun.acquire)
        assert not waiting.done()  # the loop is here, and the engine is busy
        gate.let.set()
        return str((await waiting).predictions[0]["label"])

    assert asyncio.run(asked()) == "setosa"


def test_each_request_is_its_own_invocation(zoo: Service) -> None:
    """Requests at once are logged apart: each its own count, and a wrong one is wrong alone."""
    invocations = [Invocation(f"id-{n}", "plain-http", cold=False) for n in range(3)]
    requests: list[list[Any]] = [ROWS[:1], ROWS, [[1, 2, None, 4]]]

    async def asked() -> list[Any]:
        ask = PredictionThreads()

        def in_context(invocation: Invocation, rows: Sequence[Any]) -> Awaitable[Any]:
            with under_way(invocation):
                return asyncio.ensure_future(ask(predict, zoo.find("iris"), rows))

        tasks = [in_context(*pair) for pair in zip(invocations, requests, strict=True)]
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    first, second, wrong = asyncio.run(asked())
    assert [one["label"] for one in first.predictions] == LABELS[:1]
    assert [one["label"] for one in second.predictions] == LABELS
    assert isinstance(wrong, InputError)
    assert str(wrong) == "rows[0].petal_length_cm: expected a finite number, got null"
    assert [one.count for one in invocations] == [1, 3, 1]
    assert [one.usages["iris", "1"].predictions for one in invocations[:2]] == [1, 3]


def test_who_is_cancelled_holds_nobody_up(zoo: Service) -> None:
    """A request whose client is gone is predicted for nobody; the one behind it is answered."""
    gate = gated(zoo)

    async def asked() -> list[Any]:
        ask = PredictionThreads(threads=1)
        gone, stays = (
            asyncio.ensure_future(ask(predict, zoo.find("iris"), [row])) for row in ROWS[:2]
        )
        await asyncio.to_thread(gate.begun.acquire)
        gone.cancel()
        gate.let.set()
        return list(await asyncio.gather(gone, stays, return_exceptions=True))

    gone, stays = asyncio.run(asked())
    assert isinstance(gone, asyncio.CancelledError)
    assert stays.predictions[0]["label"] == "virginica"
