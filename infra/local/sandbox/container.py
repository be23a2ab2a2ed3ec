"""The function's image as a child of the emulator: docker or podman runs it, the emulator kills it.

The Runtime API is reached over the host's network. The container's processes are one process group
on the host too, so it is measured, frozen and killed like any other. Unlike on the service, /tmp is
empty after a reset: it goes with the container.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.containers import (
    ContainerTool,
    ContainerToolFailed,
    NoContainerTool,
    confinement,
    cpu_share,
    find_container_tool,
)
from infra.local import contract
from infra.local.errors import StartError
from infra.local.sandbox.process import Process, Spawn
from infra.local.sandbox.process_group import ProcessGroup, output_pipe
from infra.local.sandbox.variables import Place, process_variables
from infra.settings import limits
from infra.settings.errors import ConfigError
from infra.settings.function import FunctionConfig

_USER = "1051:1051"  # docs/contract.md 6.3 [REC], sbx_user1051: the service's own user
_PREFIX = "lambake-run"
_POLL_S = 0.02
# docker's and podman's exit statuses if the container did not start.
_NOT_STARTED = (125, 126, 127)
VERSION_CODE = "import sys; print('%d.%d.v%d' % sys.version_info[:3])"


class ContainerLauncher:
    """Starts the image for one environment, in a new container each time."""

    def __init__(self, config: FunctionConfig, tool: ContainerTool) -> None:
        self._config = config
        self._tool = tool

    async def spawn(self, spawn: Spawn) -> Process:
        """Start a container and wait until its process is known.

        Raises:
            StartError: the container did not start; says why.
        """
        name = f"{_PREFIX}-{os.getpid()}-{secrets.token_hex(6)}"
        reader, writer = output_pipe()
        client = subprocess.Popen(
            self._command(name, spawn),
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            start_new_session=True,
        )
        os.close(writer)
        try:
            pid = await self._pid_of(name, client)
        except StartError as exc:
            said = os.read(reader, 4096).decode("utf-8", "replace").strip()
            os.close(reader)
            raise StartError(f"{exc}: {said}") from exc
        running = Running(self._tool, name, client, pid)
        return Container(running, reader, on_output=spawn.on_output, on_exit=spawn.on_exit)

    def close(self) -> None:
        """Do nothing: a container is removed when it ends."""

    def _command(self, name: str, spawn: Spawn) -> list[str]:
        config = self._config
        place = Place(spawn.runtime_api, spawn.log_stream, None, spawn.initialization_type)
        variables = process_variables(config.replace(root=Path(contract.TASK_ROOT)), place)
        # The service keeps /tmp apart from the memory; here it is memory.
        limits = confinement(
            self._tool,
            memory_mb=config.memory_mb + config.tmp_mb,
            cpus=cpu_share(config.memory_mb),
            tmp_mb=config.tmp_mb,
        )
        # Podman can pass our pipe to the container; docker's client copies, a moment later.
        podman = ("--log-driver", "passthrough", "--http-proxy=false")
        return self._tool.command(
            *("run", "--rm", "--name", name, "--network", "host", "--user", _USER, *limits),
            *(podman if self._tool.kind == "podman" else ()),
            *(part for pair in variables.items() for part in ("--env", "=".join(pair))),
            *(str(config.image), config.handler),
        )

    async def _pid_of(self, name: str, client: subprocess.Popen[bytes]) -> int:
        """Return the id of the container's first process on this machine.

        That of the client, if the container has already ended.
        """
        while client.poll() is None:
            with contextlib.suppress(ContainerToolFailed):
                told = await asyncio.to_thread(
                    self._tool.ask, "inspect", "--format", "{{.State.Pid}}", name
                )
                if int(told):
                    return int(told)
            await asyncio.sleep(_POLL_S)
        if client.returncode in _NOT_STARTED:
            raise StartError(f"cannot start {self._config.image}")
        return client.pid


@dataclass(frozen=True)
class Running:
    """A started container: its name, the client that waits for it, its first process."""

    tool: ContainerTool
    name: str
    client: subprocess.Popen[bytes]
    pid: int


class Container(ProcessGroup):
    """One running container."""

    def __init__(
        self,
        running: Running,
        pipe: int,
        *,
        on_output: Callable[[bytes], None],
        on_exit: Callable[[int], None],
    ) -> None:
        super().__init__(running.pid, pipe, on_output)
        self._running = running
        self._on_exit = on_exit
        threading.Thread(target=self._wait, daemon=True).start()

    def signal(self, number: signal.Signals) -> None:
        """Signal the group; through docker or podman if it runs as another user."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            running = self._running
            with contextlib.suppress(ContainerToolFailed):
                running.tool.ask("kill", "--signal", number.name, running.name)

    async def gone(self) -> None:
        """Wait until the container has ended and is removed."""
        await super().gone()
        if self._running.client.poll() is None:
            await asyncio.to_thread(self._running.tool.remove, self._running.name)

    def _wait(self) -> None:
        status = self._running.client.wait()
        # Both report the end by signal N as the status 128 + N.
        status = 128 - status if status > 128 else status
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._exited, status)

    def _exited(self, status: int) -> None:
        self.ended()
        self._on_exit(status)


def container_tool_for(config: FunctionConfig) -> ContainerTool:
    """Find the tool that runs the function's image, and remove containers of killed emulators.

    Raises:
        StartError: neither docker nor podman answers.
        ConfigError: the image does not exist on this machine.
    """
    try:
        tool = find_container_tool()
    except NoContainerTool as exc:
        raise StartError(f"image: {exc}") from exc
    if tool.inspect(str(config.image)) is None:
        raise ConfigError("image", f"an image that {tool.kind} has here", config.image)
    _remove_orphans(tool)
    return tool


def python_of(tool: ContainerTool, image: str) -> str:
    """Return the version of the image's interpreter, in the form of the runtime's version: 3.13.v5.

    Raises:
        ConfigError: it has none that runs.
    """
    confined = confinement(tool, memory_mb=limits.MEMORY_MINIMUM_MB, cpus=1)
    entry = ("--network", "none", "--entrypoint", "python")
    try:
        return tool.ask("run", "--rm", *confined, *entry, image, "-c", VERSION_CODE)
    except ContainerToolFailed as exc:
        raise ConfigError("image", "an image with a python that runs", image) from exc


def _remove_orphans(tool: ContainerTool) -> None:
    """Remove containers whose emulator has ended: a frozen one would stay for ever."""
    listed = tool.ask("ps", "--all", "--filter", f"name={_PREFIX}", "--format", "{{.Names}}")
    for name in listed.splitlines():
        pid = name.removeprefix(f"{_PREFIX}-").partition("-")[0]
        if pid.isdigit() and not _alive(int(pid)):
            tool.remove(name)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
