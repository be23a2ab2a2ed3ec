"""
Asynchronous invocations, with a clock that the tests move:
docs/contract.md 5.3, 6.2, B9, B19 and 6.6.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from infra.local.errors import Throttled
from infra.local.invocation import InvokeRequest, InvokeResult
from infra.local.invoke.asynchronous import EventQueue
from infra.local.invoke.destinations import Delivery
from infra.settings.function import EventConfig, FunctionConfig
from tests.infra.local.fakes import FakeClock, settled

SUCCESS = "arn:aws:sqs:us-east-1:123456789012:good"
FAILURE = "arn:aws:sqs:us-east-1:123456789012:bad"
DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"
ERROR = b'{"errorMessage":"no","errorType":"ValueError"}'


class Desk:
    """
    Be a queue whose function does as it is told: None succeeds,
    bytes fail, errors are raised.
    """

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
        """Give what was delivered, by the target's name."""
        return {item.target_arn.split(":")[-1]: json.loads(item.body) for item in self.delivered}


def play(scene: Callable[[], Awaitable[None]]) -> None:
    """Run a scene."""

    async def run() -> None:
        await scene()

    asyncio.run(run())


def test_a_success_is_delivered() -> None:
    """One attempt; the record of 6.6, without a functionError."""

    async def scene() -> None:
        desk = Desk(None)
        request_id = desk.queue.accept(InvokeRequest(b'{"in":1}'))
        await desk.queue.drained()
        assert desk.asked == [(0.0, request_id)]
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

    play(scene)


def test_a_function_error_is_retried_after_one_and_two_minutes() -> None:
    """Three attempts with the same id; then the dead letter and the failure record."""

    async def scene() -> None:
        desk = Desk(ERROR, ERROR, ERROR)
        request_id = desk.queue.accept(InvokeRequest(b'{"in":1}'))
        await desk.clock.advance(59.9)
        assert len(desk.asked) == 1
        await desk.clock.advance(300)
        await desk.queue.drained()
        assert desk.asked == [(0.0, request_id), (60.0, request_id), (180.0, request_id)]
        record = desk.records["bad"]
        assert record["requestContext"]["condition"] == "RetriesExhausted"
        assert record["requestContext"]["approximateInvokeCount"] == 3
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

    play(scene)


def test_a_retry_that_succeeds_is_a_success() -> None:
    """Nothing goes to the dead letters."""

    async def scene() -> None:
        desk = Desk(ERROR, None)
        desk.queue.accept(InvokeRequest(b"{}"))
        await desk.clock.advance(61)
        await desk.queue.drained()
        assert list(desk.records) == ["good"]
        assert desk.records["good"]["requestContext"]["approximateInvokeCount"] == 2

    play(scene)


def test_retries_can_be_fewer() -> None:
    """MaximumRetryAttempts of 0: one attempt."""

    async def scene() -> None:
        desk = Desk(ERROR, retries=0)
        desk.queue.accept(InvokeRequest(b"{}"))
        await desk.queue.drained()
        assert len(desk.asked) == 1
        assert desk.records["bad"]["requestContext"]["approximateInvokeCount"] == 1

    play(scene)


def test_a_throttled_event_stays_and_counts_no_attempt() -> None:
    """It is tried again after 1 s, 2 s, 4 s ..."""

    async def scene() -> None:
        desk = Desk(Throttled("x"), Throttled("x"), Throttled("x"), None)
        desk.queue.accept(InvokeRequest(b"{}"))
        await desk.clock.advance(10)
        await desk.queue.drained()
        assert [time for time, _ in desk.asked] == [0.0, 1.0, 3.0, 7.0]
        assert desk.records["good"]["requestContext"]["approximateInvokeCount"] == 1

    play(scene)


def test_the_pause_grows_to_five_minutes_and_the_age_ends_it() -> None:
    """EventAgeExceeded: the record has no response, for there was none."""

    async def scene() -> None:
        desk = Desk(*[Throttled("x")] * 100, max_age_s=3_600)
        desk.queue.accept(InvokeRequest(b"{}"))
        await desk.clock.advance(4_000)
        await desk.queue.drained()
        times = [time for time, _ in desk.asked]
        gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
        assert gaps[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
        assert set(gaps[9:]) == {300}
        assert times[-1] <= 3_600
        record = desk.records["bad"]
        assert record["requestContext"]["condition"] == "EventAgeExceeded"
        assert record["requestContext"]["approximateInvokeCount"] == 0
        assert "responseContext" not in record
        assert "ErrorMessage" not in desk.delivered[0].attributes

    play(scene)


def test_an_event_too_old_for_its_retry_is_given_up() -> None:
    """A retry in 60 s that would come after the event's age is none."""

    async def scene() -> None:
        desk = Desk(ERROR, ERROR, max_age_s=100)
        desk.queue.accept(InvokeRequest(b"{}"))
        await desk.clock.advance(61)
        await desk.queue.drained()
        assert [time for time, _ in desk.asked] == [0.0, 60.0]
        assert desk.records["bad"]["requestContext"]["condition"] == "EventAgeExceeded"

    play(scene)


def test_a_reserved_concurrency_of_zero_tries_nothing() -> None:
    """Straight to the dead letters and the failure destination."""

    async def scene() -> None:
        desk = Desk(reserved_concurrency=0)
        desk.queue.accept(InvokeRequest(b'{"in":1}'))
        await desk.queue.drained()
        assert desk.asked == []
        assert [item.target_arn for item in desk.delivered] == [DEAD, FAILURE]

    play(scene)


def test_without_targets_nothing_is_delivered() -> None:
    """The event is done, and that is all."""

    async def scene() -> None:
        desk = Desk(None, on_success=None)
        desk.queue.accept(InvokeRequest(b"{}"))
        await desk.queue.drained()
        assert desk.delivered == []

    play(scene)


def test_closing_forgets_what_waits() -> None:
    """No task is left behind."""

    async def scene() -> None:
        desk = Desk(ERROR)
        desk.queue.accept(InvokeRequest(b"{}"))
        await settled()
        await desk.queue.close()
        await desk.queue.drained()
        assert desk.delivered == []

    play(scene)


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

    play(scene)


def test_payloads_that_are_no_json_travel_as_text() -> None:
    """A record must be JSON whatever the function said."""

    async def scene() -> None:
        desk = Desk(b"\xff not json", retries=0)
        desk.queue.accept(InvokeRequest(b"[" * 100_000))
        await desk.queue.drained()
        record = json.loads(desk.delivered[-1].body)
        assert record["responsePayload"] == "\ufffd not json"
        assert record["requestPayload"] == "[" * 100_000

    play(scene)
