"""Play the runtime: speak the Runtime API by hand, for a process that only waits (puppet/)."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tests.contract.rows import Bench
from tests.contract.target import Running, Spec, invoked
from tests.infra.local.plain_http import Reply

PUPPET = Path(__file__).parent / "puppet"
PREFIX = "/2018-06-01/runtime"
NEXT = f"{PREFIX}/invocation/next"
_PATIENCE_S = 60.0


class Wire:
    """One connection of the runtime."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=_PATIENCE_S)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        length: int | None = None,
    ) -> None:
        """Send one request, if need be with a Content-Length that is wrong."""
        head = [f"{method} {path} HTTP/1.1", "Host: runtime"]
        if method != "GET":
            head.append(f"Content-Length: {len(body) if length is None else length}")
        head += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.socket.sendall("\r\n".join([*head, "", ""]).encode() + body)

    def answer(self) -> Reply:
        """Read one reply."""
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read())

    def call(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send one request, and read its reply."""
        self.ask(method, path, body, headers)
        return self.answer()

    def hears_nothing(self, seconds: float = 0.1) -> bool:
        """Whether no reply comes for a while."""
        self.socket.settimeout(seconds)
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(_PATIENCE_S)

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


class Puppet:
    """A runtime in the hands of the test, and the client that invokes the function."""

    def __init__(self, running: Running, told: Path, first: Future[Reply]) -> None:
        self._pool = ThreadPoolExecutor(max_workers=4)
        self.running = running
        self._told = told
        self.pid, self.address = _told(told)
        self.invocation = first

    def connect(self) -> Wire:
        """Open a connection to the Runtime API."""
        return Wire(self.address)

    def invoke(self, body: bytes = b"{}") -> Future[Reply]:
        """Invoke the function once more, from another thread."""
        return self._pool.submit(invoked, self.running, body)

    def answered(self, wire: Wire) -> Reply:
        """Ask for the next event, as a runtime does, and return what the first invoker got.

        RIE keeps the answer back until the runtime has asked.
        """
        wire.ask("GET", NEXT)
        return self.invocation.result()

    def leave(self) -> None:
        """End the runtime's process, as it is expected to after an init error."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def reborn(self) -> Wire | None:
        """Connect to the process that is started in the place of one that left.

        Returns:
            None where the first invoker is answered without another process.
        """
        while not self.invocation.done():
            pid, address = _told(self._told)
            if pid != self.pid:
                self.pid, self.address = pid, address
                return self.connect()
            time.sleep(0.005)
        return None

    def close(self) -> None:
        """Wait for the clients."""
        self._pool.shutdown()


@contextlib.contextmanager
def puppet(
    bench: Bench,
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    *,
    timeout_s: int = 20,
) -> Iterator[tuple[Puppet, Wire]]:
    """Start a function whose runtime is the test, with a first invocation on its way.

    RIE starts no runtime before the first invocation; the answer to it is in Puppet.invocation.
    """
    told = bench.folder / "puppet"
    told.unlink(missing_ok=True)
    spec = Spec(PUPPET, "none.handler", timeout_s, environment={"PUPPET_FILE": str(told)})
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=1))
        running = stack.enter_context(contextlib.closing(bench.target.start(spec)))
        first = pool.submit(invoked, running, body, headers)
        held = stack.enter_context(contextlib.closing(Puppet(running, told, first)))
        # Before the clients are waited for: the end of the emulator ends what they wait for.
        stack.callback(running.close)
        wire = held.connect()
        stack.callback(wire.close)
        yield held, wire


def fetched(wire: Wire) -> str:
    """Fetch the event, and return the path that its answer is posted to."""
    request_id = wire.call("GET", NEXT).headers["lambda-runtime-aws-request-id"]
    return f"{PREFIX}/invocation/{request_id}"


def _told(path: Path) -> tuple[int, str]:
    deadline = time.monotonic() + _PATIENCE_S
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"expected a runtime to write {path}, got none")
        time.sleep(0.005)
    pid, address = path.read_text().split(" ")
    return int(pid), address
