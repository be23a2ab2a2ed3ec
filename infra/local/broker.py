"""Assign each invocation an environment: at most `limit` at once, started as needed.

An invocation's life:

    asked ──no room, strict──► throttled (429)
      │
      └──► waiting ──an environment is free, or a fresh one may start──► running ──► answered
               └──the caller gives up──► withdrawn

If a caller gives up while its invocation runs, the function goes on and its result is dropped, as
on the service. The environment takes the next invocation when its runtime asks for one.

Who waits and who is refused: the service has a thousand environments, a laptop four. So there are
two ways in, which differ only while every environment is busy:
  - `invoke` is strict: one call too many is Throttled, as on the service at its limit. The Invoke
    API uses it.
  - `invoke_patiently` waits for an environment. The HTTP fronts and the event queue use it, since
    the real front would have had its environment. If `reserved_concurrency` is set, the limit is
    the user's own choice, and the fronts are throttled too.

No HTTP and no processes here; the clock is injected.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from infra.local import contract
from infra.local.clock import Clock, Timer
from infra.local.environment import Environment
from infra.local.errors import Replaced, StartError, Throttled
from infra.local.invocation import Invocation, InvokeRequest, InvokeResult
from infra.settings.function import FunctionConfig

__all__ = ["Broker", "InvokeRequest", "InvokeResult", "Throttled"]

# A runtime that has answered asks for more within about a millisecond. Waiting this long is better
# than a cold start that the service would not have had either.
_SETTLING_S = 0.2
_CLOSING = "the emulator is shutting down"


@dataclass(eq=False)
class _Ticket:
    invocation: Invocation
    since: float  # monotonic
    answer: asyncio.Future[InvokeResult] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    result: asyncio.Future[InvokeResult] | None = None  # the environment's result, while it runs


@dataclass(eq=False)
class _Resting:
    environment: Environment
    since: float  # monotonic


class Broker:
    """The environments of one function, and the invocations that wait for one."""

    def __init__(
        self, config: FunctionConfig, clock: Clock, new_environment: Callable[[], Environment]
    ) -> None:
        self._config = config
        self._clock = clock
        self._new_environment = new_environment
        self._environments: set[Environment] = set()
        self._resting: list[_Resting] = []  # the last one used is reused first
        self._settling = 0
        self._waiting: deque[_Ticket] = deque()
        self._running: set[_Ticket] = set()
        self._under_way = 0  # invocations that wait or run
        self._tasks: set[asyncio.Task[None]] = set()
        self._second_look: Timer | None = None
        self._reaper: Timer | None = None
        self._closed = False

    @property
    def environments(self) -> int:
        """How many environments exist now."""
        return len(self._environments)

    @property
    def under_way(self) -> int:
        """How many invocations wait or run."""
        return self._under_way

    async def start(self) -> None:
        """Start the provisioned environments."""
        fresh = [self._add() for _ in range(self._config.provisioned_concurrency)]
        await asyncio.gather(*(environment.initialise(provisioned=True) for environment in fresh))
        for environment in fresh:
            self._rest(environment)

    async def invoke(self, request: InvokeRequest) -> InvokeResult:
        """Run one invocation.

        Raises:
            Throttled: as many invocations as allowed are under way.
        """
        if self._under_way >= self._config.limit:
            reserved = self._config.reserved_concurrency is not None
            raise Throttled(
                contract.THROTTLED_BY_RESERVED if reserved else contract.THROTTLED_BY_ACCOUNT
            )
        return await self._run(request)

    async def invoke_patiently(self, request: InvokeRequest) -> InvokeResult:
        """Run one invocation, waiting for an environment if only this machine limits them.

        Raises:
            Throttled: reserved_concurrency is set, and as many invocations are under way.
        """
        if self._config.reserved_concurrency is not None:
            return await self.invoke(request)
        return await self._run(request)

    async def retire(self) -> None:
        """Hand the waiting invocations back with Replaced, let the running ones end, and close."""
        while self._waiting:
            self._answer(self._waiting.popleft(), Replaced("the function was changed"))
        while self._running:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.close()

    async def close(self) -> None:
        """End every environment; running invocations fail with StartError."""
        self._closed = True
        if self._second_look is not None:
            self._second_look.cancel()
        if self._reaper is not None:
            self._reaper.cancel()
        self._resting.clear()
        while self._waiting:
            self._answer(self._waiting.popleft(), StartError(_CLOSING))
        for task in list(self._tasks):
            task.cancel()
        # Not left to the tasks: one that is cancelled before its first step does nothing.
        for ticket in list(self._running):
            if ticket.result is not None:
                ticket.result.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for ticket in list(self._running):
            self._answer(ticket, StartError(_CLOSING))
        environments, self._environments = self._environments, set()
        await asyncio.gather(*(environment.close() for environment in environments))

    async def _run(self, request: InvokeRequest) -> InvokeResult:
        if self._closed:
            raise StartError(_CLOSING)
        ticket = _Ticket(Invocation.of(request, self._clock.now()), self._clock.monotonic())
        self._under_way += 1
        self._waiting.append(ticket)
        self._dispatch()
        try:
            # The caller's own future: cancelling it does not affect the invocation.
            return await ticket.answer
        except asyncio.CancelledError:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                self._under_way -= 1
            raise

    def _answer(self, ticket: _Ticket, answer: InvokeResult | Exception) -> None:
        self._under_way -= 1
        self._running.discard(ticket)
        if ticket.answer.done():
            return
        if isinstance(answer, Exception):
            ticket.answer.set_exception(answer)
        else:
            ticket.answer.set_result(answer)

    def _dispatch(self) -> None:
        """Hand waiting invocations to resting environments, then to fresh ones.

        Waits a moment for an environment that has answered and is about to be free.
        """
        while self._waiting and self._resting:
            self._begin(self._resting.pop().environment, self._waiting.popleft())
        patience_ends = self._clock.monotonic() - _SETTLING_S
        while self._waiting and len(self._environments) < self._config.concurrency:
            if len(self._waiting) <= self._settling and self._waiting[0].since > patience_ends:
                self._look_again_at(self._waiting[0].since + _SETTLING_S)
                return
            self._begin(self._add(), self._waiting.popleft())

    def _look_again_at(self, time: float) -> None:
        if self._second_look is not None:
            self._second_look.cancel()
        delay_s = max(0.001, time - self._clock.monotonic())
        self._second_look = self._clock.call_later(delay_s, self._dispatch)

    def _add(self) -> Environment:
        environment = self._new_environment()
        self._environments.add(environment)
        return environment

    def _begin(self, environment: Environment, ticket: _Ticket) -> None:
        # The event is handed over now, not when the task gets its first turn.
        result = self._run_on(environment, ticket)
        self._do(self._serve(environment, ticket, result))

    def _run_on(self, environment: Environment, ticket: _Ticket) -> asyncio.Future[InvokeResult]:
        self._running.add(ticket)
        ticket.result = environment.run(ticket.invocation)
        return ticket.result

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(
        self, environment: Environment, ticket: _Ticket, result: asyncio.Future[InvokeResult]
    ) -> None:
        """Answer one invocation, then run the waiting ones in turn."""
        try:
            while True:
                self._answer(ticket, await result)
                await self._settled(environment)
                if not self._waiting:
                    self._rest(environment)
                    return
                ticket = self._waiting.popleft()
                result = self._run_on(environment, ticket)
        except Exception as exc:  # noqa: BLE001 - the caller gets it
            # This is the emulator's own fault: the environment is not reused.
            if ticket in self._running:
                self._answer(ticket, exc)
            else:
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "an environment failed after its answer", "exception": exc}
                )
            await self._discard(environment)

    async def _settled(self, environment: Environment) -> None:
        self._settling += 1
        try:
            await environment.settle()
        finally:
            self._settling -= 1

    def _rest(self, environment: Environment) -> None:
        # The environment that rested longest comes first: others are taken from the end.
        self._resting.append(_Resting(environment, self._clock.monotonic()))
        if self._reaper is None:
            self._reaper = self._clock.call_later(self._config.idle_s, self._reap)

    def _reap(self) -> None:
        """End environments that have rested too long, and look again when the next is due."""
        self._reaper = None
        now, idle_s = self._clock.monotonic(), self._config.idle_s
        while self._resting and self._resting[0].since + idle_s <= now:
            self._do(self._discard(self._resting.pop(0).environment))
        if self._resting:
            left_s = self._resting[0].since + idle_s - now
            self._reaper = self._clock.call_later(left_s, self._reap)

    async def _discard(self, environment: Environment) -> None:
        self._environments.discard(environment)
        await environment.close()
        if not self._closed:
            self._dispatch()
