"""Asynchronous invocations, on a clock that tests move: docs/contract.md 5.3, 6.2, B9, B19, 6.6."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import pytest

from infra.local.errors import Throttled
from infra.local.invocation import InvokeRequest, InvokeResult
from infra.local.invoke import asynchronous
from infra.local.invoke.asynchronous import EventQueue
from infra.local.invoke.destinations import Delivery
from infra.settings.function import EventConfig, FunctionConfig
from tests.infra.local.fakes import FakeClock, settled

SUCCESS = "arn:aws:sqs:us-east-1:123456789012:good"
FAILURE = "arn:aws:sqs:us-east-1:123456789012:bad"
DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"
ERROR = b'{"errorMessage":"no","errorType":"ValueError"}'


class Desk:
    """A queue whose function does as told: None succeeds, bytes fail, errors are raised."""

    def __init__(self, *results: bytes | Exception | None, **events: Any) -> None:
        self.clock = FakeClock()
        self.results = list(results)
        self.asked: list[tuple[float, str | None]] = []
        self.delivered: list[Delivery] = []
        settings = {"on_success": SUCCESS, "on_failure": FAILURE, "dead_letter": DEAD, **events}
        reserved = settings.pop("reserved_concurrency", None)
        self.config = FunctionConfig(
            handler="a.b",
            name="f",
            events=EventConfig(**settings),
            reserved_concurrency=reserved,
        )
        self.queue = EventQueue(self.config, self.clock, self.invoke, self.deliver)

    async def invoke(self, request: InvokeRequest) -> InvokeResult:
        """Play the function."""
        self.asked.append((self.clock.monotonic(), request.request_id))
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        error = None if result is None else "Unhandled"
        return InvokeResult(request.request_id or "", result or b"1", error, "$LATEST", b"")

    async def deliver(self, delivery: Delivery) -> None:
        """Note it."""
        self.delivered.append(delivery)

    @property
    def records(self) -> dict[str, Any]:
        """What was delivered, by the target's name."""
        return {item.target_arn.split(":")[-1]: json.loads(item.body) for item in self.delivered}

    async def accept(self, payload: bytes = b"{}", *, passes_s: float = 0) -> str:
        """Take an event in, let time pass, and wait until it is done."""
        request_id = self.queue.accept(InvokeRequest(payload))
        await self.clock.advance(passes_s)
        await self.queue.drained()
        return request_id


BUSY = Throttled("x")


@pytest.mark.parametrize(
    ("results", "settings", "asked_at", "targets", "condition", "count"),
    [
        ([None], {}, [0], ["good"], "Success", 1),
        ([ERROR, None], {}, [0, 60], ["good"], "Success", 2),
        ([ERROR] * 3, {}, [0, 60, 180], ["dead", "bad"], "RetriesExhausted", 3),
        ([ERROR], {"retries": 0}, [0], ["dead", "bad"], "RetriesExhausted", 1),
        # A throttle counts as no attempt.
        ([BUSY, BUSY, BUSY, None], {}, [0, 1, 3, 7], ["good"], "Success", 1),
        # A retry that would come after the event's age is none.
        ([ERROR] * 2, {"max_age_s": 100}, [0, 60], ["dead", "bad"], "EventAgeExceeded", 2),
        ([], {"reserved_concurrency": 0}, [], ["dead", "bad"], "ZeroReservedConcurrency", 0),
        ([None], {"on_success": None}, [0], [], None, 1),
    ],
)
def test_a_life(
    results: list[bytes | Exception | None],
    settings: dict[str, Any],
    asked_at: list[float],
    targets: list[str],
    condition: str | None,
    count: int,
) -> None:
    """When the function is asked, always with the same id, and what is delivered where."""

    async def scene() -> None:
        desk = Desk(*results, **settings)
        request_id = await desk.accept(passes_s=300)
        assert desk.asked == [(time, request_id) for time in asked_at]
        assert [item.target_arn.split(":")[-1] for item in desk.delivered] == targets
        if condition is not None:
            context = json.loads(desk.delivered[-1].body)["requestContext"]
            assert (context["condition"], context["approximateInvokeCount"]) == (condition, count)

    asyncio.run(scene())


def test_a_throttled_event_tries_again_when_another_has_run() -> None:
    """In the order they came, and long before its backoff ends."""

    async def scene() -> None:
        desk = Desk(BUSY, BUSY, BUSY, BUSY, None, None, None)
        ids = [desk.queue.accept(InvokeRequest(b"{}")) for _ in range(2)]
        await settled()
        await desk.clock.advance(1)
        ids.append(desk.queue.accept(InvokeRequest(b"{}")))
        await desk.queue.drained()
        assert desk.asked[4:] == [(1, ids[2]), (1, ids[0]), (1, ids[1])]

    asyncio.run(scene())


def test_the_record_of_a_success() -> None:
    """The record of 6.6, whole, without a functionError."""

    async def scene() -> None:
        desk = Desk(None)
        request_id = await desk.accept(b'{"in":1}')
        assert desk.records == {
            "good": {
                "version": "1.0",
                "timestamp": "2026-05-28T20:26:40.000Z",
                "requestContext": {
                    "requestId": request_id,
                    "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
                    "condition": "Success",
                    "approximateInvokeCount": 1,
                },
                "requestPayload": {"in": 1},
                "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
                "responsePayload": 1,
            }
        }

    asyncio.run(scene())


def test_the_record_and_the_dead_letter_of_a_failure() -> None:
    """The record has the error; the letter has the event as it was, and why it failed."""

    async def scene() -> None:
        desk = Desk(ERROR, retries=0)
        request_id = await desk.accept(b'{"in":1}')
        record = desk.records["bad"]
        assert record["responseContext"] == {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        }
        assert record["responsePayload"] == json.loads(ERROR)
        letter = desk.delivered[0]
        assert (letter.target_arn, letter.body) == (DEAD, '{"in":1}')
        assert letter.attributes == {
            "RequestID": {"DataType": "String", "StringValue": request_id},
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": {"DataType": "String", "StringValue": "no"},
        }

    asyncio.run(scene())


def test_the_pause_grows_to_five_minutes_and_the_age_ends_it() -> None:
    """EventAgeExceeded: the record has no response, for there was none."""

    async def scene() -> None:
        desk = Desk(*[BUSY] * 100, max_age_s=3_600)
        await desk.accept(passes_s=4_000)
        times = [time for time, _ in desk.asked]
        gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
        assert gaps[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
        assert set(gaps[9:]) == {300}
        assert times[-1] <= 3_600
        record = desk.records["bad"]
        assert record["requestContext"]["condition"] == "EventAgeExceeded"
        assert "responseContext" not in record
        assert "ErrorMessage" not in desk.delivered[0].attributes

    asyncio.run(scene())


def test_no_more_events_than_can_run_ask_for_an_environment() -> None:
    """A front's caller would have to wait for all of them."""

    async def scene() -> None:
        desk = Desk()
        under_way: list[int] = []
        free = asyncio.Event()

        async def invoke(_request: InvokeRequest) -> InvokeResult:
            under_way.append(len(under_way))
            await free.wait()
            return InvokeResult("", b"1", None, "$LATEST", b"")

        queue = EventQueue(desk.config, desk.clock, invoke, desk.deliver)
        for _ in range(9):
            queue.accept(InvokeRequest(b"{}"))
        await settled()
        assert len(under_way) == desk.config.concurrency == 4
        free.set()
        await queue.drained()
        assert len(under_way) == 9

    asyncio.run(scene())


def test_queued_events_have_a_limit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it the sender is throttled; what is done makes room."""
    assert asynchronous.MAX_HELD_BYTES <= 2**28
    monkeypatch.setattr(asynchronous, "MAX_HELD_BYTES", 9_000)

    async def scene() -> None:
        desk = Desk(None, None, None)
        for payload in (b"{}", b"[]"):
            desk.queue.accept(InvokeRequest(payload))
        with pytest.raises(Throttled, match="FunctionInvocationRateLimitExceeded"):
            desk.queue.accept(InvokeRequest(b" " * 900))
        await desk.queue.drained()
        await desk.accept(b" " * 900)

    asyncio.run(scene())


def test_closing_forgets_what_waits() -> None:
    """No task is left behind."""

    async def scene() -> None:
        desk = Desk(ERROR)
        desk.queue.accept(InvokeRequest(b"{}"))
        await settled()
        await desk.queue.close()
        await desk.queue.drained()
        assert desk.delivered == []

    asyncio.run(scene())


def test_a_delivery_that_fails_is_reported() -> None:
    """To the event loop's handler, so that it is seen; the emulator goes on."""

    async def scene() -> None:
        desk = Desk(None)
        seen: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, told: seen.append(told))

        async def broken(_delivery: Delivery) -> None:
            raise OSError("no queue")

        queue = EventQueue(desk.config, desk.clock, desk.invoke, broken)
        queue.accept(InvokeRequest(b"{}"))
        await queue.drained()
        await settled()
        assert [str(told["exception"]) for told in seen] == ["no queue"]

    asyncio.run(scene())


def test_payloads_that_are_no_json_travel_as_text() -> None:
    """A record must be JSON whatever the function said."""

    async def scene() -> None:
        desk = Desk(b"\xff not json", retries=0)
        await desk.accept(b"[" * 100_000)
        record = json.loads(desk.delivered[-1].body)
        assert record["responsePayload"] == "\ufffd not json"
        assert record["requestPayload"] == "[" * 100_000

    asyncio.run(scene())
