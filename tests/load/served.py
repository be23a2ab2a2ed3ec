"""LocalLambda in a process of its own, so that it can be measured, and the load does not share its
thread.

    python -m tests.load.served NAME MODULE.HANDLER CONCURRENCY [--leak-kb N] [--leak-descriptors]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.local.logs import LogLine
from infra.local.sandbox import memory
from infra.local.server import LocalLambda
from infra.settings.function import FunctionConfig
from tests import ROOT

HANDLERS = Path(__file__).parent / "handlers"
_STOP_S = 20.0
_LEAK_EVERY = 50


@dataclass(frozen=True)
class Service:
    """What to serve."""

    name: str
    handler: str = "echo.handler"
    concurrency: int = 4
    leak_kb: int = 0  # a call, in the function
    leak_descriptors: bool = False  # one every 50 invocations, in the emulator


@dataclass(frozen=True)
class Served:
    """A LocalLambda in another process."""

    name: str
    url: str
    invoke_url: str
    pid: int

    @property
    def invoke_path(self) -> str:
        """The path of an invocation."""
        return f"/2015-03-31/functions/{self.name}/invocations"

    def function_pids(self) -> list[int]:
        """Return the processes of the function."""
        return memory.pids_with_variable(f"AWS_LAMBDA_FUNCTION_NAME={self.name}".encode())


@contextlib.contextmanager
def served(service: Service) -> Iterator[Served]:
    """Start one, and stop it so that nothing is left."""
    command = [sys.executable, "-m", "tests.load.served", service.name, service.handler]
    command += [str(service.concurrency), "--leak-kb", str(service.leak_kb)]
    if service.leak_descriptors:
        command.append("--leak-descriptors")
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        told = json.loads(process.stdout.readline() if process.stdout else "")
        yield Served(service.name, told["url"], told["invoke_url"], process.pid)
    finally:
        try:
            # The end of its input ends it.
            process.communicate(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _serve(options: argparse.Namespace) -> None:
    config = FunctionConfig(
        handler=options.handler,
        root=HANDLERS,
        name=options.name,
        concurrency=options.concurrency,
        environment={"LEAK_KB": str(options.leak_kb)} if options.leak_kb else {},
    )
    with LocalLambda(config) as local:
        if options.leak_descriptors:
            local.listen(_Leak())
        print(json.dumps({"url": local.url, "invoke_url": local.invoke_url}), flush=True)
        sys.stdin.read()


class _Leak:
    """Open a file now and then, and never close it."""

    def __init__(self) -> None:
        self._invocations = 0

    def __call__(self, line: LogLine) -> None:
        self._invocations += line.text.startswith("START")
        if line.text.startswith("START") and self._invocations % _LEAK_EVERY == 0:
            os.open(os.devnull, os.O_RDONLY)


def main() -> None:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.served")
    parser.add_argument("name")
    parser.add_argument("handler")
    parser.add_argument("concurrency", type=int)
    parser.add_argument("--leak-kb", type=int, default=0)
    parser.add_argument("--leak-descriptors", action="store_true")
    _serve(parser.parse_args())


if __name__ == "__main__":
    main()
