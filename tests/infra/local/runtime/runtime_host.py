"""A Runtime API without a process: tests play the runtime with bare sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from infra.local.phase_end import EndedBy, PhaseEnd
from infra.local.runtime.conversation import Conversation
from infra.local.runtime.exchange import RuntimeReply

T = TypeVar("T")
PREFIX = "/2018-06-01/runtime"
NEXT = f"{PREFIX}/invocation/next"


@dataclass
class RuntimeHost:
    """The environment's side of conversations, one after the other."""

    loop: asyncio.AbstractEventLoop
    ends: list[PhaseEnd] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    conversation: Conversation | None = None
    address: str = ""

    def fresh(self, *, snapshots: bool = False) -> None:
        """Begin with a new runtime."""
        self.run(self._fresh, snapshots)

    def _fresh(self, snapshots: bool) -> Any:
        async def work() -> None:
            if self.conversation is not None:
                self.conversation.close()
            self.ends.clear()
            self.conversation = Conversation(self.ends.append, snapshots=snapshots)
            self.address = await self.conversation.open()

        return work()

    def run(self, make: Callable[..., Any], *arguments: Any) -> Any:
        """Run a coroutine function on the host's loop, from the test's thread."""
        return asyncio.run_coroutine_threadsafe(make(*arguments), self.loop).result(20)

    def tell(self, act: Callable[[Conversation], T]) -> T:
        """Do something to the conversation on the host's loop."""

        async def work() -> T:
            if self.conversation is None:
                raise AssertionError("expected a conversation: call fresh() first")
            return act(self.conversation)

        result: T = self.run(work)
        return result

    def future(self) -> asyncio.Future[None]:
        """Make a future of the host's loop."""
        return self.tell(lambda _: self.loop.create_future())

    def hand_over(
        self,
        request_id: str,
        payload: bytes = b"{}",
        answered: asyncio.Future[None] | None = None,
    ) -> None:
        """Give the waiting runtime an event."""
        headers = {"Lambda-Runtime-Aws-Request-Id": request_id}
        self.tell(lambda c: c.assign(request_id))
        self.tell(lambda c: c.deliver(RuntimeReply(200, payload, headers), answered))


@contextmanager
def hosting() -> Iterator[RuntimeHost]:
    """Run a host in a thread of its own."""
    loop = asyncio.new_event_loop()
    host = RuntimeHost(loop)
    loop.set_exception_handler(lambda _loop, context: host.faults.append(context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield host
    finally:
        if host.conversation is not None:
            host.tell(lambda c: c.close())

        async def idle() -> None:
            await asyncio.sleep(0)

        for _ in range(3):
            host.run(idle)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass(frozen=True)
class Answered:
    """A reply as it was on the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.body)


class Wire:
    """One connection of a runtime."""

    def __init__(self, address: str) -> None:
        host, _, port = address.partition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        """Send one request."""
        head = [f"{method} {path} HTTP/1.1", "Host: runtime"]
        if body or method == "POST":
            head.append(f"Content-Length: {len(body)}")
        head += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.send("\r\n".join([*head, "", ""]).encode() + body)

    def answer(self) -> Answered:
        """Read one reply."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(": ")
            headers[name] = value
        status = int(first.split()[1])
        if status == 100:
            return Answered(status, headers, b"")
        size = int(next(v for name, v in headers.items() if name.lower() == "content-length"))
        while len(self._buffer) < size:
            self._more()
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return Answered(status, headers, body)

    def call(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answered:
        """Send one request, and read its reply."""
        self.ask(method, path, body, headers)
        return self.answer()

    def ended(self) -> bool:
        """Whether the other side has hung up."""
        return not self._buffer and self.socket.recv(1) == b""

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError(f"expected a reply, got the end after {self._buffer!r}")
        self._buffer += data


def fetch(
    host: RuntimeHost,
    wire: Wire,
    request_id: str = "id-1",
    payload: bytes = b"{}",
    answered: asyncio.Future[None] | None = None,
) -> Answered:
    """Ask for an event, and get it."""
    wire.ask("GET", NEXT)
    wait_for_ready(host)
    host.hand_over(request_id, payload, answered)
    return wire.answer()


def wait_for_ready(host: RuntimeHost) -> None:
    """Wait until the host has read what was asked."""
    while not any(end.by is EndedBy.NEXT for end in host.ends):
        host.tell(lambda c: c.state)


def post_path(request_id: str, kind: str = "response") -> str:
    """Return the path of a post."""
    return f"{PREFIX}/invocation/{request_id}/{kind}"


def wire_reached(host: RuntimeHost, wire: Wire) -> bool:
    """Let the host read what was sent: a second request on another
    connection is answered after it.
    """
    with contextlib.closing(Wire(host.address)) as probe:
        return probe.call("GET", "/ping").body == b"pong" and wire is not probe
