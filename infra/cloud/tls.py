"""
TLS on the port of plain HTTP: the first byte of a connection tells which of the two it is.

The cloud is a proxy too, one that leads to itself alone: a client that asks it for a tunnel to
`<api id>.execute-api.…` speaks TLS with that name, and verifies it, as it would on AWS.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from infra.settings.simulated import CA_PATH

_HANDSHAKE = b"\x16"  # RFC 8446 section 5.1: the record's type; no HTTP method begins so

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class TlsToo(BaseHTTPRequestHandler):
    """Handle requests by plain HTTP and by TLS: a mixin, to stand before another handler."""

    context: ClassVar[ssl.SSLContext]

    def handle(self) -> None:
        """Handle a connection; a client that does not trust us, or is gone, is no error of ours."""
        plain = self.request
        try:
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                self._secure()
                super().handle()
        finally:
            if self.request is not plain:
                self.server.shutdown_request(self.request)

    def do_CONNECT(self) -> None:
        """Be the end of the tunnel, whatever host it is for."""
        if isinstance(self.request, ssl.SSLSocket):
            self.send_error(HTTPStatus.NOT_IMPLEMENTED, "expected CONNECT by plain HTTP")
            return
        self.send_response_only(HTTPStatus.OK, "Connection established")
        self.end_headers()
        self._secure()
        self.close_connection = False

    def _secure(self) -> None:
        if self.request.recv(1, socket.MSG_PEEK) == _HANDSHAKE:
            self.finish()
            self.request = self.context.wrap_socket(self.request, server_side=True)
            self.setup()


def with_tls(handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext) -> Any:
    """Give a class of handlers that answers by TLS too."""
    return type(handler.__name__, (TlsToo, handler), {"context": context})


def telling(app: App, ca_pem: bytes) -> App:
    """Give a WSGI application that tells of the authority, and knows which requests came by TLS."""

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == CA_PATH:
            kind, length = "application/x-pem-file", str(len(ca_pem))
            start_response("200 OK", [("content-type", kind), ("content-length", length)])
            return [ca_pem]
        if isinstance(environ["werkzeug.socket"], ssl.SSLSocket):
            environ["wsgi.url_scheme"] = "https"
        return app(environ, start_response)

    return call
