"""A function through its changes: the revision that takes invocations, and older ones that end.

A change waits for nobody and loses nothing, as on the service: invocations that run end with the
old code, those that wait run with the new [REC]. The function's name, account and region stay.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.containers import ContainerTool
from infra.local.broker import Broker
from infra.local.clock import Clock
from infra.local.environment import Environment
from infra.local.errors import Replaced, StartError
from infra.local.invocation import InvokeRequest, InvokeResult
from infra.local.log_lines import InitReport, InitStart
from infra.local.logs import Log, LogStream
from infra.local.sandbox.container import ContainerLauncher, container_tool_for
from infra.local.sandbox.launcher import ProcessLauncher, SnapshotLauncher, runtime_version
from infra.local.sandbox.process import Launcher, Surroundings
from infra.local.sandbox.snapshots import Template
from infra.settings.function import FunctionConfig


@dataclass(eq=False)
class _Revision:
    broker: Broker
    template: Template | None

    async def retire(self) -> None:
        """Let what runs end."""
        await self.broker.retire()
        await self.close()

    async def close(self) -> None:
        """End the environments."""
        await self.broker.close()
        template, self.template = self.template, None
        if template is not None:
            await template.close()


class Revisions:
    """The revisions of one function. `start` comes first."""

    def __init__(self, clock: Clock, log: Log, folder: Path) -> None:
        self._clock = clock
        self._log = log
        self._folder = folder
        self._current: _Revision | None = None
        self._retiring: dict[asyncio.Task[None], _Revision] = {}

    @property
    def environments(self) -> int:
        """How many environments exist now."""
        return sum(one.broker.environments for one in self._all())

    @property
    def under_way(self) -> int:
        """How many invocations are waiting or running."""
        return sum(one.broker.under_way for one in self._all())

    async def start(self, config: FunctionConfig) -> None:
        """Send invocations to a function of these settings from now on."""
        tool = container_tool_for(config) if config.image is not None else None
        around = Surroundings(config, self._clock, *runtime_version(config, tool))
        template = await self._template(around)
        broker = Broker(config, self._clock, self._new_environment(around, template, tool))
        old, self._current = self._current, _Revision(broker, template)
        await broker.start()
        if old is not None:
            task = asyncio.create_task(old.retire())
            self._retiring[task] = old
            task.add_done_callback(self._retiring.pop)

    async def invoke(self, request: InvokeRequest, *, patient: bool = False) -> InvokeResult:
        """Run one invocation, on the next revision if it had to wait until then.

        Raises:
            Throttled: as from the broker's methods.
        """
        while True:
            if self._current is None:
                raise StartError("expected a started function")
            broker = self._current.broker
            try:
                return await (broker.invoke_patiently if patient else broker.invoke)(request)
            except Replaced:
                continue

    async def invoke_patiently(self, request: InvokeRequest) -> InvokeResult:
        """Run one invocation, waiting for an environment if only this machine limits them."""
        return await self.invoke(request, patient=True)

    async def close(self) -> None:
        """End every environment; running invocations fail with StartError."""
        for one in self._all():
            await one.close()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    def _all(self) -> list[_Revision]:
        return [*([self._current] if self._current else []), *self._retiring.values()]

    def _new_environment(
        self, around: Surroundings, template: Template | None, tool: ContainerTool | None
    ) -> Callable[[], Environment]:
        def new_environment() -> Environment:
            stream, name = self._new_stream(around.config)
            launcher: Launcher = ProcessLauncher(around)
            if template is not None:
                launcher = SnapshotLauncher(template)
            elif tool is not None:
                launcher = ContainerLauncher(around.config, tool)
            return Environment(around, launcher, stream, self._folder / name / "tmp")

        return new_environment

    async def _template(self, around: Surroundings) -> Template | None:
        """Take the snapshot from which SnapStart restores environments."""
        if not around.config.snap_start:
            return None
        stream, name = self._new_stream(around.config)
        stream.platform(InitStart(around.runtime, around.runtime_arn, "snap-start"))
        started = self._clock.monotonic()
        template = Template(around, stream, self._folder / name / "tmp")
        try:
            await template.take()
        except StartError:
            await template.close()
            raise
        init_ms = (self._clock.monotonic() - started) * 1000
        stream.platform(InitReport(init_ms, "init", "success", None, "snap-start"))
        return template

    def _new_stream(self, config: FunctionConfig) -> tuple[LogStream, str]:
        name = secrets.token_hex(16)
        day = datetime.fromtimestamp(self._clock.now(), tz=UTC).strftime("%Y/%m/%d")
        as_json = config.log_format == "JSON"
        stream = LogStream(
            f"{day}/[{config.version}]{name}", self._log, self._clock, as_json=as_json
        )
        return stream, name
