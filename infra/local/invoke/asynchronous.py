"""Asynchronous (Event) invocations: accepted at once, run when there is room, retried, then
delivered.

An event's life:

    accepted ──► running ──success──────────────────────► delivered to on_success
       ▲            ├──function error──► waits 1 min, then 2 min ──► running again
       │            │                       └──none left──► dead letter and on_failure
       └────────────┴──throttled──► waits 1 s ... 5 min ──too old──► dead letter and on_failure

A throttled event also tries again when another event of the queue has run: there is room then.
With a reserved concurrency of zero it goes to dead letter and on_failure at once. All attempts have
the same request id. Source: docs/contract.md 5.3, 6.2, B9 and B19, 6.6.

Events wait here and not for an environment: no more than can run ask for one, so that a front's
caller waits for a few of them at most, however many are queued.
"""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

from infra.local import contract
from infra.local.clock import Clock, pause
from infra.local.errors import Throttled
from infra.local.invocation import InvokeRequest, InvokeResult
from infra.local.invoke.destinations import Deliver, Delivery, dead_letter_of, record_of
from infra.settings.function import FunctionConfig

_KEPT_DELIVERIES = 1_000

MAX_HELD_BYTES = 256 * 1024 * 1024
"""What the events that are not done may hold; the service would keep them for six hours."""

_TASK_BYTES = 4_096
"""What an event takes besides its payload."""


class EventQueue:
    """Holds the events of one function until each is done."""

    def __init__(
        self,
        config: FunctionConfig,
        clock: Clock,
        invoke: Callable[[InvokeRequest], Awaitable[InvokeResult]],
        deliver: Deliver,
    ) -> None:
        self.config = config  # a change is in force at the next attempt
        self._clock = clock
        self._invoke = invoke
        self._deliver = deliver
        self._tasks: set[asyncio.Task[None]] = set()
        self._held_bytes = 0
        self._running = asyncio.Semaphore(config.concurrency)
        self._throttled: deque[Callable[[], None]] = deque()  # wakes each; first come first
        self.deliveries: deque[Delivery] = deque(maxlen=_KEPT_DELIVERIES)

    def accept(self, request: InvokeRequest) -> str:
        """Accept an event.

        Returns:
            Its request id, the same in every attempt.

        Raises:
            Throttled: as many wait as may be held.
        """
        size = len(request.payload) + _TASK_BYTES
        if self._held_bytes + size > MAX_HELD_BYTES:
            raise Throttled(contract.THROTTLED_BY_RATE)
        self._held_bytes += size
        request_id = request.request_id or str(uuid.uuid4())
        event = dataclasses.replace(request, request_id=request_id)
        task = asyncio.get_running_loop().create_task(self._process(event, request_id))
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, size))
        return request_id

    async def drained(self) -> None:
        """Wait until no event is left."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Drop the remaining events."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, size: int, task: asyncio.Task[None]) -> None:
        self._held_bytes -= size
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            task.get_loop().call_exception_handler(
                {"message": "an asynchronous invocation failed", "exception": error}
            )

    async def _process(self, event: InvokeRequest, request_id: str) -> None:
        accepted = self._clock.monotonic()
        attempts, backoff_s = 0, contract.THROTTLE_BACKOFF_FIRST_S
        result: InvokeResult | None = None
        condition = "RetriesExhausted"
        while self.config.reserved_concurrency != 0:
            waiting = None
            try:
                async with self._running:
                    result = await self._invoke(event)
            except Throttled:
                waiting = self._throttled
                delay_s, backoff_s = (
                    backoff_s,
                    min(backoff_s * 2, contract.THROTTLE_BACKOFF_LIMIT_S),
                )
            else:
                attempts += 1
                if self._throttled:
                    self._throttled.popleft()()
                if result.function_error is None:
                    condition = "Success"
                    break
                if attempts > self.config.events.retries:
                    break
                delay_s = contract.EVENT_RETRY_DELAYS_S[attempts - 1]
            age_s = self._clock.monotonic() - accepted
            if age_s + delay_s > self.config.events.max_age_s:
                condition = "EventAgeExceeded"
                break
            await pause(self._clock, delay_s, waiting)
        else:
            condition = "ZeroReservedConcurrency"
        await self._conclude(event, result, condition=condition, attempts=attempts)

    async def _conclude(
        self, event: InvokeRequest, result: InvokeResult | None, *, condition: str, attempts: int
    ) -> None:
        targets = self.config.events
        succeeded = condition == "Success"
        if not succeeded and targets.dead_letter:
            await self._send(dead_letter_of(targets.dead_letter, event, result))
        target = targets.on_success if succeeded else targets.on_failure
        if target:
            record = record_of(
                self.config,
                event,
                result,
                condition=condition,
                attempts=attempts,
                now_s=self._clock.now(),
            )
            await self._send(Delivery(target, record, condition=condition))

    async def _send(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        await self._deliver(delivery)
