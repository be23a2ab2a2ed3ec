"""A file system like Lambda's for one environment: read-only, a limited /tmp, no homes, no shm.

Linux only, by unprivileged user and mount namespaces. A holder process keeps the namespaces, and so
/tmp, across resets of the environment; each runtime process enters them. Inside, the function is
user 1051 without any capability. Processes, network and hardware are not isolated.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from infra.local import contract
from infra.local.errors import StartError, ToolMissing
from infra.settings.errors import ConfigError, InfraError
from infra.settings.function import FunctionConfig

# Source: docs/contract.md 6.3 [REC], user sbx_user1051.
_USER = "1051"
_SCRIPT = Path(__file__).with_name("isolated_root.py")
_START_S = 20.0


class Isolation:
    """One environment's namespaces."""

    def __init__(self, config: FunctionConfig) -> None:
        if sys.platform != "linux":
            raise ConfigError("isolated", "false (namespaces need Linux)", True)
        unshare = _program("unshare")
        folders = [str(folder) for folder in _visible(config)]
        self._holder = subprocess.Popen(
            [
                unshare,
                *("--user", "--map-root-user", "--mount", "--"),
                *(sys.executable, "-I", str(_SCRIPT), str(config.tmp_mb)),
                *(str(config.root), contract.TASK_ROOT, *folders),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._wait_until_ready()

    def prefix(self) -> Sequence[str]:
        """Return the command prefix that runs a command inside."""
        return (
            _program("nsenter"),
            *("--target", str(self._holder.pid), "--user", "--mount", "--"),
            *(_program("unshare"), "--user", f"--map-user={_USER}", f"--map-group={_USER}", "--"),
            *(_program("env"), f"--chdir={contract.TASK_ROOT}"),
        )

    def close(self) -> None:
        """Release the namespaces, and /tmp with them."""
        self._holder.kill()
        self._holder.communicate()

    def _wait_until_ready(self) -> None:
        holder = self._holder
        if holder.stdout is None or holder.stdout.readline() != b"ready\n":
            _, error = holder.communicate(timeout=_START_S)
            lines = error.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
            raise StartError(f"isolated: this machine refuses namespaces: {lines[-1]}")


@functools.cache
def missing_for_isolation() -> str | None:
    """Return why this machine cannot isolate an environment, or None."""
    try:
        _program("nsenter")
        Isolation(FunctionConfig(handler="any.handler", root=_SCRIPT.parent)).close()
    except InfraError as error:
        return str(error)
    return None


@functools.cache
def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ToolMissing(name, "isolated: true")
    return found


def _visible(config: FunctionConfig) -> set[Path]:
    """Return the folders that must stay visible: the code, the interpreter, its packages."""
    own = {config.root, Path(config.python).parent.parent, Path(sys.prefix), Path(sys.base_prefix)}
    linked = Path(config.python).resolve().parent.parent
    return own | {Path(sysconfig.get_path("purelib")), linked}
