"""The real Runtime Interface Emulator as a target: AWS's own binary, run bare.

Its command line: aws-lambda-rie --runtime-interface-emulator-address HOST:PORT
--runtime-api-address HOST:PORT COMMAND...; it has no --help (an unknown flag becomes the command).
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from infra.local.sandbox import memory
from tests.conftest import absent
from tests.contract.fetch_rie import BINARY
from tests.contract.target import MEMORY_MB, NAME, Running, Spec

_START_S = 60.0
_STOP_S = 5.0


class RieError(Exception):
    """The binary did not start."""


class RieRunning:
    """A function that the binary serves."""

    path = "/2015-03-31/functions/function/invocations"

    def __init__(self, spec: Spec, *, log_level: str = "info") -> None:
        port, api_port = _free_ports()
        self.url = f"http://127.0.0.1:{port}"
        self._marker = secrets.token_hex(8)
        self._log = tempfile.NamedTemporaryFile(prefix="rie-", suffix=".log")  # noqa: SIM115
        command = [str(BINARY), "--log-level", log_level]
        command += ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
        command += ["--runtime-api-address", f"127.0.0.1:{api_port}"]
        command += [sys.executable, "-m", "awslambdaric", spec.handler]
        self._process = subprocess.Popen(
            command,
            cwd=spec.root,
            env=self._variables(spec),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._wait_for(port)
        except BaseException:
            self.close()
            raise

    def logs(self) -> list[str]:
        """Return all that it and the function have written."""
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace").splitlines()

    def close(self) -> None:
        """End it, and the function's processes, which it puts into groups of their own."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pid in memory.pids_with_variable(f"CONTRACT_MARKER={self._marker}".encode()):
            os.kill(pid, signal.SIGKILL)
        self._log.close()

    def _variables(self, spec: Spec) -> dict[str, str]:
        return {
            **os.environ,
            **spec.environment,
            "AWS_LAMBDA_FUNCTION_NAME": NAME,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(spec.timeout_s),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
            "CONTRACT_MARKER": self._marker,
        }

    def _wait_for(self, port: int) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except ConnectionError:
                time.sleep(0.01)
            else:
                return
        raise RieError(f"expected {BINARY} to listen on port {port}, got {self.logs()[-3:]}")


class RieTarget:
    """Start the binary."""

    name = "rie"

    def start(self, spec: Spec) -> Running:
        """Serve a function; skip the test where there is no binary."""
        require_rie()
        return RieRunning(spec)


def require_rie(binary: Path = BINARY) -> None:
    """Skip the test where the binary is absent, or fail it if STRICT=1 is set."""
    if not binary.is_file():
        absent(
            f"expected the Runtime Interface Emulator at {binary}, found none: "
            "python -m tests.contract.fetch_rie"
        )


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]
