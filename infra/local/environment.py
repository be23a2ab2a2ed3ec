"""One environment: a sandboxed process of the function, from its init to its end.

States in order of life (the runtime's own states are in runtime/state.py):

    cold ──spawn──► initialising ──next──► idle ──event──► busy ──response──► settling
      ┌────spawn──────►  │                  │ ▲              │                  │  │
      │                  │ 10 s, exit,      │ └──────next────┼──────────────────┘  │
      │                  ▼ error            ▼ exit           ▼ deadline, exit,     ▼
    reset: killed, /tmp kept ◄──────────────┴──────────────── memory ──────────────┘

    all ──close──► ending, for as long as an extension would get ──► closed

An idle process is stopped, unless the next event follows at once. After a reset the init is
suppressed: it runs with the next event, inside the function's timeout. This module knows no HTTP
servers, callers or other environments. A function's failure is a result, not an exception.
"""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from infra.local import contract, log_lines
from infra.local.clock import Alarm
from infra.local.conclusion import Usage, conclude
from infra.local.errors import StartError
from infra.local.invocation import Invocation, InvokeResult, error_payload, next_headers
from infra.local.logs import LogStream
from infra.local.phase_end import SURVIVED, EndedBy, PhaseEnd, init_report_of
from infra.local.runtime.conversation import Conversation
from infra.local.runtime.exchange import RuntimeReply
from infra.local.sandbox.memory_watch import MemoryWatch
from infra.local.sandbox.process import Launcher, Process, Spawn, Surroundings

# Stopping a process and resuming it takes 0.3 ms, half of a warm call: so it is stopped only if the
# next call does not follow at once.
_FREEZE_AFTER_S = 0.005


class State(StrEnum):
    """The states of an environment, in order of life."""

    COLD = "cold"
    INITIALISING = "initialising"
    IDLE = "idle"
    BUSY = "busy"
    SETTLING = "settling"  # the runtime has answered but not yet asked for more
    RESET = "reset"
    ENDING = "ending"
    CLOSED = "closed"


FOLLOWERS = {
    State.COLD: {State.INITIALISING, State.CLOSED},
    State.INITIALISING: {State.IDLE, State.RESET, State.ENDING, State.CLOSED},
    State.IDLE: {State.BUSY, State.RESET, State.ENDING, State.CLOSED},
    State.BUSY: {State.SETTLING, State.RESET, State.ENDING, State.CLOSED},
    State.SETTLING: {State.IDLE, State.RESET, State.ENDING, State.CLOSED},
    State.RESET: {State.INITIALISING, State.CLOSED},
    State.ENDING: {State.CLOSED},
    State.CLOSED: set[State](),
}


@dataclass(frozen=True)
class _Running:
    """The invocation that a busy environment runs."""

    invocation: Invocation
    started: float  # monotonic
    result: asyncio.Future[InvokeResult]


class Environment:
    """Runs one invocation at a time, in one process at a time."""

    def __init__(
        self, around: Surroundings, launcher: Launcher, stream: LogStream, tmp: Path
    ) -> None:
        self._around = around
        self._launcher = launcher
        self._config = around.config
        self._clock = around.clock
        self._stream = stream
        self._tmp = tmp
        self._state = State.COLD
        self._process: Process | None = None
        self._conversation: Conversation | None = None
        self._running: _Running | None = None  # while busy
        self._end: PhaseEnd | None = None  # of the init, or of the environment
        self._over = asyncio.Event()  # set when the awaited phase has ended
        self._alarm = Alarm(around.clock)  # for the deadline; while idle, for the stop
        self._deadline = 0.0  # monotonic
        self._memory = MemoryWatch(
            around.clock,
            around.config.memory_mb,
            lambda: self._ends(PhaseEnd(EndedBy.OUT_OF_MEMORY)),
        )
        self._init_ms: float | None = None  # reported with the first invocation
        self._restore_ms: float | None = None

    @property
    def state(self) -> State:
        """The current state."""
        return self._state

    async def initialise(self, *, provisioned: bool = False) -> None:
        """Run the init phase on its own; if it fails, the next event repeats it."""
        if self._config.snap_start:
            await self._restore()
            return
        around = self._around
        kind = "provisioned-concurrency" if provisioned else "on-demand"
        self._stream.platform(log_lines.InitStart(around.runtime, around.runtime_arn, kind))
        limit_s = self._config.init_limit_s
        if provisioned:
            limit_s = max(contract.LONG_INIT_LIMIT_S, self._config.timeout_s)
        started = self._clock.monotonic()
        end = await self._start(kind, deadline=started + limit_s)
        init_ms = self._since_ms(started)
        if end.by is EndedBy.NEXT:
            self._init_ms = init_ms
        else:
            self._reset()
            self._stream.platform(init_report_of(end, init_ms, "init"))

    def run(self, invocation: Invocation) -> asyncio.Future[InvokeResult]:
        """Run one invocation.

        If a runtime is waiting, it has the event when this returns; otherwise an init comes first.
        """
        if self._state is State.IDLE:
            return self._hand_over(invocation, self._open(invocation))
        return asyncio.get_running_loop().create_task(self._run_cold(invocation))

    async def settle(self) -> None:
        """Wait until the runtime asks for more or has ended."""
        if self._state is State.SETTLING:
            self._over.clear()
            await self._over.wait()

    async def close(self) -> None:
        """End the environment: at once, or as slowly as an extension would.

        Source: docs/contract.md 6.3; without an extension straight SIGKILL, with one SIGTERM first.
        """
        process = self._process
        try:
            if process is not None and self._config.shutdown != "none":
                await self._terminate(process)
        finally:
            self._go(State.CLOSED)
            self._kill()
            if process is not None:
                await process.gone()
            self._launcher.close()
            shutil.rmtree(self._tmp, ignore_errors=True)

    async def _terminate(self, process: Process) -> None:
        self._go(State.ENDING)
        self._end = None
        self._over.clear()
        process.thaw()
        process.terminate()
        internal = self._config.shutdown == "internal"
        grace_s = contract.SHUTDOWN_INTERNAL_S if internal else contract.SHUTDOWN_RUNTIME_S
        self._memory.rest()
        self._limit(self._clock.monotonic() + grace_s)
        await self._over.wait()

    # Transitions.

    def _go(self, state: State) -> None:
        if state not in FOLLOWERS[self._state]:
            expected = ", ".join(sorted(FOLLOWERS[self._state])) or "nothing"
            raise RuntimeError(f"after {self._state}: expected {expected}, got {state}")
        self._state = state

    def _ends(self, end: PhaseEnd) -> None:
        """Handle what the runtime, the process or a limit does: every transition after a start."""
        if self._state is State.BUSY:
            self._finish(end)
        elif self._state is State.SETTLING:
            if end.by is EndedBy.NEXT:
                self._rest()
            else:
                self._reset()
            self._over.set()
        elif self._state is State.IDLE:
            if end.by is EndedBy.EXIT:
                self._reset()
        elif self._state is State.INITIALISING:
            self._init_ends(end)
        elif self._state is State.ENDING and end.by in (EndedBy.EXIT, EndedBy.TIMEOUT):
            # A runtime that still asks for its next event has not ended.
            self._over.set()

    def _init_ends(self, end: PhaseEnd) -> None:
        if end.by is EndedBy.RESTORE_NEXT and self._conversation is not None:
            self._conversation.restore()
        # The first end counts; but a runtime that asked and then ended is not ready.
        elif self._end is None or (self._end.by is EndedBy.NEXT and end.by is EndedBy.EXIT):
            self._end = end
            self._over.set()

    def _rest(self) -> None:
        """Let the process wait, stopped unless the next event follows at once."""
        self._go(State.IDLE)
        self._memory.rest()
        if self._process is not None:
            self._alarm.set(self._clock.monotonic() + _FREEZE_AFTER_S, self._process.freeze)

    def _reset(self) -> None:
        """Kill the process; /tmp is kept."""
        self._go(State.RESET)
        self._kill()

    def _kill(self) -> None:
        process, self._process = self._process, None
        conversation, self._conversation = self._conversation, None
        self._memory.forget()
        self._alarm.clear()
        if process is not None:
            process.kill()
        self._stream.flush()
        if conversation is not None:
            conversation.close()

    def _limit(self, deadline: float) -> None:
        """Set the deadline of the phase that begins now."""
        self._deadline = deadline
        self._alarm.set(deadline, self._time_out)

    def _time_out(self) -> None:
        self._ends(PhaseEnd(EndedBy.TIMEOUT))

    # Inits.

    async def _restore(self) -> None:
        """Restore the function's snapshot, with the after-restore hooks."""
        around = self._around
        self._stream.platform(log_lines.RestoreStart(around.runtime, around.runtime_arn))
        started = self._clock.monotonic()
        end = await self._start("snap-start", deadline=started + contract.RESTORE_LIMIT_S)
        restore_ms = self._since_ms(started)
        if end.by is EndedBy.NEXT:
            self._restore_ms = restore_ms
            self._stream.platform(log_lines.RestoreReport(restore_ms))
            return
        self._reset()
        report = init_report_of(end, restore_ms, "restore")
        self._stream.platform(log_lines.RestoreReport(restore_ms, report.status, report.error_type))

    async def _start(self, kind: str, *, deadline: float) -> PhaseEnd:
        """Start a process and wait until its init ends; after `next` it is idle."""
        self._go(State.INITIALISING)
        self._end = None
        self._over.clear()
        conversation = Conversation(self._ends, snapshots=self._config.snap_start)
        self._conversation = conversation
        address = await conversation.open()
        self._tmp.mkdir(parents=True, exist_ok=True)

        def exited(status: int) -> None:
            if self._conversation is conversation:
                self._ends(PhaseEnd(EndedBy.EXIT, status=status))

        try:
            self._process = await self._launcher.spawn(
                Spawn(
                    runtime_api=address,
                    log_stream=self._stream.name,
                    tmp=self._tmp,
                    initialization_type=kind,
                    on_output=self._stream.function_wrote,
                    on_exit=exited,
                )
            )
        except StartError as exc:
            payload = error_payload("Runtime.InvalidEntrypoint", str(exc))
            return PhaseEnd(EndedBy.INIT_ERROR, payload, "Runtime.InvalidEntrypoint")
        self._memory.watch(self._process)
        self._limit(deadline)
        await self._over.wait()
        if self._end is None:
            raise RuntimeError("expected the end of an init, got none")
        if self._end.by is EndedBy.NEXT:
            self._rest()
        return self._end

    # Invocations.

    async def _run_cold(self, invocation: Invocation) -> InvokeResult:
        if self._state is State.COLD:
            await self.initialise()
        started = self._open(invocation)
        if self._state is not State.IDLE:
            # A suppressed init: inside the function's timeout.
            end = await self._start("on-demand", deadline=started + self._config.timeout_s)
            if end.by is not EndedBy.NEXT:
                report = init_report_of(end, self._since_ms(started), "invoke")
                return self._result(invocation, end, started=started, init=report)
        return await self._hand_over(invocation, started)

    def _open(self, invocation: Invocation) -> float:
        """Open an invocation's log.

        Returns:
            Its start, monotonic.
        """
        version = invocation.request.executed_version
        self._stream.begin(invocation.request_id)
        self._stream.platform(log_lines.Start(invocation.request_id, version))
        return self._clock.monotonic()

    def _hand_over(self, invocation: Invocation, started: float) -> asyncio.Future[InvokeResult]:
        """Hand an event to the waiting runtime."""
        process, conversation = self._process, self._conversation
        if process is None or conversation is None:
            raise RuntimeError("expected a process that waits for an event, got none")
        self._go(State.BUSY)
        result: asyncio.Future[InvokeResult] = asyncio.get_running_loop().create_future()
        self._running = _Running(invocation, started, result)
        process.thaw()
        self._memory.watch(process)
        self._limit(started + self._config.timeout_s)
        left_s = self._deadline - self._clock.monotonic()
        deadline_ms = int((self._clock.now() + left_s) * 1000)
        headers = next_headers(invocation, self._config.arn, deadline_ms)
        conversation.assign(invocation.request_id)
        conversation.deliver(
            RuntimeReply(200, invocation.request.payload, headers), invocation.request.answered
        )
        return result

    def _finish(self, end: PhaseEnd) -> None:
        """End the running invocation."""
        running, self._running = self._running, None
        if running is None:
            raise RuntimeError("expected an invocation that runs, got none")
        try:
            result = self._result(running.invocation, end, started=running.started)
        except Exception as exc:  # noqa: BLE001 - the emulator's own fault: the caller gets it
            if not running.result.done():
                running.result.set_exception(exc)
            return
        # Already done if the caller's side was cancelled: the emulator is closing.
        if not running.result.done():
            running.result.set_result(result)

    def _result(
        self,
        invocation: Invocation,
        end: PhaseEnd,
        *,
        started: float,
        init: log_lines.InitReport | None = None,
    ) -> InvokeResult:
        duration_ms = self._since_ms(started)
        if self._process is not None:
            self._process.drain()
            if self._memory.exceeded(self._process) and end.by is not EndedBy.TIMEOUT:
                end = PhaseEnd(EndedBy.OUT_OF_MEMORY)
        if end.by is EndedBy.TIMEOUT:
            duration_ms = self._config.timeout_s * 1000
        used_mb = self._memory.peak_mb
        if end.by in SURVIVED:
            self._go(State.SETTLING)
        else:
            self._reset()
        if init is not None:
            self._stream.platform(init)
        usage = Usage(duration_ms, used_mb, self._init_ms, self._restore_ms)
        self._init_ms = self._restore_ms = None
        return conclude(invocation, end, usage, self._config, self._stream)

    def _since_ms(self, started: float) -> float:
        return (self._clock.monotonic() - started) * 1000
