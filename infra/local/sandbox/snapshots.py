"""SnapStart, imitated: the function is initialised once, and every environment is a copy of it.

The service takes a snapshot of the whole virtual machine when a version is published. Here a
template process runs the init and the before-snapshot hooks once, when the emulator starts, and is
forked for each environment, which runs the after-restore hooks. So everything made during init
(ids, connections, the state of `random`) is the same in all of them, as on the service. Unlike
there, threads started during init do not survive the fork, and /tmp is empty.

Source: docs/contract.md 6.1, A15; AWS Lambda developer guide, snapstart and
snapstart-runtime-hooks.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from infra.local import contract
from infra.local.errors import StartError
from infra.local.logs import LogStream
from infra.local.phase_end import EndedBy, PhaseEnd, exit_text
from infra.local.runtime.conversation import Conversation
from infra.local.sandbox.process import Process, Spawn, Surroundings
from infra.local.sandbox.process_group import ProcessGroup, output_pipe
from infra.local.sandbox.sandbox import Launch, Sandbox, wrapped
from infra.local.sandbox.snapshot_template import CONTROL_VARIABLE
from infra.local.sandbox.variables import Place, process_variables
from infra.settings.errors import ConfigError

_SCRIPT = Path(__file__).with_name("snapshot_template.py")
_KIND = "snap-start"


class Template:
    """The snapshot of one function."""

    def __init__(self, around: Surroundings, stream: LogStream, folder: Path) -> None:
        self._config = config = around.config
        if config.isolated:
            raise ConfigError("snap_start", "false where isolated is true", True)
        self._execution_env = around.execution_env
        self._stream = stream
        self._folder = folder
        self._sandbox: Sandbox | None = None
        self._conversation: Conversation | None = None
        self._control: socket.socket | None = None
        self._end: asyncio.Future[PhaseEnd] | None = None
        self._received = bytearray()
        self._forking: deque[asyncio.Future[int]] = deque()  # in the order of the requests
        self._copies: dict[int, tuple[Spawn, ProcessGroup]] = {}
        self._ended: dict[int, int] = {}  # reported before they were known
        self._host_library_path = os.environ.get("LD_LIBRARY_PATH")

    async def take(self) -> None:
        """Run the init and the before-snapshot hooks.

        Raises:
            StartError: one of them failed, was too slow, or ended the process: the service would
                not publish the version.
        """
        config = self._config
        loop = asyncio.get_running_loop()
        self._end = loop.create_future()
        self._conversation = Conversation(self._ends)
        address = await self._conversation.open()
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        variables = self._variables(address, self._stream.name, self._folder)
        variables[CONTROL_VARIABLE] = str(theirs.fileno())
        self._folder.mkdir(parents=True, exist_ok=True)
        with theirs:
            self._sandbox = Sandbox(
                Launch(
                    command=wrapped([config.python, str(_SCRIPT), config.handler], config),
                    variables=variables,
                    folder=config.root,
                    on_output=self._stream.function_wrote,
                    on_exit=lambda status: self._ends(PhaseEnd(EndedBy.EXIT, status=status)),
                    keep_open=(theirs.fileno(),),
                )
            )
        loop.add_reader(self._control, self._read_news)
        limit_s = max(contract.LONG_INIT_LIMIT_S, config.timeout_s)
        try:
            end = await asyncio.wait_for(asyncio.shield(self._end), limit_s)
        except TimeoutError:
            end = PhaseEnd(EndedBy.TIMEOUT)
        if end.by is not EndedBy.RESTORE_NEXT:
            self._sandbox.drain()
            raise StartError(f"snap_start: no snapshot: {_reason(end, limit_s)}")

    async def fork(self, spawn: Spawn) -> Process:
        """Return an environment's process: a copy of the template."""
        if self._control is None:
            raise StartError("snap_start: expected a template, got none")
        reader, writer = output_pipe()
        forked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._forking.append(forked)
        order = {"variables": self._variables(spawn.runtime_api, spawn.log_stream, spawn.tmp)}
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], [writer])
        except OSError as exc:
            os.close(reader)
            raise StartError(f"snap_start: the template is gone: {exc.strerror}") from exc
        finally:
            os.close(writer)
        pid = await forked
        group = ProcessGroup(pid, reader, spawn.on_output)
        self._copies[pid] = (spawn, group)
        if pid in self._ended:
            asyncio.get_running_loop().call_soon(self._exited, pid, self._ended.pop(pid))
        return group

    async def close(self) -> None:
        """End the template and every copy."""
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        if self._sandbox is not None:
            self._sandbox.kill()
            await self._sandbox.gone()
        if self._conversation is not None:
            self._conversation.close()

    def _variables(self, address: str, stream: str, tmp: Path) -> dict[str, str]:
        place = Place(address, stream, tmp, _KIND, self._host_library_path, self._execution_env)
        return process_variables(self._config, place)

    def _ends(self, end: PhaseEnd) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(end)
        elif end.by is EndedBy.EXIT:
            for forked in self._forking:
                forked.set_exception(StartError("snap_start: the template ended"))
            self._forking.clear()

    def _read_news(self) -> None:
        if self._control is None:
            return
        try:
            data = self._control.recv(65536)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(self._control)
            return
        self._received += data
        *lines, rest = self._received.split(b"\n")
        self._received = bytearray(rest)
        for line in lines:
            self._hear(json.loads(line))

    def _hear(self, news: Mapping[str, int]) -> None:
        if "snapshot" in news:
            self._ends(PhaseEnd(EndedBy.RESTORE_NEXT))
        elif "forked" in news:
            self._forking.popleft().set_result(news["forked"])
        elif news["exited"] in self._copies:
            self._exited(news["exited"], news["status"])
        else:
            self._ended[news["exited"]] = news["status"]

    def _exited(self, pid: int, status: int) -> None:
        spawn, group = self._copies.pop(pid)
        group.ended()
        spawn.on_exit(status)


def _reason(end: PhaseEnd, limit_s: float) -> str:
    if end.by is EndedBy.INIT_ERROR:
        return f"the init failed: {end.payload.decode('utf-8', 'replace')}"
    if end.by is EndedBy.TIMEOUT:
        return f"the init took longer than {limit_s:g} s"
    return exit_text(end.status)
