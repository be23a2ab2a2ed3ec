"""TLS on the port of plain HTTP: the first byte of a connection tells them apart.

The cloud is also a proxy to itself: a client that asks for a tunnel to `<api id>.execute-api.…`
speaks TLS with that name. The certifying authority is made at the start, and ends with the cloud.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.settings.simulated import CA_PATH

_HANDSHAKE = b"\x16"  # RFC 8446 section 5.1: the record's type; no HTTP method starts with it

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class TlsToo(BaseHTTPRequestHandler):
    """Handles requests over plain HTTP and TLS: a mixin, to put before another handler."""

    context: ClassVar[ssl.SSLContext]

    def handle(self) -> None:
        """Handle a connection; a client that does not trust us, or is gone, is not our error."""
        plain = self.request
        try:
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                self._secure()
                super().handle()
        finally:
            if self.request is not plain:
                self.server.shutdown_request(self.request)

    def do_CONNECT(self) -> None:
        """Answer as the end of the tunnel, whatever its host."""
        if isinstance(self.request, ssl.SSLSocket):
            self.send_error(HTTPStatus.NOT_IMPLEMENTED, "expected CONNECT over plain HTTP")
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
    """Return a class of handlers that answers TLS too."""
    return type(handler.__name__, (TlsToo, handler), {"context": context})


def telling(app: App, ca_pem: bytes) -> App:
    """Return a WSGI application that serves the CA, and knows which requests use TLS."""

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == CA_PATH:
            kind, length = "application/x-pem-file", str(len(ca_pem))
            start_response("200 OK", [("content-type", kind), ("content-length", length)])
            return [ca_pem]
        if isinstance(environ["werkzeug.socket"], ssl.SSLSocket):
            environ["wsgi.url_scheme"] = "https"
        return app(environ, start_response)

    return call


_DAY = timedelta(days=1)
_VALID = 30 * _DAY
_CA_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class Authority:
    """An authority that clients trust by its certificate; its key stays in memory."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def made(cls, name: str = "Lambake's simulated cloud") -> Self:
        """Make an authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _builder(key.public_key(), datetime.now(UTC) + _VALID)
            .subject_name(subject)
            .issuer_name(subject)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_CA_USAGE, critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @property
    def pem(self) -> bytes:
        """The certificate, for clients."""
        return self.certificate.public_bytes(Encoding.PEM)

    def context(self, names: Sequence[str], *, until: datetime | None = None) -> ssl.SSLContext:
        """Certify a server for these host names and IP addresses; return its TLS context."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.certificate.subject
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        certificate = (
            _builder(key.public_key(), until or datetime.now(UTC) + _VALID)
            .subject_name(x509.Name([]))
            .issuer_name(issuer)
            .add_extension(x509.SubjectAlternativeName(list(map(_name, names))), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=False)
            .add_extension(authority, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:  # ssl reads keys only from files
            private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            file.write(private + certificate.public_bytes(Encoding.PEM))
            file.flush()
            context.load_cert_chain(file.name)
        return context


def _builder(key: ec.EllipticCurvePublicKey, until: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(datetime.now(UTC), until) - _DAY)
        .not_valid_after(until)
    )


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
