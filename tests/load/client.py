"""A client that keeps its connection, and checks that each answer belongs to its request."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import secrets
import time
from dataclasses import dataclass, field

from tests.load.served import Served

_BACKOFF_S = (0.05, 1.0)  # at first, and at most: doubled with each refusal, as SDKs do
_PATIENCE_S = 60.0


@dataclass
class Tally:
    """What the clients saw."""

    times_ms: list[float] = field(default_factory=list)  # of the answers
    throttled: int = 0
    mixed_up: int = 0  # the answer to another request
    failed: int = 0  # an answer that is neither a result nor a throttle
    lost: int = 0  # no answer
    examples: list[str] = field(default_factory=list)  # of what went wrong

    @property
    def answered(self) -> int:
        """How many requests got a right answer."""
        return len(self.times_ms)

    @property
    def wrong(self) -> int:
        """How many did not."""
        return self.mixed_up + self.failed + self.lost

    def note(self, what: str) -> None:
        """Keep the first few things that went wrong."""
        if len(self.examples) < 5:
            self.examples.append(what[:300])


class Connection:
    """One keep-alive connection to one address."""

    def __init__(self, url: str) -> None:
        self._host, _, port = url.removeprefix("http://").rpartition(":")
        self._port = int(port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send one request, and read its answer: status, headers in lower case, body.

        Raises:
            ConnectionError, IncompleteReadError: no whole answer came.
            TimeoutError: none came in time.
        """
        async with asyncio.timeout(_PATIENCE_S):
            if self._streams is None:
                self._streams = await asyncio.open_connection(self._host, self._port)
            reader, writer = self._streams
            head = f"POST {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
            pairs = (line.partition(": ") for line in lines if line)
            headers = {name.lower(): value for name, _, value in pairs}
            answer = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close":
            await self.close()
        return int(first.split(" ")[1]), headers, answer

    async def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def ask(connection: Connection, path: str, tally: Tally) -> bool:
    """Send one input of its own, and check the answer's hash.

    Returns:
        Whether it was throttled.
    """
    data = secrets.token_hex(16)
    started = time.perf_counter()
    try:
        status, headers, answer = await connection.post(path, json.dumps({"data": data}).encode())
    except (OSError, EOFError) as exc:
        tally.lost += 1
        tally.note(f"lost: {type(exc).__name__} {exc}")
        await connection.close()
        return False
    if status == 429:
        tally.throttled += 1
        return True
    try:
        told = json.loads(answer)["sha256"] if status == 200 else None
    except (ValueError, KeyError, TypeError):
        told = None
    if told is None or "x-amz-function-error" in headers:
        tally.failed += 1
        tally.note(f"{status}: {answer.decode('utf-8', 'replace')}")
    elif told != hashlib.sha256(data.encode()).hexdigest():
        tally.mixed_up += 1
        tally.note(f"expected the answer to {data}, got {answer!r}")
    else:
        tally.times_ms.append((time.perf_counter() - started) * 1000)
    return False


async def keep_asking(
    local: Served, tally: Tally, *, until: float, invoke: bool, pause_s: float = 0.0
) -> None:
    """Ask until a time (monotonic), through the Invoke API or through the HTTP front."""
    url, path = (local.invoke_url, local.invoke_path) if invoke else (local.url, "/echo")
    connection = Connection(url)
    first_s, most_s = _BACKOFF_S
    backoff_s = first_s
    while time.monotonic() < until:
        if await ask(connection, path, tally):
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1))
            backoff_s = min(most_s, backoff_s * 2)
        else:
            backoff_s = first_s
            await asyncio.sleep(pause_s)
    await connection.close()
