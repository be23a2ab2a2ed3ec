"""Plain HTTP, with real processes, sockets and signals: served, watched, limited, drained."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import pytest

from function.service import Service
from tests import ROOT
from tests.function.handlers.slow_server import DRAIN_S
from tests.infra.local.plain_http import Reply, asked

IRIS = "/models/iris/predict"
JSON = {"content-type": "application/json"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Served:
    """A server in a process of its own; its lines are read as they come."""

    def __init__(self, **environment: str) -> None:
        self.lines: list[dict[str, Any]] = []
        self._more = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.function.handlers.slow_server"],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "PORT": "0",
                "LAMBAKE_HOST": "127.0.0.1",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._more:
                self.lines.append(json.loads(line))
                self._more.notify_all()

    def line(self, of: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for a line."""
        with self._more:
            found = self._more.wait_for(lambda: [one for one in self.lines if of(one)], 30)
        if not found:
            raise AssertionError(f"expected a line, got {self.lines}")
        return found[0]

    @property
    def url(self) -> str:
        """Where it listens, once it does."""
        started = self.line(lambda one: one["message"].startswith("Uvicorn running on "))
        url: str = started["message"].split()[3]
        return url

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """Send one request."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        method = "GET" if body is None else "POST"
        return asked(self.url, method, path, body or b"", headers, patience_s=30)

    def predict(self, seconds: float) -> Reply:
        """Ask for a prediction that takes so long."""
        body = json.dumps({"rows": [[seconds, 3.5, 1.4, 0.2]]}).encode()
        return asked(self.url, "POST", IRIS, body, JSON, patience_s=30)

    def connected(self) -> socket.socket:
        """Connect, and say nothing yet."""
        host, port = self.url.removeprefix("http://").split(":")
        return socket.create_connection((host, int(port)), timeout=10)

    def end(self) -> int:
        """Wait for the end; the exit status."""
        status = self.process.wait(20)
        self._reader.join()
        return status

    def close(self) -> None:
        """Kill it, if it still runs."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """The server that most tests share."""
    with contextlib.closing(Served(LAMBAKE_BASE_PATH="/ml")) as served:
        yield served


@pytest.fixture
def own() -> Iterator[Served]:
    """A server of one test's own, which may end."""
    with contextlib.closing(Served(LAMBAKE_MODELS="iris")) as served:
        yield served


def test_the_same_answers(server: Served, service: Service) -> None:
    """A picture is answered as anywhere, and the request is a line in the log."""
    picture = (ROOT / "model/zoo/digits/samples/7.png").read_bytes()
    reply = server.ask("/models/digits/predict", picture, content_type="image/png")
    assert reply.json["predictions"][0]["label"] == "7"
    line = server.line(lambda one: one.get("request_id") == reply.headers["x-request-id"])
    assert UUID.fullmatch(line["request_id"])
    assert set(line["ms"]) == {"preprocess", "engine", "postprocess", "total"}
    assert [line[key] for key in ("source", "status", "model", "count")] == [
        "plain-http", 200, "digits", 1,
    ]  # fmt: skip


@pytest.mark.parametrize("taken", ["3f0e9c52-0000-4000", "a" * 128, "Root=1-5759e988"])
def test_a_request_id_of_the_caller(server: Served, taken: str) -> None:
    """A harmless id is used, in the answer, the error and the log."""
    reply = server.ask("/nowhere", x_request_id=taken)
    assert (reply.status, reply.headers["x-request-id"]) == (404, taken)
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["request_id"] == taken
    assert server.line(lambda one: one.get("request_id") == taken)["error"] == "UnknownRouteError"


@pytest.mark.parametrize("refused", ["short", "a" * 129, 'a"}{"level":"INFO"', "nine\x85lives"])
def test_a_request_id_that_is_none(server: Served, refused: str) -> None:
    """Anything else is replaced."""
    assert UUID.fullmatch(server.ask("/nowhere", x_request_id=refused).headers["x-request-id"])


def test_alive_and_ready(server: Served) -> None:
    """Both say so, and leave no line in the log."""
    for path in ("/livez", "/readyz"):
        assert (server.ask(path).status, server.ask(path).json) == (200, {"status": "ok"})
    server.ask("/nowhere", x_request_id="after-the-probes")
    server.line(lambda one: one.get("request_id") == "after-the-probes")
    assert not [line for line in server.lines if line.get("status") == 200 and not line["model"]]


def test_below_a_base_path(server: Served) -> None:
    """The prefix of every route may be there; one that only begins alike is another path."""
    assert server.ask("/ml/healthz").status == 200
    assert server.ask("/healthz").status == 200
    assert server.ask("/mlhealthz").status == 404
    assert "/ml/docs" in server.ask("/ml").body.decode()


def test_a_slow_prediction_does_not_block(server: Served) -> None:
    """While one takes seconds, others are answered, and the process says that it lives."""
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(server.predict, 2.0)
        began = monotonic()
        while monotonic() < began + 1:
            assert server.ask("/livez").status == 200
            assert server.predict(0).status == 200
            assert not slow.done()
        assert slow.result().status == 200


def test_watched_by_prometheus(server: Served) -> None:
    """What was asked is counted by template; whatever the path, labels stay few."""
    for number in range(20):
        server.ask(f"/models/{number}/predict", b"{}", **{"content-type": f"x/{number}"})
        server.ask(f"/{number}")
    reply = server.ask("/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = reply.body.decode()
    lines = [line for line in text.splitlines() if line.startswith("lambake_requests_total")]
    templates = {re.search('route="([^"]*)"', line)[1] for line in lines}  # type: ignore[index]
    assert "/models/{name}/predict" in templates
    assert templates <= {"/models/{name}/predict", "/healthz", "/", "other"}
    assert 'lambake_errors_total{kind="UnknownModelError"} 20.0' in text


PNG = b"content-type: image/png\r\n"
LIMITS = {
    "a large body": (PNG + b"content-length: 9999999\r\n\r\n" + b"x" * 7_000_000, 413),
    "a head beyond the limit": (b"x: " + b"y" * 17_000 + b"\r\n\r\n", 400),
    "a large head": (b"x: " + b"y" * 70_000 + b"\r\n\r\n", 400),
    "two lengths": (b"content-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
    "a length and chunks": (b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
    "a broken chunk": (PNG + b"transfer-encoding: chunked\r\n\r\nx\r\n", 400),
    "tiny chunks": (PNG + b"transfer-encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 14_000, 400),
    "a slow body": (PNG + b"content-length: 9\r\n\r\nabc", 408),
}  # fmt: skip


@pytest.mark.parametrize(("rest", "status"), LIMITS.values(), ids=LIMITS)
def test_limits(server: Served, rest: bytes, status: int) -> None:
    """What is too large, too slow or of two minds is refused, and the connection closed."""
    with server.connected() as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(b"POST /models/digits/predict HTTP/1.1\r\nhost: x\r\n" + rest)
        assert client.recv(12) == f"HTTP/1.1 {status}".encode()
        with contextlib.suppress(ConnectionResetError):
            while client.recv(65_536):
                pass


@pytest.mark.parametrize("begun", [b"", b"GET /livez HTTP/1.1\r\nhost:"], ids=["none", "half"])
def test_a_head_that_does_not_come(server: Served, begun: bytes) -> None:
    """A connection on which no request comes, or half of one, is closed after a while."""
    with server.connected() as client:
        client.sendall(begun)
        assert client.recv(1) == b""


def test_a_head_that_drips(server: Served) -> None:
    """A byte now and then buys no more time."""
    with server.connected() as client, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        client.settimeout(0.1)
        began = monotonic()
        while monotonic() < began + 5:
            client.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                if not client.recv(1):
                    return
        raise AssertionError("expected to be hung up on, got five seconds of patience")


def test_a_connection_serves_several_requests(server: Served) -> None:
    """The deadline of one head is not that of the next."""
    with server.connected() as client:
        for _ in range(4):
            client.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
            reply = b""
            while not reply.endswith(b'{"status":"ok"}'):
                reply += client.recv(4096)
            threading.Event().wait(0.2)


def test_a_client_that_goes_away(server: Served) -> None:
    """Who does not wait for the answer leaves nothing but a line."""
    body = json.dumps({"rows": [[0.3, 3.5, 1.4, 0.2]]}).encode()
    with server.connected() as client:
        client.sendall(
            b"POST /models/iris/predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"x-request-id: gone-already\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        )
    assert server.line(lambda one: one.get("request_id") == "gone-already")["status"] == 200
    with server.connected() as client:
        client.sendall(
            b"POST /models/iris/predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"x-request-id: gone-too-early\r\ncontent-length: 99\r\n\r\n"
        )
    line = server.line(lambda one: one.get("request_id") == "gone-too-early")
    assert (line["status"], line["error"]) == (408, "IncompleteError")


def test_drained(own: Served) -> None:
    """On SIGTERM readiness ends, then the door closes; what is under way is answered; exit 0."""
    with ThreadPoolExecutor(1) as pool:
        assert own.predict(0).status == 200
        slow = pool.submit(own.predict, 2.0)
        while own.ask("/readyz").status != 200:
            pass
        own.process.send_signal(signal.SIGTERM)
        reply = own.ask("/readyz")
        while reply.status == 200:
            reply = own.ask("/readyz")
        assert (reply.status, reply.json) == (503, {"status": "draining"})
        assert own.ask("/livez").status == 200
        assert reply.headers["connection"] == "close"
        own.line(lambda one: one["message"] == "Shutting down")
        with pytest.raises(ConnectionError):
            own.ask("/livez")
        assert not slow.done()
        assert slow.result().status == 200
    assert own.end() == 0


def test_what_never_ends_is_cut_off(own: Served) -> None:
    """A prediction that outlasts the drain does not keep the process."""
    with ThreadPoolExecutor(1) as pool:
        endless = pool.submit(own.predict, 60)
        own.ask("/livez")
        began = monotonic()
        # Twice: the second does not wait for the notice.
        for _ in range(2):
            own.process.send_signal(signal.SIGTERM)
            own.ask("/readyz")
        assert own.end() == 0
        assert DRAIN_S - 1 < monotonic() - began < 2 * DRAIN_S
        with contextlib.suppress(ConnectionError):
            assert endless.result().status == 500
    messages = [line["message"] for line in own.lines if line["level"] == "ERROR"]
    assert "Cancel 1 running task(s), timeout graceful shutdown exceeded" in messages


def test_too_many_connections() -> None:
    """One too many ends the one that has kept the server waiting longest: probes always get in."""
    with (
        contextlib.closing(Served(LAMBAKE_MODELS="iris", CONNECTIONS="2")) as few,
        few.connected() as first,
        few.connected() as second,
    ):
        assert few.ask("/livez").status == 200
        with contextlib.suppress(ConnectionResetError):
            assert first.recv(1) == b""
        second.sendall(b"GET http://x/livez HTTP/1.1\r\nhost: x\r\n\r\n")
        second.shutdown(socket.SHUT_WR)
        assert second.recv(12) == b"HTTP/1.1 200"


def test_ended_while_it_loads() -> None:
    """A server that is not ready yet ends at once."""
    with contextlib.closing(Served(LAMBAKE_MODELS="iris", SLOW_START="on")) as loading:
        loading.line(lambda one: one["message"] == "loading")
        loading.process.send_signal(signal.SIGTERM)
        assert loading.end() == 0


def test_a_fatal_state_ends_it(own: Served) -> None:
    """Out of memory, it answers, stops being ready, and ends with status 1."""
    assert own.predict(-1).status == 500
    assert own.end() == 1
    assert own.line(lambda one: one["message"] == "invocation")["error"] == "EngineError"


def test_a_port_that_is_taken(server: Served) -> None:
    """The start fails with a line that says why."""
    taken = server.url.rsplit(":", 1)[1]
    with contextlib.closing(Served(LAMBAKE_MODELS="iris", PORT=taken)) as second:
        assert second.end() == 3
        assert "address already in use" in second.lines[-1]["message"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--help"], 0, "docs/settings.md"),
        (["8080"], 2, "unrecognized arguments: 8080"),
        ([], "PORT: expected a port from 0 to 65535, got 'http'", ""),
    ],
)
def test_it_says_how_it_is_started(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int | str,
    told: str,
) -> None:
    """Its settings are environment variables; a wrong one is a line, not a traceback."""
    monkeypatch.setattr("sys.argv", ["serve", *arguments])
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)
    monkeypatch.setenv("PORT", "http")
    from function import serve

    with pytest.raises(SystemExit) as ended:
        serve.main()
    assert ended.value.code == status
    assert told in "".join(capsys.readouterr())
