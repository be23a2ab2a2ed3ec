"""
One environment: a sandboxed process of the function, from its init to its end.

States in order of life (the runtime's own states are in runtime/state.py):

    cold ──spawn──► initialising ──next──► idle, frozen ──event──► busy ──response──► settling
      ▲                  │                      ▲                    │                   │
      │                  │ 10 s, exit, error    └────────next────────┼───────────────────┤
      │                  ▼                                           │                   │
      └──────── reset: killed, /tmp kept ◄── deadline, exit, memory ─┴───────────────────┘

After a reset the init is a suppressed one: it runs with the next event, inside the function's
timeout. Nothing here knows HTTP servers, callers or other environments. A function's failure is a
result.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from infra.local import contract, log_lines
from infra.local.clock import Timer
from infra.local.errors import StartError
from infra.local.invocation import Invocation, InvokeResult, error_payload, next_headers
from infra.local.logs import LogStream
from infra.local.outcome import (
    SURVIVED,
    Ended,
    Outcome,
    PhaseEnd,
    init_report_of,
    outcome_of,
)
from infra.local.phase_limit import PhaseLimit
from infra.local.runtime.conversation import Conversation
from infra.local.runtime.exchange import RuntimeReply
from infra.local.runtime.state import RuntimeState
from infra.local.sandbox.process import Launcher, Process, Spawn, Surroundings

# To stop a process and let it go on takes 0.3 ms, half of a warm call: so it is stopped only when
# the next call does not come at once.
_FREEZE_AFTER_S = 0.005


class Environment:
    """Run one invocation at a time, in one process at a time."""

    def __init__(
        self, around: Surroundings, launcher: Launcher, stream: LogStream, tmp: Path
    ) -> None:
        self._around = around
        self._launcher = launcher
        self._config = around.config
        self._clock = around.clock
        self._stream = stream
        self._tmp = tmp
        self._process: Process | None = None
        self._conversation: Conversation | None = None
        self._limit = PhaseLimit(around.clock, around.config.memory_mb, self._ends)
        self._suppressed = False
        self._freezing: Timer | None = None
        self._freeze_at = 0.0  # monotonic
        self._resting = True  # nobody waits for the process
        self._phase: asyncio.Future[PhaseEnd] | None = None
        self._exit: PhaseEnd | None = None  # an exit that came between two phases
        self._expecting = False
        self._begun: float | None = None  # when the invocation under way was handed over
        self._early: PhaseEnd | None = None  # an end that came before it was waited for
        self._init_ms: float | None = None  # to be reported with the first invocation
        self._restore_ms: float | None = None

    @property
    def warm(self) -> bool:
        """Say whether the next invocation needs no init."""
        return self._process is not None

    async def initialise(self, *, provisioned: bool = False) -> None:
        """
        Run the init phase on its own. A failed init is no error:
        the next invocation repeats it.
        """
        around = self._around
        if self._config.snap_start:
            await self._restore()
            return
        kind = "provisioned-concurrency" if provisioned else "on-demand"
        self._stream.platform(log_lines.InitStart(around.runtime, around.runtime_arn, kind))
        limit_s = self._config.init_limit_s
        if provisioned:
            limit_s = max(contract.LONG_INIT_LIMIT_S, self._config.timeout_s)
        started = self._clock.monotonic()
        end = await self._start(kind, deadline=started + limit_s)
        init_ms = self._since_ms(started)
        if end.kind is Ended.READY:
            self._init_ms = init_ms
        else:
            self._reset()
            self._stream.platform(init_report_of(end, init_ms, "init"))

    def begin(self, invocation: Invocation) -> None:
        """
        Hand an invocation to a warm runtime at once, before `run`
        is awaited; nothing if cold.
        """
        self._resting = False
        if self._process is None or self._exit is not None:
            return
        self._begun = self._open(invocation)
        self._process.thaw()
        self._limit.set(self._begun + self._config.timeout_s, self._process)
        self._early, self._expecting = None, True
        self._deliver(invocation)

    async def run(self, invocation: Invocation) -> InvokeResult:
        """Run one invocation, with the init where there is no process yet."""
        if self._begun is None:
            self.begin(invocation)
        if self._begun is None:
            if self._exit is not None:
                self._reset()
            if not self._suppressed:
                await self.initialise()
            self.begin(invocation)
        if self._begun is None:
            if self._exit is not None:
                self._reset()
            return await self._run_suppressed(invocation)
        started, self._begun = self._begun, None
        return self._finish(invocation, await self._wait(), started=started)

    async def _run_suppressed(self, invocation: Invocation) -> InvokeResult:
        """Run one invocation with the init inside the function's timeout."""
        started = self._open(invocation)
        deadline = started + self._config.timeout_s
        end = await self._start("on-demand", deadline=deadline)
        if end.kind is not Ended.READY:
            report = init_report_of(end, self._since_ms(started), "invoke")
            return self._finish(invocation, end, started=started, init=report)
        self._limit.set(deadline, self._process)
        self._deliver(invocation)
        return self._finish(invocation, await self._wait(), started=started)

    def _open(self, invocation: Invocation) -> float:
        """
        Open the log of an invocation.

        Returns:
            When it started, monotonic.
        """
        version = invocation.request.executed_version
        self._stream.begin(invocation.request_id)
        self._stream.platform(log_lines.Start(invocation.request_id, version))
        return self._clock.monotonic()

    async def settle(self) -> None:
        """Wait until the runtime asks for more, or is gone."""
        if self._conversation is None:
            return
        if self._conversation.state is RuntimeState.RESPONSE_SENT:
            end = await self._wait()
            if end.kind is not Ended.READY:
                self._reset()
        elif self._exit is not None:
            self._reset()
        self._limit.clear()
        self._early = None

    def freeze(self) -> None:
        """Stop the process until the next invocation, unless that comes at once."""
        self._resting = True
        if self._exit is not None:
            self._reset()
        else:
            self._freeze_at = self._clock.monotonic() + _FREEZE_AFTER_S
            if self._freezing is None:
                self._freezing = self._clock.call_later(_FREEZE_AFTER_S, self._freeze)

    async def close(self) -> None:
        """
        End the environment: at once, or as slowly as an extension would make it.

        Source: docs/contract.md 6.3; without an extension straight SIGKILL, with one SIGTERM first.
        """
        process = self._process
        self._resting = False
        if process is not None and self._config.shutdown != "none" and self._exit is None:
            process.thaw()
            process.terminate()
            internal = self._config.shutdown == "internal"
            grace_s = contract.SHUTDOWN_INTERNAL_S if internal else contract.SHUTDOWN_RUNTIME_S
            self._limit.set(self._clock.monotonic() + grace_s, None)
            # A runtime that still comes for its next event has not ended.
            while (await self._wait()).kind not in (Ended.EXIT, Ended.TIMEOUT):
                pass
        self._reset()
        if process is not None:
            await process.gone()
        self._launcher.close()
        shutil.rmtree(self._tmp, ignore_errors=True)

    def _freeze(self) -> None:
        self._freezing = None
        left_s = self._freeze_at - self._clock.monotonic()
        if not self._resting or self._process is None:
            return
        if left_s > 0:
            self._freezing = self._clock.call_later(left_s, self._freeze)
        else:
            self._process.freeze()

    # Phases.

    async def _restore(self) -> None:
        """Restore the function's snapshot, with the after-restore hooks."""
        around = self._around
        self._stream.platform(log_lines.RestoreStart(around.runtime, around.runtime_arn))
        started = self._clock.monotonic()
        end = await self._start("snap-start", deadline=started + contract.RESTORE_LIMIT_S)
        restore_ms = self._since_ms(started)
        if end.kind is Ended.READY:
            self._restore_ms = restore_ms
            self._stream.platform(log_lines.RestoreReport(restore_ms))
            return
        self._reset()
        report = init_report_of(end, restore_ms, "restore")
        self._stream.platform(log_lines.RestoreReport(restore_ms, report.status, report.error_type))

    async def _start(self, kind: str, *, deadline: float) -> PhaseEnd:
        self._exit = self._early = None
        self._expecting = True
        conversation = Conversation(self._ends, snapshots=self._config.snap_start)
        self._conversation = conversation
        address = await conversation.open()
        self._tmp.mkdir(parents=True, exist_ok=True)

        def exited(status: int) -> None:
            if self._conversation is conversation:
                self._exited(status)

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
            return PhaseEnd(Ended.INIT_ERROR, payload, "Runtime.InvalidEntrypoint")
        finally:
            self._expecting = False
        self._limit.set(deadline, self._process)
        end = await self._wait()
        if end.kind is Ended.RESTORABLE:
            conversation.restore()
            end = await self._wait()
        self._limit.clear()
        return end

    async def _wait(self) -> PhaseEnd:
        """Wait for the end of a phase; the first of several ends counts."""
        self._expecting = False
        if self._early is not None:
            early, self._early = self._early, None
            return early
        if self._exit is not None:
            return self._exit
        phase: asyncio.Future[PhaseEnd] = asyncio.get_running_loop().create_future()
        self._phase = phase
        try:
            return await phase
        finally:
            self._phase = None

    def _ends(self, end: PhaseEnd) -> None:
        if self._phase is not None and not self._phase.done():
            self._phase.set_result(end)
        elif end.kind is Ended.EXIT:
            self._exit = end
        elif self._early is None and (self._expecting or end.kind is Ended.TIMEOUT):
            self._early = end

    def _exited(self, status: int) -> None:
        if self._process is not None:
            self._process.drain()
        self._ends(PhaseEnd(Ended.EXIT, status=status))
        if self._resting:
            self._reset()

    def _reset(self) -> None:
        """Kill the process; /tmp stays. The next init is a suppressed one."""
        process, self._process = self._process, None
        conversation, self._conversation = self._conversation, None
        self._exit = None
        self._suppressed = True
        self._early = None
        self._limit.forget()
        if process is not None:
            process.kill()
        self._stream.flush()
        if conversation is not None:
            conversation.close()

    # Events and results.

    def _deliver(self, invocation: Invocation) -> None:
        if self._conversation is None:
            raise RuntimeError("expected a process that waits for an event, got none")
        left_s = self._limit.deadline - self._clock.monotonic()
        deadline_ms = int((self._clock.now() + left_s) * 1000)
        headers = next_headers(invocation, self._config.arn, deadline_ms)
        self._conversation.assign(invocation.request_id)
        if self._conversation.state is RuntimeState.READY:
            self._conversation.deliver(RuntimeReply(200, invocation.request.payload, headers))

    def _finish(
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
            if self._limit.memory.exceeded(self._process) and end.kind is not Ended.TIMEOUT:
                end = PhaseEnd(Ended.OUT_OF_MEMORY)
        if end.kind is Ended.TIMEOUT:
            duration_ms = self._config.timeout_s * 1000
        used_mb = self._limit.memory.peak_mb
        if end.kind not in SURVIVED:
            self._reset()
        if init is not None:
            self._stream.platform(init)
        outcome = outcome_of(end, invocation.request_id, self._config.timeout_s)
        tail = self._report(invocation, outcome, duration_ms=duration_ms, used_mb=used_mb)
        return InvokeResult(
            request_id=invocation.request_id,
            payload=outcome.payload,
            function_error=outcome.function_error,
            executed_version=invocation.request.executed_version,
            log_tail=tail,
            trace_id=invocation.trace_id,
        )

    def _report(
        self, invocation: Invocation, outcome: Outcome, *, duration_ms: float, used_mb: float
    ) -> bytes:
        stream, request_id = self._stream, invocation.request_id
        if outcome.status == "timeout":
            timeout_s, now = self._config.timeout_s, self._clock.now()
            stream.platform(log_lines.TimedOut(request_id, timeout_s, now))
        elif outcome.message is not None:
            stream.platform(log_lines.Failed(outcome.message, contract.EXIT_ERROR))
        stream.platform(log_lines.End(request_id, outcome.status, outcome.error_type))
        init_ms, self._init_ms = self._init_ms, None
        restore_ms, self._restore_ms = self._restore_ms, None
        memory_mb = self._config.memory_mb
        report = log_lines.Report(
            request_id=request_id,
            duration_ms=duration_ms,
            billed_ms=log_lines.whole_ms(duration_ms + (init_ms or 0)),
            memory_mb=memory_mb,
            max_memory_mb=min(memory_mb, -int(-used_mb // 1)),
            init_ms=init_ms,
            restore_ms=restore_ms,
            billed_restore_ms=None if restore_ms is None else log_lines.whole_ms(restore_ms),
            status=outcome.status,
            error_type=outcome.error_type,
        )
        stream.platform(report)
        return stream.end()

    def _since_ms(self, started: float) -> float:
        return (self._clock.monotonic() - started) * 1000
