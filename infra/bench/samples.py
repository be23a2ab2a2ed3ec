"""One fresh process of a function: its first answer, warm answers, CPU time, and memory."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from infra.bench.contenders import PATH, Contender
from infra.bench.places import BenchError, Running, one_core, serve
from infra.local.sandbox.memory import PeakReader

_PATIENCE_S: Final = 300.0


@dataclass(frozen=True)
class Sample:
    """One process, from nothing to its last warm answer.

    Attributes:
        first_ms: from the request that starts the process to its answer.
        first_cpu_ms: the CPU time of the process until then.
        warm_ms: of each later request, sent one after the other.
        warm_cpu_ms: CPU time of one of them, on average.
        peak_mb: most resident memory, in MiB.
    """

    first_ms: float
    first_cpu_ms: float
    warm_ms: list[float]
    warm_cpu_ms: float
    peak_mb: float


@dataclass
class Client:
    """Calls a function over one connection."""

    running: Running
    _connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        """Prepare a connection, which the first call opens."""
        self._connection = http.client.HTTPConnection(self.running.host, timeout=_PATIENCE_S)

    def ask(self, body: bytes, headers: dict[str, str] | None = None, *, path: str = "") -> bytes:
        """Post a body to where the function's events go, or to a path, and return the answer.

        Raises:
            BenchError: another status than 200.
        """
        self._connection.request("POST", path or self.running.path, body, headers or {})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise BenchError(f"expected 200, got {answer.status}: {content[:300]!r}")
        return content

    def until_ready(self, contender: Contender, picture: bytes) -> None:
        """Send a picture until there is an answer: a plain server listens once it is ready.

        Raises:
            BenchError: there was none in five minutes.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                predict(self, contender, picture)
            except ConnectionRefusedError:
                self.close()
                time.sleep(0.01)  # as often as the Lambda Web Adapter looks
            else:
                return
        raise BenchError(f"expected {contender.name} to answer, got no server")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def picture_event(picture: bytes, media_type: str = "image/png", path: str = PATH) -> bytes:
    """Spell an HTTP API's event that posts a picture, or another body."""
    host = "bench.execute-api.us-east-1.amazonaws.com"
    return json.dumps(
        {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {
                "accept": "*/*",
                "content-length": str(len(picture)),
                "content-type": media_type,
                "host": host,
                "user-agent": "curl/8.5.0",
                "x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793",
                "x-forwarded-for": "203.0.113.7",
                "x-forwarded-port": "443",
                "x-forwarded-proto": "https",
            },
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "bench",
                "domainName": host,
                "domainPrefix": "bench",
                "http": {
                    "method": "POST",
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.7",
                    "userAgent": "curl/8.5.0",
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": "$default",
                "stage": "$default",
                "time": "27/Nov/2026:10:00:00 +0000",
                "timeEpoch": 1_795_773_600_000,
            },
            "body": base64.b64encode(picture).decode(),
            "isBase64Encoded": True,
        }
    ).encode()


def predict(client: Client, contender: Contender, picture: bytes) -> dict[str, Any]:
    """Send one picture as a client of the contender does, and return the answer's JSON.

    Raises:
        BenchError: it was not answered with 200.
    """
    if contender.plain:
        answer: dict[str, Any] = json.loads(
            client.ask(picture, {"content-type": "image/png"}, path=PATH)
        )
        return answer
    reply = json.loads(client.ask(picture_event(picture)))
    if reply.get("statusCode") != 200:
        raise BenchError(f"expected {contender.name} to answer 200, got {str(reply)[:300]}")
    found: dict[str, Any] = json.loads(reply["body"])
    return found


def times_ms(client: Client, contender: Contender, picture: bytes, calls: int) -> list[float]:
    """Send a picture so many times, one after the other, and return how long each took.

    Raises:
        BenchError: one was not answered.
    """
    found = []
    for _ in range(calls):
        before = time.perf_counter()
        predict(client, contender, picture)
        found.append((time.perf_counter() - before) * 1e3)
    return found


def take(place: str, contender: Contender, picture: bytes, *, warm: int, **settings: Any) -> Sample:
    """Start a contender afresh on one core, and call it once and then `warm` times.

    Raises:
        BenchError: it did not start, or did not answer.
    """
    started = time.perf_counter()
    with contextlib.ExitStack() as stack:
        with one_core():
            running = stack.enter_context(serve(place, contender, **settings))
        client = Client(running)
        if not contender.plain:  # an emulator starts the function with the first call
            started = time.perf_counter()
        client.until_ready(contender, picture)
        first_ms = (time.perf_counter() - started) * 1e3
        pids = running.pids()
        first_cpu_ms = sum(map(cpu_ms, pids))
        warm_ms = times_ms(client, contender, picture, warm)
        warm_cpu_ms = (sum(map(cpu_ms, pids)) - first_cpu_ms) / max(warm, 1)
        used_mb = sum(map(peak_mb, pids))
        client.close()
    return Sample(first_ms, first_cpu_ms, warm_ms, warm_cpu_ms, used_mb)


def cpu_ms(pid: int) -> float:
    """Return the CPU time of all threads of a process so far, in milliseconds; 0 if it has ended.

    Source: clock_getcpuclockid(3); the kernel spells a process' clock as its id, inverted.
    """
    with contextlib.suppress(OSError):
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e6
    return 0.0


def peak_mb(pid: int) -> float:
    """Return a process's most resident memory so far, in MiB."""
    with contextlib.closing(PeakReader(pid)) as reader:
        return reader.peak_mb()


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p99(values: Sequence[float]) -> float:
    """Return the value that one in a hundred is above."""
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios pair by pair: what the machine did in a round cancels out."""
    return median([one / other for one, other in zip(ours, theirs, strict=True)])
