"""HTTP/1.1 messages as bytes: the head of a request and the framing of its body.

The grammar is RFC 9112's, read strictly: anything that two readers could understand differently is
refused, which prevents request smuggling. No sockets and no clock here: see `connection`.

    MessageError      a request that is refused (status and reason) instead of answered
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

Field = tuple[bytes, bytes]

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]"
# Possessive quantifiers: a hostile head of 64 KB must not make the match quadratic.
# Visible ASCII without "#", starting like one of the three forms of a target other than CONNECT's.
_TARGET = rb"(?:/|\*(?= )|https?://)[!\x22\x24-\x7e]*+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb"++) (" + _TARGET + rb") HTTP/([0-9]\.[0-9])\r\n")
_FIELDS = re.compile(rb"(?:" + _TOKEN + rb"++:" + _VALUE + rb"*+\r\n)*+")
_FIELD = re.compile(rb"(" + _TOKEN + rb"++):[ \t]*+(" + _VALUE + rb"*+)\r\n")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*+;" + _VALUE + rb"*+)?")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_HOST = re.compile(rb"[0-9A-Za-z.\-_~%!$&'()*+,;=:\[\]]*+")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_TOKEN_START = re.compile(_TOKEN)

# Fields that decide how the message is read; all others are the application's.
_DECIDING = frozenset((b"host", b"content-length", b"transfer-encoding", b"connection", b"expect"))

# A chunk's size with its extensions, and all trailers of one body.
# Source: no standard sets a number; RFC 9112 section 7.1.1 asks for "a reasonable" limit.
CHUNK_LINE_BYTES = 256
TRAILER_BYTES = 8_192
# Larger header blocks are not cached.
_KNOWN_FIELDS_BYTES = 2_048


class MessageError(Exception):
    """A refused request: the status to answer with, and why, without echoing it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


class Head(NamedTuple):
    """The checked head of one request; `size` in bytes.

    `fields` are as sent (case, order, repeats), `headers` the same with names in lower case.
    `length` is the Content-Length in bytes, None if the body is chunked; 0 without a body.
    """

    method: str
    target: bytes
    version: str
    fields: tuple[Field, ...]
    headers: tuple[Field, ...]
    length: int | None
    keep_alive: bool
    expects_continue: bool
    size: int


def head_of(data: bytes) -> Head:
    """Parse a request's head, from the first byte of its line to the empty line, both included.

    Raises:
        MessageError: 400 for anything that RFC 9112 forbids, 501 for an unsupported transfer
            coding, 505 for another version of HTTP.

    Source: RFC 9112 sections 2.2, 3, 5.1, 6.1 and 6.3: "the recipient MUST treat it as an
    unrecoverable error".
    """
    line = _REQUEST_LINE.match(data)
    if line is None:
        raise MessageError(
            400, "request line: expected METHOD, one space, target, one space, HTTP/1.1"
        )
    method, target, version = line.groups()
    if version not in (b"1.1", b"1.0"):
        raise MessageError(505, "version: expected HTTP/1.1 or HTTP/1.0")
    block = data[line.end() : -2]
    read = _known_fields if len(block) <= _KNOWN_FIELDS_BYTES else _fields_of
    said = read(block, version == b"1.1")
    return Head(method.decode("ascii"), target, version.decode("ascii"), *said, len(data))


def _fields_of(
    block: bytes, modern: bool
) -> tuple[tuple[Field, ...], tuple[Field, ...], int | None, bool, bool]:
    """Parse header lines: a head's members from `fields` to `expects_continue`."""
    if _FIELDS.fullmatch(block) is None:
        raise MessageError(
            400, "header: expected lines of name, colon and value without control characters"
        )
    fields = tuple((name, value.rstrip(b" \t")) for name, value in _FIELD.findall(block))
    headers = tuple((name.lower(), value) for name, value in fields)
    deciding: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if name in _DECIDING:
            deciding.setdefault(name, []).append(value)
    _check_host(deciding.get(b"host", []), modern=modern)
    length = _length_of(deciding, modern=modern)
    connection = b",".join(deciding.get(b"connection", []))
    tokens = {token.strip().lower() for token in connection.split(b",")}
    keep_alive = b"close" not in tokens if modern else b"keep-alive" in tokens
    expects = [value.lower() for value in deciding.get(b"expect", [])]
    return fields, headers, length, keep_alive, modern and expects == [b"100-continue"]


# A client sends the same headers with each request.
_known_fields = lru_cache(maxsize=64)(_fields_of)


def check_start(data: bytearray, searched: int = 0) -> None:
    """Refuse an unfinished head as soon as it cannot become valid.

    Args:
        data: the part of the head that has arrived.
        searched: how many of its bytes were searched before.

    Raises:
        MessageError: 400, if it does not start with a token (TLS, for one) or has a bare LF.
    """
    if data and _TOKEN_START.match(data) is None:
        raise MessageError(
            400, "request line: expected METHOD, one space, target, one space, HTTP/1.1"
        )
    if _BARE_LF.search(data, searched) is not None:
        raise MessageError(400, "line end: expected CRLF, got a bare LF")


def _check_host(hosts: list[bytes], *, modern: bool) -> None:
    if len(hosts) > 1 or (modern and not hosts):
        raise MessageError(400, f"Host: expected one, got {len(hosts)}")
    if hosts and _HOST.fullmatch(hosts[0]) is None:
        raise MessageError(400, "Host: expected a name or an address, and a port")


def _length_of(deciding: dict[bytes, list[bytes]], *, modern: bool) -> int | None:
    lengths = deciding.get(b"content-length", [])
    codings = deciding.get(b"transfer-encoding")
    if codings is not None:
        if lengths or not modern:
            raise MessageError(
                400, "Transfer-Encoding: expected no Content-Length beside it, and HTTP/1.1"
            )
        coding = b",".join(codings).lower().strip(b" \t")
        if coding == b"chunked":
            return None
        if coding.rpartition(b",")[2].strip() == b"chunked" and coding.count(b"chunked") == 1:
            raise MessageError(501, "Transfer-Encoding: expected chunked and nothing else")
        raise MessageError(400, "Transfer-Encoding: expected chunked, once, at the end")
    if not lengths:
        return 0
    if len(lengths) > 1 or _LENGTH.fullmatch(lengths[0]) is None:
        raise MessageError(400, "Content-Length: expected one number of bytes")
    return int(lengths[0])


class SizedBody:
    """A body whose size is its Content-Length."""

    __slots__ = ("_left", "complete")

    def __init__(self, length: int) -> None:
        self._left = length
        self.complete = length == 0

    def take(self, buffer: bytearray) -> bytes:
        """Remove at most the missing bytes from the buffer's front, and return them."""
        content = bytes(buffer) if len(buffer) <= self._left else bytes(buffer[: self._left])
        del buffer[: len(content)]
        self._left -= len(content)
        self.complete = self._left == 0
        return content


class ChunkedBody:
    """A chunked body. States: size, content, end of content, size again; then trailer."""

    __slots__ = ("_at", "_left", "_trailer_bytes", "complete")

    def __init__(self) -> None:
        self._at = "size"
        self._left = 0
        self._trailer_bytes = 0
        self.complete = False

    def take(self, buffer: bytearray) -> bytes:
        """Remove the body's bytes from the buffer's front and decode them; trailers are dropped.

        Raises:
            MessageError: 400, for a size that is not a hexadecimal number, a chunk longer or
                shorter than its size, a bare LF, or more than CHUNK_LINE_BYTES or TRAILER_BYTES.
        """
        content = bytearray()
        while buffer and not self.complete:
            if self._at == "content":
                part = buffer[: self._left]
                del buffer[: self._left]
                content += part
                self._left -= len(part)
                if self._left == 0:
                    self._at = "end"
                continue
            if self._at == "end" and buffer[0] != 0x0D:
                raise MessageError(400, "chunk: expected CRLF after as many bytes as its size")
            line = _line_of(buffer)
            if line is None:
                break
            self._step(line)
        return bytes(content)

    def _step(self, line: bytes) -> None:
        if self._at == "end":
            if line:
                raise MessageError(400, "chunk: expected CRLF after as many bytes as its size")
            self._at = "size"
        elif self._at == "size":
            size = _CHUNK_SIZE.fullmatch(line)
            if size is None or len(line) > CHUNK_LINE_BYTES:
                raise MessageError(400, "chunk: expected its size as a hexadecimal number")
            self._left = int(size[1], 16)
            self._at = "content" if self._left else "trailer"
        elif not line:
            self.complete = True
        else:
            self._trailer_bytes += len(line) + 2
            if self._trailer_bytes > TRAILER_BYTES or _FIELD.fullmatch(line + b"\r\n") is None:
                raise MessageError(
                    400, f"trailer: expected header lines of at most {TRAILER_BYTES} bytes"
                )


def _line_of(buffer: bytearray) -> bytes | None:
    """Remove one line from the buffer's front, without its CRLF; None if it is not complete."""
    end = buffer.find(b"\n")
    if end < 0:
        if len(buffer) > TRAILER_BYTES or buffer.find(b"\r", 0, len(buffer) - 1) >= 0:
            raise MessageError(400, "chunk: expected a line that ends by CRLF")
        return None
    if end == 0 or buffer.find(b"\r") != end - 1:
        raise MessageError(400, "chunk: expected a line that ends by CRLF")
    line = bytes(buffer[: end - 1])
    del buffer[: end + 1]
    return line


def body_of(head: Head) -> SizedBody | ChunkedBody:
    """Return the reader for a request's body."""
    length = head.length
    if length is None:
        return ChunkedBody()
    return SizedBody(length) if length else _NO_BODY


_NO_BODY = SizedBody(0)
