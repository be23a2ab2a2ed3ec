"""The broker alone: fake environments, a clock that the tests move, no process and no HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.broker import Broker, InvokeRequest, InvokeResult, Throttled
from infra.local.errors import Replaced, StartError
from infra.settings.function import FunctionConfig
from tests.infra.local.fakes import FakeClock, FakeEnvironment, settled

Played = Callable[["Stage"], Awaitable[None]]


class Stage:
    """A broker with all its fake environments, in the order they were made."""

    def __init__(self, **changes: Any) -> None:
        self.clock = FakeClock()
        self.environments: list[FakeEnvironment] = []
        config = FunctionConfig(handler="any.handler", **changes)
        self.broker = Broker(config, self.clock, self.new_environment)
        self.settles_at_once = True

    def new_environment(self) -> FakeEnvironment:
        """Make an environment."""
        environment = FakeEnvironment()
        environment.settles_at_once = self.settles_at_once
        self.environments.append(environment)
        return environment

    async def call(self, *, patient: bool = False) -> asyncio.Task[InvokeResult]:
        """Begin a call."""
        invoke = self.broker.invoke_patiently if patient else self.broker.invoke
        task = asyncio.create_task(invoke(InvokeRequest(b"{}")))
        await settled()
        return task


def play(scene: Played, **changes: Any) -> None:
    """Run a scene on a stage, and close the broker."""

    async def run() -> None:
        stage = Stage(**changes)
        await scene(stage)
        await stage.broker.close()
        assert all(environment.closed for environment in stage.environments)

    asyncio.run(run())


def on_stage(**changes: Any) -> Callable[[Played], Callable[[], None]]:
    """Make a scene a test."""

    def make(scene: Played) -> Callable[[], None]:
        def test() -> None:
            play(scene, **changes)

        test.__doc__ = scene.__doc__
        return test

    return make


@on_stage()
async def test_one_environment_serves_calls_one_after_the_other(stage: Stage) -> None:
    """The second call is warm: the same environment, frozen in between."""
    for _ in range(2):
        call = await stage.call()
        await stage.environments[0].reply(b'"done"')
        assert (await call).payload == b'"done"'
    assert len(stage.environments) == 1


@on_stage(concurrency=3)
async def test_fresh_environments_start_while_others_work(stage: Stage) -> None:
    """Up to the limit, each call has its own; the call beyond it is refused with the reason."""
    calls = [await stage.call() for _ in range(3)]
    assert len(stage.environments) == 3
    refused = await stage.call()
    with pytest.raises(Throttled) as caught:
        await refused
    assert caught.value.reason == "ConcurrentInvocationLimitExceeded"
    assert str(caught.value) == "Rate Exceeded. Reason: ConcurrentInvocationLimitExceeded"
    for environment in stage.environments:
        await environment.reply()
    ids = [(await call).request_id for call in calls]
    assert ids == [environment.served[0] for environment in stage.environments]


@on_stage(concurrency=3, reserved_concurrency=1)
async def test_reserved_concurrency_is_a_limit_of_its_own(stage: Stage) -> None:
    """Lower than the machine's, with its own reason, and for patient callers too."""
    await stage.call()
    for patient in (False, True):
        with pytest.raises(Throttled) as caught:
            await (await stage.call(patient=patient))
        assert caught.value.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
    await stage.environments[0].reply()


@on_stage(reserved_concurrency=0)
async def test_a_reserved_concurrency_of_zero_refuses_everything(stage: Stage) -> None:
    """The service's emergency stop."""
    with pytest.raises(Throttled):
        await (await stage.call(patient=True))
    assert stage.environments == []


@on_stage(concurrency=1)
async def test_patient_callers_wait_in_order(stage: Stage) -> None:
    """A burst loses none: five calls, one environment, answered as they came."""
    calls = [await stage.call(patient=True) for _ in range(5)]
    assert stage.broker.under_way == 5
    for _ in calls:
        await stage.environments[0].reply()
    answered = [(await call).request_id for call in calls]
    assert answered == stage.environments[0].served
    assert len(stage.environments) == 1


@on_stage()
async def test_an_environment_that_is_about_to_be_free_is_waited_for(stage: Stage) -> None:
    """No cold start for a call that comes while a runtime is about to ask for more; if that takes
    long, a fresh environment starts.
    """
    stage.settles_at_once = False
    first = await stage.call()
    await stage.environments[0].reply()
    await first
    second = await stage.call()
    await stage.clock.advance(0.1)
    assert len(stage.environments) == 1
    ready = stage.environments[0].ready
    assert ready is not None
    ready.set_result(None)
    await settled()
    await stage.environments[0].reply()
    await second
    third = await stage.call()
    await stage.clock.advance(0.25)
    assert len(stage.environments) == 2
    await stage.environments[1].reply()
    await third


@on_stage()
async def test_waiting_for_one_does_not_hold_up_the_others(stage: Stage) -> None:
    """Two calls, one environment about to be free: the other call starts a fresh one at once."""
    stage.settles_at_once = False
    first = await stage.call()
    await stage.environments[0].reply()
    await first
    await stage.call()
    await stage.call()
    assert len(stage.environments) == 2


@on_stage(concurrency=1)
async def test_a_caller_who_gives_up_while_waiting_is_forgotten(stage: Stage) -> None:
    """Its invocation never runs."""
    busy = await stage.call(patient=True)
    waiting = await stage.call(patient=True)
    waiting.cancel()
    await settled()
    assert stage.broker.under_way == 1
    await stage.environments[0].reply()
    await busy
    assert len(stage.environments[0].served) == 1


@on_stage()
async def test_a_caller_who_gives_up_while_it_runs_changes_nothing(stage: Stage) -> None:
    """B18: the invocation continues, and counts until it ends."""
    running = await stage.call()
    running.cancel()
    await settled()
    assert stage.broker.under_way == 1
    await stage.environments[0].reply()
    assert stage.broker.under_way == 0


@on_stage(idle_s=60)
async def test_an_unused_environment_is_ended(stage: Stage) -> None:
    """After idle_s without a call; a call in between counts anew."""
    for _ in range(2):
        call = await stage.call()
        await stage.environments[0].reply()
        await call
        await stage.clock.advance(59)
    assert not stage.environments[0].closed
    await stage.clock.advance(2)
    assert stage.environments[0].closed
    assert stage.broker.environments == 0


@on_stage(provisioned_concurrency=2)
async def test_provisioned_environments_start_before_the_first_call(stage: Stage) -> None:
    """And rest, until a call comes."""
    await stage.broker.start()
    assert [environment.provisioned for environment in stage.environments] == [True, True]
    call = await stage.call()
    assert len(stage.environments) == 2
    await stage.environments[1].reply()
    await call


@on_stage(concurrency=1)
async def test_a_broken_environment_is_not_used_again(stage: Stage) -> None:
    """Its caller gets the error; who waits gets a fresh environment."""
    first = await stage.call(patient=True)
    second = await stage.call(patient=True)
    answer = stage.environments[0].answer
    assert answer is not None
    answer.set_exception(ValueError("broken"))
    with pytest.raises(ValueError, match=r"^broken$"):
        await first
    await settled()
    assert stage.environments[0].closed
    await stage.environments[1].reply()
    await second


@on_stage(concurrency=1)
async def test_closing_answers_everybody(stage: Stage) -> None:
    """Who runs and who waits is told; who comes later too."""
    calls = [await stage.call(patient=True) for _ in range(3)]
    await stage.broker.close()
    for call in [*calls, await stage.call()]:
        with pytest.raises(StartError, match=r"^the emulator is shutting down$"):
            await call


@on_stage(concurrency=1)
async def test_a_retired_broker_ends_what_runs_and_hands_back_the_rest(stage: Stage) -> None:
    """As a change of the function needs it; afterwards no environment is left."""
    running, waiting = [await stage.call(patient=True) for _ in range(2)]
    retired = asyncio.create_task(stage.broker.retire())
    await settled()
    with pytest.raises(Replaced):
        await waiting
    assert not running.done()
    await stage.environments[0].reply(b'"old"')
    assert (await running).payload == b'"old"'
    await retired
    assert stage.environments[0].closed


@given(
    moves=st.lists(
        st.one_of(
            st.tuples(st.just("call"), st.booleans()),
            st.tuples(st.just("reply"), st.integers(0, 5)),
            st.tuples(st.just("cancel"), st.integers(0, 5)),
            st.tuples(st.just("wait"), st.sampled_from([0.1, 0.3, 70.0])),
        ),
        max_size=40,
    ),
    concurrency=st.integers(1, 3),
    reserved=st.one_of(st.none(), st.integers(1, 3)),
)
def test_no_sequence_of_calls_loses_or_mixes_one_up(
    moves: list[tuple[str, Any]], concurrency: int, reserved: int | None
) -> None:
    """Whatever comes in whatever order: never more environments than allowed, one invocation in
    each, every caller gets its own answer, and in the end nothing is under way.
    """

    async def scene(stage: Stage) -> None:
        calls: list[asyncio.Task[InvokeResult]] = []
        for kind, value in moves:
            if kind == "call":
                calls.append(await stage.call(patient=bool(value)))
            elif kind == "cancel" and calls:
                calls[int(value) % len(calls)].cancel()
                await settled()
            elif kind == "reply":
                await answer_one(stage, int(value))
            elif kind == "wait":
                await stage.clock.advance(float(value))
            assert stage.broker.environments <= concurrency
            busy = [w for w in stage.environments if w.answer is not None and not w.answer.done()]
            assert len(busy) <= min(concurrency, reserved or concurrency)
        while await answer_one(stage, 0):
            pass
        assert stage.broker.under_way == 0
        for call in calls:
            assert call.done()
        served = [
            request_id for environment in stage.environments for request_id in environment.served
        ]
        assert len(served) == len(set(served))
        answered = {
            call.result().request_id
            for call in calls
            if not call.cancelled() and call.exception() is None
        }
        assert answered <= set(served)
        assert all(
            isinstance(c.exception(), Throttled | type(None)) for c in calls if not c.cancelled()
        )

    play(scene, concurrency=concurrency, reserved_concurrency=reserved, idle_s=60)


async def answer_one(stage: Stage, index: int) -> bool:
    """Let one busy environment answer; false if none is."""
    busy = [w for w in stage.environments if w.answer is not None and not w.answer.done()]
    if not busy:
        return False
    await busy[index % len(busy)].reply()
    return True


@on_stage()
async def test_closing_at_once_answers_who_has_just_come(stage: Stage) -> None:
    """Even the call whose environment has not had its first turn yet."""
    call = asyncio.create_task(stage.broker.invoke(InvokeRequest(b"{}")))
    await asyncio.sleep(0)
    await stage.broker.close()
    with pytest.raises(StartError, match=r"^the emulator is shutting down$"):
        await call
    assert stage.broker.under_way == 0
