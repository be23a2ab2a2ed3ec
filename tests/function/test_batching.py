"""
Predicting in threads: rows that wait go together, and nobody is told anything of another.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any

import pytest

from function.batching import Batching
from function.service import PredictRequest, PredictResponse, Service
from function.settings import ZOO
from function.telemetry import CURRENT, Invocation
from model.engines.base import Engine, Matrix
from model.errors import EngineError, InputError
from model.predictor import DEFAULT_MAX_PIXELS

ROWS = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5], [5.9, 3.0, 4.2, 1.5]]
DIGIT = (ZOO / "digits" / "samples" / "7.png").read_bytes()


class Gate:
    """An engine that waits until it is let, and remembers how many instances came at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.begun = threading.Semaphore(0)
        self.let = threading.Event()
        self.sizes: list[int] = []
        self.fault: Exception | None = None

    def run(self, tensor: Matrix) -> Any:
        """
        Wait, and answer as the real one.
        """
        self.sizes.append(len(tensor))
        self.begun.release()
        assert self.let.wait(20)
        if self.fault and len(tensor) > 1:
            raise self.fault
        return self._engine.run(tensor)


@pytest.fixture
def zoo() -> Service:
    """Load both models, apart from those that other tests use."""
    return Service.load(ZOO, max_pixels=DEFAULT_MAX_PIXELS)


def gated(service: Service, name: str) -> Gate:
    """Put a gate before a model's engine."""
    predictor = service.versions(name).latest
    gate = Gate(predictor._engine)
    predictor._engine = gate
    return gate


async def gathered(
    service: Service, gate: Gate, requests: list[PredictRequest]
) -> list[PredictResponse | BaseException]:
    """Send the first request, let the others gather behind it, and wait for all answers."""
    ask = Batching(service, threads=1)
    first = asyncio.ensure_future(ask(requests[0]))
    await asyncio.to_thread(gate.begun.acquire)
    others = [asyncio.ensure_future(ask(request)) for request in requests[1:]]
    await asyncio.sleep(0)
    gate.let.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


def iris(*rows: Any) -> PredictRequest:
    """Ask for some rows."""
    return PredictRequest("iris", list(rows))


def test_rows_that_wait_go_together(zoo: Service) -> None:
    """Those that come while the engine is busy are one batch, each with its own answer."""
    requests = [iris(row) for row in [*ROWS, *ROWS]] + [iris(*ROWS)]
    expected = [zoo.predict(request).predictions for request in requests]
    gate = gated(zoo, "iris")
    answers = asyncio.run(gathered(zoo, gate, requests))
    assert gate.sizes == [1, 8]
    assert [answer.predictions for answer in answers] == expected  # type: ignore[union-attr]


def test_pictures_go_alone(zoo: Service) -> None:
    """Pictures are not held together, nor rows with them."""
    requests = [PredictRequest("digits", [DIGIT])] * 3
    digits = gated(zoo, "digits")
    answers = asyncio.run(gathered(zoo, digits, [*requests, iris(ROWS[0]), iris(ROWS[1])]))
    assert digits.sizes == [1, 1, 1]
    assert [answer.predictions[0].label for answer in answers] == [  # type: ignore[union-attr]
        "7", "7", "7", "setosa", "virginica",
    ]  # fmt: skip


def test_a_batch_has_the_models_limit(zoo: Service) -> None:
    """No more rows go together than one request may have; the rest is the next batch."""
    gate = gated(zoo, "iris")
    asyncio.run(gathered(zoo, gate, [iris(ROWS[0]), iris(*ROWS[:1] * 600), iris(*ROWS[:1] * 600)]))
    assert gate.sizes == [1, 600, 600]


def test_one_that_is_wrong_is_wrong_alone(zoo: Service) -> None:
    """A request that the model refuses is told so, by its own rows; its neighbours are answered."""
    gate = gated(zoo, "iris")
    wrong = iris(ROWS[0], [1, 2, None, 4])
    answers = asyncio.run(gathered(zoo, gate, [iris(ROWS[0]), iris(ROWS[1]), wrong, iris(ROWS[2])]))
    assert [type(answer) for answer in answers] == [
        PredictResponse, PredictResponse, InputError, PredictResponse,
    ]  # fmt: skip
    assert str(answers[2]) == "rows[1].petal_length_cm: expected a finite number, came null"


def test_an_engine_that_fails_on_many(zoo: Service) -> None:
    """Where the engine fails on the batch, each is tried by itself."""
    gate = gated(zoo, "iris")
    gate.fault = RuntimeError("too many")
    requests = [iris(ROWS[0]), iris(ROWS[1]), iris(*ROWS), iris(ROWS[2])]
    answers = asyncio.run(gathered(zoo, gate, requests))
    assert gate.sizes == [1, 5, 1, 3, 1]
    assert isinstance(answers[2], EngineError)
    assert [answer.predictions[0].label for n, answer in enumerate(answers) if n != 2] == [  # type: ignore[union-attr]
        "setosa", "virginica", "versicolor",
    ]  # fmt: skip


def test_each_request_is_its_own_invocation(zoo: Service) -> None:
    """What went together is logged apart: each request's own count and confidences."""
    gate = gated(zoo, "iris")
    invocations = [Invocation(f"id-{n}", "plain-http", cold=False) for n in range(3)]

    async def asked() -> None:
        ask = Batching(zoo, threads=1)

        def in_context(invocation: Invocation, request: PredictRequest) -> Awaitable[Any]:
            token = CURRENT.set(invocation)
            task = asyncio.ensure_future(ask(request))
            CURRENT.reset(token)
            return task

        first = in_context(invocations[0], iris(ROWS[0]))
        await asyncio.to_thread(gate.begun.acquire)
        others = [
            in_context(invocations[1], iris(*ROWS)),
            in_context(invocations[2], iris(ROWS[1])),
        ]
        await asyncio.sleep(0)
        gate.let.set()
        await asyncio.gather(first, *others)

    asyncio.run(asked())
    assert gate.sizes == [1, 4]
    assert [one.count for one in invocations] == [1, 3, 1]
    assert [one.model for one in invocations] == ["iris"] * 3
    assert [one.usages["iris", "1"].predictions for one in invocations] == [1, 3, 1]
    assert all(one.steps_ms["engine"] > 0 for one in invocations)


def test_who_is_cancelled_holds_nobody_up(zoo: Service) -> None:
    """A request whose client is gone is predicted for nobody; those beside it are answered."""
    gate = gated(zoo, "iris")

    async def asked() -> list[Any]:
        ask = Batching(zoo, threads=1)
        first = asyncio.ensure_future(ask(iris(ROWS[0])))
        await asyncio.to_thread(gate.begun.acquire)
        gone, stays = (asyncio.ensure_future(ask(iris(row))) for row in ROWS[1:])
        await asyncio.sleep(0)
        gone.cancel()
        gate.let.set()
        return list(await asyncio.gather(first, gone, stays, return_exceptions=True))

    first, gone, stays = asyncio.run(asked())
    assert isinstance(gone, asyncio.CancelledError)
    assert [one.predictions[0].label for one in (first, stays)] == ["setosa", "versicolor"]
