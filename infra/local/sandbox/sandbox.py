"""Start a sandboxed child process, and report when it ends. Knows nothing of invocations."""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local import contract
from infra.local.errors import StartError
from infra.local.sandbox.process_group import ProcessGroup, kill_marked, output_pipe
from infra.settings.function import FunctionConfig

_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"


@dataclass(frozen=True)
class Launch:
    """What to start, where, and whom to tell of its end."""

    command: Sequence[str]
    variables: Mapping[str, str]
    folder: Path
    on_output: Callable[[bytes], None]
    on_exit: Callable[[int], None]  # the exit status, or minus the signal
    prefix: Sequence[str] = ()  # the command that enters a namespace
    keep_open: Sequence[int] = ()  # file descriptors the process inherits


class Sandbox(ProcessGroup):
    """One process that was started here, with the processes that it started itself."""

    def __init__(self, launch: Launch) -> None:
        reader, writer = output_pipe()
        try:
            process = subprocess.Popen(
                [*launch.prefix, *_parent_death(), *launch.command],
                env=dict(launch.variables),
                cwd=launch.folder,
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,
                pass_fds=launch.keep_open,
            )
        except OSError as exc:
            os.close(reader)
            raise StartError(f"cannot start {launch.command[0]}: {exc.strerror}") from exc
        finally:
            os.close(writer)
        super().__init__(process.pid, reader, launch.on_output)
        self._limit(isolated=bool(launch.prefix))
        stream = launch.variables["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._marker = f"AWS_LAMBDA_LOG_STREAM_NAME={stream}"
        self._on_exit = launch.on_exit
        threading.Thread(target=self._wait, args=(process,), daemon=True).start()

    def sweep(self) -> int:
        """Kill processes that left the group, found by the unique name of the environment's log
        stream.

        Returns:
            How many processes were killed.
        """
        return kill_marked(self._marker, besides=self.pid)

    def _limit(self, *, isolated: bool) -> None:
        """Set the service's limits from outside, so that no code runs between fork and exec.

        RLIMIT_NPROC only in a user namespace: outside it counts every process of this user.
        """
        if sys.platform == "linux":
            limits = {resource.RLIMIT_NOFILE: contract.OPEN_FILES_LIMIT}
            if isolated:
                limits[resource.RLIMIT_NPROC] = contract.PROCESSES_LIMIT
            for kind, limit in limits.items():
                with contextlib.suppress(OSError):
                    resource.prlimit(self.pid, kind, (limit, limit))

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        status = process.wait()
        # The loop may have ended in the meantime: then there is nobody to tell.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._exited, status)

    def _exited(self, status: int) -> None:
        self.ended()
        self._on_exit(status)


def wrapped(command: Sequence[str], config: FunctionConfig) -> Sequence[str]:
    """Return the command that AWS_LAMBDA_EXEC_WRAPPER starts, if the function sets it.

    A shell's exec ends like the service's bootstrap: 127 for a missing wrapper, 126 for one that
    may not be executed.
    """
    if not config.environment.get(_WRAPPER):
        return command
    return ("/bin/sh", "-c", f'exec "${_WRAPPER}" "$@"', "bootstrap", *command)


@functools.cache
def _parent_death() -> Sequence[str]:
    """Return the prefix that makes the kernel kill a process whose emulator was killed.

    A stopped orphan would stay for ever. Needs util-linux's setpriv; without it only an orderly end
    cleans up.
    """
    if sys.platform != "linux":
        return ()
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
