"""Where a function runs: under the real Runtime Interface Emulator, under ours, or as plain HTTP.

Each is started afresh, as a process that belongs to the block which started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.bench.contenders import ROOT, Contender
from infra.local.contract import INVOKE_API_PREFIX
from infra.local.sandbox import memory
from infra.settings.errors import InfraError

RIE: Final = ROOT / "build" / "rie" / "aws-lambda-rie"
_NAME: Final = "bench"
MARKER: Final = "LAMBAKE_BENCH"
_PATIENCE_S: Final = 120.0
_STOP_S: Final = 5.0


class BenchError(InfraError):
    """Something could not be measured; the message says what and why."""


@dataclass(frozen=True)
class Running:
    """A function that is being served.

    Attributes:
        host: of the server, with its port.
        path: what an event is posted to; empty for plain HTTP.
        marker: the variable that the function's processes have, as NAME=value.
        server: the process of the emulator, which has the marker too; 0: none.
    """

    host: str
    path: str
    marker: str
    server: int = 0

    def pids(self) -> list[int]:
        """Return the function's processes."""
        found = memory.pids_with_variable(self.marker.encode())
        return [pid for pid in found if pid != self.server]


def left_out(place: str) -> str:
    """Return why a place cannot be used on this machine; empty if it can."""
    if place != "rie" or RIE.is_file():
        return ""
    return f"there is no {RIE.relative_to(ROOT)}; `make bench` fetches it"


@contextlib.contextmanager
def serve(place: str, contender: Contender, **settings: Any) -> Iterator[Running]:
    """Serve a contender until the block ends.

    Args:
        place: "rie" or "lambake"; ignored for a plain contender.
        contender: the function.
        settings: further ones of our emulator (`infra.settings.function.FunctionConfig`).

    Raises:
        BenchError: it did not start.
    """
    start = _plain if contender.plain else _rie if place == "rie" else _lambake
    with start(contender, **settings) as running:
        yield running


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Give one core to what is started meanwhile, as Lambda gives one CPU at 1,769 MB.

    Where the system cannot, as macOS, all cores are used.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextlib.contextmanager
def _rie(contender: Contender, memory_mb: int = 1769) -> Iterator[Running]:
    port, api_port, marker = free_port(), free_port(), secrets.token_hex(8)
    command = [
        *(str(RIE), "--log-level", "error"),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{api_port}"),
        *(contender.python, "-m", "awslambdaric", contender.handler),
    ]
    variables = {
        **contender.variables,
        "AWS_LAMBDA_FUNCTION_NAME": _NAME,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
        MARKER: marker,
    }
    with _process(command, contender, variables) as process:
        _wait_for(port, process)
        path = f"{INVOKE_API_PREFIX}function/invocations"
        yield Running(f"127.0.0.1:{port}", path, f"{MARKER}={marker}", process.pid)


@contextlib.contextmanager
def _lambake(contender: Contender, **settings: Any) -> Iterator[Running]:
    marker = secrets.token_hex(8)
    config = {
        "name": _NAME,
        "handler": contender.handler,
        "root": str(contender.root),
        "memory_mb": 1769,
        "python": contender.python,
        "timeout_s": 60,
        "init_limit_s": 60,
        **settings,
        "environment": {
            **contender.variables, **settings.get("environment", {}), MARKER: marker,
        },
    }  # fmt: skip
    command = [sys.executable, "-m", "infra.bench.emulator", json.dumps(config)]
    here = Contender("emulator", "", "", (), root=ROOT)
    with _process(command, here, {}, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise BenchError(f"expected our emulator to start {contender.name}, got nothing")
        url = line.decode().strip()
        path = f"{INVOKE_API_PREFIX}{_NAME}/invocations"
        yield Running(url.removeprefix("http://"), path, f"{MARKER}={marker}")


@contextlib.contextmanager
def _plain(contender: Contender) -> Iterator[Running]:
    port, marker = free_port(), secrets.token_hex(8)
    command = [
        *(contender.python, "-m", "uvicorn", contender.handler),
        *("--port", str(port), "--log-level", "error"),
    ]
    with _process(command, contender, {**contender.variables, MARKER: marker}):
        yield Running(f"127.0.0.1:{port}", "", f"{MARKER}={marker}")


@contextlib.contextmanager
def _process(
    command: list[str],
    contender: Contender,
    variables: Mapping[str, str],
    stdout: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process; end it, and the function's, when the block ends."""
    process = subprocess.Popen(
        command,
        cwd=contender.root,
        env={**kept_variables(os.environ), **variables},
        stdin=subprocess.DEVNULL,
        stdout=stdout or subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
        if MARKER in variables:
            for pid in memory.pids_with_variable(f"{MARKER}={variables[MARKER]}".encode()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def kept_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of this process that a contender gets.

    Without a cache of its byte code it would compile its own modules at each start, which no image
    does. One thread of OpenBLAS or many: each decides by itself.
    """
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith("LAMBAKE_") and name != "PYTHONDONTWRITEBYTECODE"
    }


def errors_of_python(
    contender: Contender,
    *arguments: str,
    under: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> str:
    """Run a contender's Python to its end, and return what it writes to its errors.

    Args:
        contender: the function whose folder and environment it gets.
        arguments: of Python.
        under: a command that runs it, such as valgrind.
        variables: further ones of its environment.

    Raises:
        BenchError: it failed.
    """
    ran = subprocess.run(
        [*under, contender.python, *arguments],
        cwd=contender.root,
        env={**kept_variables(os.environ), **contender.variables, **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or ["nothing"])[-1]
        raise BenchError(f"expected {contender.name} to be imported, got {last}")
    return ran.stderr


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.005)
    raise BenchError(f"expected a server on port {port}, got none")


def free_port() -> int:
    """Return a port on which nothing listens now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def machine() -> dict[str, str]:
    """Describe this machine."""
    with (
        contextlib.suppress(OSError, StopIteration),
        open("/proc/cpuinfo", encoding="utf-8") as file,
    ):
        model = next(line for line in file if line.startswith("model name"))
        return {"processor": model.partition(":")[2].strip(), **_system()}
    return {"processor": platform.processor() or platform.machine(), **_system()}


def _system() -> dict[str, str]:
    return {
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }
