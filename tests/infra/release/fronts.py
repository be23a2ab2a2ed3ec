"""An API on this machine that speaks real TLS, by a tunnel or directly."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.cloud.tls import Authority, with_tls
from infra.release.target import Target
from infra.settings.simulated import CA_PATH
from tests.infra.release.staged import target_at

API = "https://api.execute-api.us-east-1.amazonaws.com"
NAMES = ("*.execute-api.us-east-1.amazonaws.com", "localhost")
PREDICTED = {"model": "digits", "version": "1", "predictions": [{"label": "7"}]}
TRUSTED = Authority.made()


class Front(ThreadingHTTPServer):
    """An API that answers as it is told, and keeps what came."""

    def __init__(self, handler: Any) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.answers: list[tuple[int, Any]] = [(200, PREDICTED)]
        self.told: dict[str, str] = {}  # headers of every answer
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def target(self, **aws: Any) -> Target:
        """Make a target of it, as if it were a simulated cloud."""
        return target_at(self.url, **aws)


class Handler(BaseHTTPRequestHandler):
    """Answer, and tell the authority that is to be trusted."""

    server: Front

    def do_GET(self) -> None:
        self.send_response(200 if self.path == CA_PATH else 404)
        self.end_headers()
        self.wfile.write(TRUSTED.pem)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.append((self.path, headers, body))
        answers = self.server.answers
        status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        for name, value in self.server.told.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


class PlainAtTheEnd(Handler):
    """Make a tunnel, and speak plain HTTP at its end."""

    def do_CONNECT(self) -> None:
        self.send_response_only(200, "Connection established")
        self.end_headers()
        self.connection.recv(65_536)
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")


@contextlib.contextmanager
def fronting(
    context: ssl.SSLContext | None = None, handler: type[BaseHTTPRequestHandler] = Handler
) -> Iterator[Front]:
    """Serve it; by TLS where there is a context."""
    with Front(with_tls(handler, context) if context else handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def front() -> Iterator[Front]:
    """One that is to be trusted."""
    with fronting(TRUSTED.context(NAMES)) as server:
        yield server


def signed_headers(headers: dict[str, str]) -> list[str]:
    """Name the headers that a signature is made of."""
    _, _, rest = headers["authorization"].partition("SignedHeaders=")
    return rest.partition(",")[0].split(";")


def expected_signature(path: str, headers: dict[str, str], body: bytes) -> str:
    """Sign what came once more, by the rules of Signature Version 4, with the tests' key."""
    names = signed_headers(headers)
    raw, _, query = path.partition("?")
    lines = [f"{name}:{headers[name]}" for name in names]
    digest = hashlib.sha256(body).hexdigest()
    canonical = "\n".join(["POST", raw, query, *lines, "", ";".join(names), digest])
    date = headers["x-amz-date"]
    scope = f"{date[:8]}/us-east-1/execute-api/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = b"AWS4testing"
    for part in [*scope.split("/"), "\n".join(["AWS4-HMAC-SHA256", date, scope, hashed])]:
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()
