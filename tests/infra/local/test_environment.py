"""An environment's states, transition by transition: fake processes, a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.local.environment import Environment, State
from infra.local.invocation import Invocation, InvokeRequest, InvokeResult
from infra.local.logs import Log, LogStream
from infra.local.phase_end import EndedBy, PhaseEnd
from infra.local.sandbox.process import Process, Spawn, Surroundings
from infra.settings.function import FunctionConfig
from tests.infra.local.fakes import FakeClock, FakeProcess, settled


class FakeConversation:
    """A runtime that does what a test says."""

    def __init__(self, on_end: Callable[[PhaseEnd], None], *, snapshots: bool) -> None:
        self.on_end, self.closed, self.delivered = on_end, False, 0

    async def open(self) -> str:
        """Listen nowhere."""
        return "nowhere:0"

    def assign(self, _request_id: str) -> None:
        """Do nothing."""

    def deliver(self, _event: object, _answered: object) -> None:
        """Count it."""
        self.delivered += 1

    def restore(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Note it."""
        self.closed = True


class Life:
    """One environment, with the process and the conversation that it has now."""

    def __init__(self, tmp: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
        self.clock = FakeClock()
        self.log = Log()
        self.process = FakeProcess()
        self.conversation: FakeConversation | None = None
        self.spawned: Spawn | None = None
        self.tasks: list[asyncio.Future[Any]] = []
        config = FunctionConfig(handler="any.handler", timeout_s=3, **changes)
        self.environment = Environment(
            Surroundings(config, self.clock, "python:3.13", "arn"),
            self,
            LogStream("stream", self.log, self.clock),
            tmp / "tmp",
        )
        monkeypatch.setattr("infra.local.environment.Conversation", self.converse)

    def converse(self, on_end: Callable[[PhaseEnd], None], *, snapshots: bool) -> FakeConversation:
        """Begin with another runtime."""
        self.conversation = FakeConversation(on_end, snapshots=snapshots)
        return self.conversation

    async def spawn(self, spawn: Spawn) -> Process:
        """Start another process (Launcher)."""
        self.process, self.spawned = FakeProcess(), spawn
        return self.process

    def close(self) -> None:
        """Do nothing (Launcher)."""

    async def step(self, act: str) -> State:
        """Do one thing to the environment, or as its runtime, and let everybody react."""
        environment = self.environment
        if act == "run":
            self.tasks.append(environment.run(Invocation(InvokeRequest(b"{}"))))
        elif act in ("initialise", "settle", "close"):
            self.tasks.append(asyncio.ensure_future(getattr(environment, act)()))
        elif act.startswith("wait "):
            await self.clock.advance(float(act.removeprefix("wait ")))
        else:
            for one in act.split("+"):
                self.end(one)
        await settled()
        return environment.state

    def end(self, by: str) -> None:
        """End a phase, as the process or as its runtime."""
        if by == "exit" and self.spawned is not None:
            self.spawned.on_exit(1)
        elif self.conversation is not None:
            self.conversation.on_end(PhaseEnd(EndedBy(by), error_type="Function.Any"))

    async def steps(self, told: str) -> None:
        """Do "act:state" after "act:state"."""
        for number, one in enumerate(told.split(", ")):
            act, _, expected = one.partition(":")
            assert (number, act, await self.step(act)) == (number, act, expected)

    @property
    def lines(self) -> list[str]:
        """The first words of the log's lines."""
        return [line.text.split()[0] for line in self.log.lines()]


Play = Callable[..., Life]
READY = "initialise:initialising, next:idle"
CALLED = f"{READY}, run:busy"


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Play a life."""

    def play_one(told: str, **changes: Any) -> Life:
        life = Life(tmp_path, monkeypatch, **changes)

        async def run() -> None:
            await life.steps(told)
            for task in life.tasks:
                task.cancel()
            await asyncio.gather(*life.tasks, return_exceptions=True)

        asyncio.run(run())
        return life

    return play_one


@pytest.mark.parametrize(
    "told",
    [
        f"{CALLED}, response:settling, next:idle, run:busy, error:settling, next:idle",
        f"{CALLED}, bad response:settling, next:idle",
        f"{CALLED}, wait 2.9:busy, wait 0.2:reset",
        f"{CALLED}, exit:reset",
        f"{CALLED}, response:settling, exit:reset",
        f"{CALLED}, response:settling, wait 3:reset",
        f"{CALLED}, response:settling, settle:settling, next:idle, settle:idle",
        f"{READY}, exit:reset, run:initialising, next:busy, exit:reset",
        # However long it was frozen, the next call has its whole time.
        f"{READY}, wait 99:idle, run:busy, wait 2.9:busy, wait 0.2:reset",
        "initialise:initialising, init error:reset, run:initialising, init error:reset",
        "initialise:initialising, exit:reset, run:initialising, wait 3:reset",
        "initialise:initialising, wait 9.9:initialising, wait 0.2:reset",
        "run:initialising, next:busy, response:settling",
        "run:initialising, exit:initialising, next:busy, response:settling",
        # A runtime that asked and died before anybody looked is not ready.
        "run:initialising, next+exit:initialising, next+exit:reset",
        "initialise:initialising, init error+exit:reset",
        f"{CALLED}, response+exit:reset",
        "close:closed",
        "initialise:initialising, close:closed",
        f"{READY}, close:closed",
        f"{CALLED}, close:closed, exit:closed, response:closed",
        f"{CALLED}, exit:reset, close:closed",
    ],
)
def test_a_life(play: Play, told: str) -> None:
    """Each act leads to its state, be it the broker's, the runtime's or the clock's."""
    play(told)


@pytest.mark.parametrize(
    "told",
    [
        f"{CALLED}, close:ending, next:ending, response:ending, exit:closed",
        f"{READY}, close:ending, wait 0.2:ending, wait 0.2:closed",
        "initialise:initialising, close:ending, exit:closed",
        f"{READY}, exit:reset, close:closed",
    ],
)
def test_an_end_with_an_extension(play: Play, told: str) -> None:
    """SIGTERM and 0.3 s; a runtime that comes for its next event has not ended."""
    life = play(told, shutdown="external")
    assert life.process.done[-1] == "kill"


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (
            f"{CALLED}, run:busy",
            "after busy: expected closed, ending, reset, settling, got initialising",
        ),
        (f"{READY}, initialise:idle", "after idle: expected busy, closed, ending, reset, got init"),
        ("close:closed, close:closed", "after closed: expected nothing, got closed"),
        ("close:closed, run:closed", "after closed: expected nothing, got initialising"),
    ],
)
def test_a_transition_that_is_none(play: Play, told: str, error: str) -> None:
    """The planted faults: whatever does not follow is an error of the emulator."""
    life = play(told)
    with pytest.raises(RuntimeError, match=f"^{error}"):
        life.tasks[-1].result()


def test_a_first_call_and_one_after_a_reset(play: Play) -> None:
    """The first init is reported by itself; one after a reset belongs to the call."""
    life = play("run:initialising, next:busy, exit:reset, run:initialising, exit:reset")
    assert life.lines == [
        *("INIT_START", "START", "RequestId:", "Runtime.ExitError", "END", "REPORT"),
        *("START", "INIT_REPORT", "RequestId:", "Runtime.ExitError", "END", "REPORT"),
    ]


def test_a_process_is_stopped_when_no_event_comes_at_once(play: Play) -> None:
    """After 5 ms, and not where one comes before."""
    life = play(f"{CALLED}, response:settling, next:idle, wait 0.004:idle, run:busy, wait 0.1:busy")
    assert life.process.done == ["thaw", "thaw"]
    life = play(f"{READY}, wait 0.006:idle, run:busy")
    assert life.process.done == ["freeze", "thaw"]


def test_a_fault_of_the_emulator_is_the_callers(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails while a result is made ends the wait for it."""

    def broken(*_arguments: object) -> InvokeResult:
        raise ValueError("broken")

    monkeypatch.setattr("infra.local.environment.conclude", broken)
    life = play(f"{CALLED}, response:settling")
    with pytest.raises(ValueError, match=r"^broken$"):
        life.tasks[-1].result()
