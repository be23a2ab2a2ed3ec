"""From a function's settings to a running sandbox: its command, variables and folder."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from infra.containers import ContainerTool
from infra.local import contract
from infra.local.sandbox.container import VERSION_CODE, python_of
from infra.local.sandbox.isolation import Isolation
from infra.local.sandbox.process import Process, Spawn, Surroundings
from infra.local.sandbox.sandbox import Launch, Sandbox, wrapped
from infra.local.sandbox.snapshots import Template
from infra.local.sandbox.variables import Place, process_variables
from infra.settings.errors import ConfigError
from infra.settings.function import FunctionConfig


class ProcessLauncher:
    """Starts the real runtime client for one environment."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._isolation: Isolation | None = None
        self._host_library_path = os.environ.get("LD_LIBRARY_PATH")

    async def spawn(self, spawn: Spawn) -> Process:
        """Start it, in the environment's namespaces if there are any."""
        config = self._around.config
        if config.isolated and self._isolation is None:
            self._isolation = await asyncio.to_thread(Isolation, config)
        seen = config.replace(root=Path(contract.TASK_ROOT)) if config.isolated else config
        place = Place(
            runtime_api=spawn.runtime_api,
            log_stream=spawn.log_stream,
            tmp=None if config.isolated else spawn.tmp,
            initialization_type=spawn.initialization_type,
            host_library_path=self._host_library_path,
            execution_env=self._around.execution_env,
        )
        return Sandbox(
            Launch(
                command=wrapped([config.python, "-m", "awslambdaric", config.handler], config),
                variables=process_variables(seen, place),
                folder=config.root,
                on_output=spawn.on_output,
                on_exit=spawn.on_exit,
                prefix=self._isolation.prefix() if self._isolation else (),
            )
        )

    def close(self) -> None:
        """Release the namespaces."""
        if self._isolation is not None:
            self._isolation.close()
            self._isolation = None


class SnapshotLauncher:
    """Copies the function's snapshot for one environment."""

    def __init__(self, template: Template) -> None:
        self._template = template

    async def spawn(self, spawn: Spawn) -> Process:
        """Copy the snapshot."""
        return await self._template.fork(spawn)

    def close(self) -> None:
        """Do nothing: the template serves other environments too."""


def runtime_version(config: FunctionConfig, tool: ContainerTool | None = None) -> tuple[str, str]:
    """Return the runtime's version and ARN for INIT_START, of the interpreter that really runs.

    The ARN has the service's form, but its hash is of the version only.
    """
    if tool is not None:
        version = python_of(tool, str(config.image))
    elif config.python == sys.executable:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}.v{sys.version_info[2]}"
    else:
        try:
            version = subprocess.run(
                [config.python, "-c", VERSION_CODE],
                capture_output=True,
                text=True,
                check=True,
                timeout=30,
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError) as exc:
            raise ConfigError("python", "an interpreter that runs", config.python) from exc
    runtime = f"python:{version}"
    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return runtime, f"arn:aws:lambda:{config.region}::runtime:{digest}"
