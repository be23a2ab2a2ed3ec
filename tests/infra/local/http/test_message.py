"""HTTP/1.1 messages: what is read, and what is refused."""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.local.http.message import (
    CHUNK_LINE_BYTES,
    TRAILER_BYTES,
    ChunkedBody,
    Head,
    MessageError,
    SizedBody,
    body_of,
    check_start,
    head_of,
)

HOST = b"Host: x\r\n"


def head(*lines: bytes, start: bytes = b"POST /p HTTP/1.1") -> bytes:
    """Write a head with a Host."""
    return b"\r\n".join((start, b"Host: x", *lines, b"", b""))


def refused(data: bytes) -> tuple[int, str]:
    """Read a head that must be refused."""
    with pytest.raises(MessageError) as caught:
        head_of(data)
    return caught.value.status, caught.value.reason


LINE = "request line: expected METHOD, one space, target, one space, HTTP/1.1"
HEADER = "header: expected lines of name, colon and value without control characters"
CODING = "Transfer-Encoding: expected no Content-Length beside it, and HTTP/1.1"
LAST = "Transfer-Encoding: expected chunked, once, at the end"
LENGTH = "Content-Length: expected one number of bytes"
ONE_HOST = "Host: expected one, got {}"

REFUSED = {
    "no version (HTTP/0.9)": (b"GET /\r\n\r\n", 400, LINE),
    "two spaces": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400, LINE),
    "a tab": (b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n", 400, LINE),
    "a space in the target": (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400, LINE),
    "raw UTF-8 in the target": (b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n", 400, LINE),
    "a control in the target": (b"GET /\x01 HTTP/1.1\r\n" + HOST + b"\r\n", 400, LINE),
    "a fragment": (b"GET /#f HTTP/1.1\r\n" + HOST + b"\r\n", 400, LINE),
    "authority form (CONNECT)": (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 400, LINE),
    "a target without a slash": (b"GET a HTTP/1.1\r\n" + HOST + b"\r\n", 400, LINE),
    "a star with more": (b"OPTIONS *x HTTP/1.1\r\n" + HOST + b"\r\n", 400, LINE),
    "a method that is no token": (b"G(T / HTTP/1.1\r\n" + HOST + b"\r\n", 400, LINE),
    "lower-case http": (b"GET / http/1.1\r\n" + HOST + b"\r\n", 400, LINE),
    "bare LF after the line": (b"GET / HTTP/1.1\n" + HOST + b"\r\n", 400, LINE),
    "HTTP/2.0": (
        b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
        505,
        "version: expected HTTP/1.1 or HTTP/1.0",
    ),
    "HTTP/1.2": (
        b"GET / HTTP/1.2\r\n" + HOST + b"\r\n",
        505,
        "version: expected HTTP/1.1 or HTTP/1.0",
    ),
    "obs-fold": (head(b"A: b", b" c"), 400, HEADER),
    "obs-fold first": (b"GET / HTTP/1.1\r\n A: b\r\n" + HOST + b"\r\n", 400, HEADER),
    "blank before the colon": (head(b"A : b"), 400, HEADER),
    "no colon": (head(b"A"), 400, HEADER),
    "no name": (head(b": b"), 400, HEADER),
    "a name that is no token": (head(b"A(: b"), 400, HEADER),
    "UTF-8 in a name": (head(b"\xc3\xa9: b"), 400, HEADER),
    "NUL in a value": (head(b"A: a\0b"), 400, HEADER),
    "bare CR in a value": (head(b"A: a\rB: c"), 400, HEADER),
    "bare LF in a value": (head(b"A: a\nB: c"), 400, HEADER),
    "vertical tab before chunked": (head(b"Transfer-Encoding: \x0bchunked"), 400, HEADER),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400, ONE_HOST.format(0)),
    "two Hosts": (head(b"Host: y"), 400, ONE_HOST.format(2)),
    "two equal Hosts": (head(b"host: x"), 400, ONE_HOST.format(2)),
    "two Hosts in HTTP/1.0": (
        head(b"Host: y", start=b"GET / HTTP/1.0"),
        400,
        ONE_HOST.format(2),
    ),
    "a Host with a path": (
        b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n",
        400,
        "Host: expected a name or an address, and a port",
    ),
    "CL and TE": (head(b"Content-Length: 3", b"Transfer-Encoding: chunked"), 400, CODING),
    "TE and CL": (head(b"Transfer-Encoding: chunked", b"Content-Length: 3"), 400, CODING),
    "TE in HTTP/1.0": (
        head(b"Transfer-Encoding: chunked", start=b"POST / HTTP/1.0"),
        400,
        CODING,
    ),
    "TE xchunked": (head(b"Transfer-Encoding: xchunked"), 400, LAST),
    "TE chunked, gzip": (head(b"Transfer-Encoding: chunked, gzip"), 400, LAST),
    "TE chunked twice": (head(b"Transfer-Encoding: chunked, chunked"), 400, LAST),
    "TE twice": (
        head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
        400,
        LAST,
    ),
    "TE identity": (head(b"Transfer-Encoding: identity"), 400, LAST),
    "TE empty": (head(b"Transfer-Encoding:"), 400, LAST),
    "TE gzip, chunked": (
        head(b"Transfer-Encoding: gzip, chunked"),
        501,
        "Transfer-Encoding: expected chunked and nothing else",
    ),
    "two CL": (head(b"Content-Length: 3", b"Content-Length: 4"), 400, LENGTH),
    "two equal CL": (head(b"Content-Length: 3", b"Content-Length: 3"), 400, LENGTH),
    "a list of CL": (head(b"Content-Length: 3, 3"), 400, LENGTH),
    "CL with a sign": (head(b"Content-Length: +3"), 400, LENGTH),
    "negative CL": (head(b"Content-Length: -3"), 400, LENGTH),
    "hexadecimal CL": (head(b"Content-Length: 0x3"), 400, LENGTH),
    "CL with a blank inside": (head(b"Content-Length: 1 0"), 400, LENGTH),
    "Unicode digits in CL": (head("Content-Length: ٣".encode()), 400, LENGTH),
    "empty CL": (head(b"Content-Length:"), 400, LENGTH),
    "endless CL": (head(b"Content-Length: " + b"9" * 30), 400, LENGTH),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """What RFC 9112 forbids, or two readers could understand differently, is refused."""
    data, status, reason = REFUSED[name]
    assert refused(data) == (status, reason)


def test_head() -> None:
    """A head is read whole: names as sent and in lower case, values without blanks around."""
    data = head(b"X-Up:\t a b \t", b"empty:", b"Content-Length: 12 ", b"x-up: \xe9")
    assert head_of(data) == Head(
        method="POST",
        target=b"/p",
        version="1.1",
        fields=(
            (b"Host", b"x"),
            (b"X-Up", b"a b"),
            (b"empty", b""),
            (b"Content-Length", b"12"),
            (b"x-up", b"\xe9"),
        ),
        headers=(
            (b"host", b"x"),
            (b"x-up", b"a b"),
            (b"empty", b""),
            (b"content-length", b"12"),
            (b"x-up", b"\xe9"),
        ),
        length=12,
        keep_alive=True,
        expects_continue=False,
        size=len(data),
    )


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", "", True),
        ("1.1", "close", False),
        ("1.1", "keep-alive, Close", False),
        ("1.0", "", False),
        ("1.0", "Keep-Alive", True),
    ],
)
def test_keep_alive(version: str, connection: str, kept: bool) -> None:
    """HTTP/1.1 keeps the connection unless told not to; HTTP/1.0 the other way round."""
    start = f"GET / HTTP/{version}".encode()
    assert head_of(head(b"Connection: " + connection.encode(), start=start)).keep_alive is kept


@pytest.mark.parametrize(
    ("line", "start", "expected"),
    [
        (b"Expect: 100-Continue", b"POST / HTTP/1.1", True),
        (b"Expect: 100-continue", b"POST / HTTP/1.0", False),
        (b"Expect: 200-ok", b"POST / HTTP/1.1", False),
    ],
)
def test_expect(line: bytes, start: bytes, expected: bool) -> None:
    """Only 100-continue is an expectation, and only in HTTP/1.1."""
    assert head_of(head(line, start=start)).expects_continue is expected


@pytest.mark.parametrize(
    "target",
    [b"/", b"/a%2Fb%zz//c?x=%2B&y", b"//a/b", b'/a|b"<>^`{}\\', b"*", b"http://h:1/a?b"],
)
def test_targets(target: bytes) -> None:
    """A target is kept byte for byte, bad escapes and all."""
    assert head_of(head(start=b"OPTIONS " + target + b" HTTP/1.1")).target == target


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01", b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\r\nA: b\n"]
)
def test_hopeless_start(data: bytes) -> None:
    """Half a head that cannot become a right one is refused at once."""
    with pytest.raises(MessageError):
        check_start(bytearray(data))


def test_hopeful_start() -> None:
    """Half a head that can still become a right one is waited for."""
    check_start(bytearray(b""))
    check_start(bytearray(b"GET / HTTP/1.1\r\nA: b\r"))


def chunks(data: bytes, sizes: int) -> tuple[bytes, bool, bytes]:
    """Feed a chunked body in pieces of one size; give its content,
    whether it ended, and what is left.
    """
    body, buffer, content = ChunkedBody(), bytearray(), b""
    for start in range(0, len(data), sizes):
        buffer += data[start : start + sizes]
        if not body.complete:
            content += body.take(buffer)
    return content, body.complete, bytes(buffer)


GOOD_CHUNKS = {
    "one": (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
    "none": (b"0\r\n\r\n", b""),
    "two, upper-case and padded sizes": (
        b"3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n",
        b"abc0123456789",
    ),
    "extensions": (b'3;a=b;c="d"\r\nabc\r\n0;x\r\n\r\n', b"abc"),
    "trailers": (b"3\r\nabc\r\n0\r\nX-Evil: 1\r\nContent-Length: 9\r\n\r\n", b"abc"),
}


@pytest.mark.parametrize("sizes", [1, 2, 7, 1000])
@pytest.mark.parametrize("name", GOOD_CHUNKS)
def test_chunked(name: str, sizes: int) -> None:
    """A chunked body is the same however it arrives, and ends where it ends."""
    data, content = GOOD_CHUNKS[name]
    assert chunks(data + b"GET /", sizes) == (content, True, b"GET /")


BAD_CHUNKS = {
    "no hexadecimal": b"zz\r\nabc\r\n0\r\n\r\n",
    "0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "negative": b"-3\r\nabc\r\n0\r\n\r\n",
    "too many digits": b"1" + b"0" * 16 + b"\r\nabc",
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "a blank after the size": b"3 \r\nabc\r\n0\r\n\r\n",
    "longer than its size": b"2\r\nabc\r\n0\r\n\r\n",
    "shorter than its size": b"4\r\nabc\r\n0\r\n\r\n",
    "bare LF after the size": b"3\nabc\r\n0\r\n\r\n",
    "bare LF after the content": b"3\r\nabc\n0\r\n\r\n",
    "bare LF in an extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "bare CR in an extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "bare LF at the end": b"0\r\n\n",
    "a long extension": b"3;" + b"a" * CHUNK_LINE_BYTES + b"\r\nabc\r\n0\r\n\r\n",
    "an endless size line": b"0" * (TRAILER_BYTES + 1),
    "a trailer that is no header": b"0\r\nhello\r\n\r\n",
    "endless trailers": b"0\r\n" + b"A: b\r\n" * (TRAILER_BYTES // 6 + 1) + b"\r\n",
}


@pytest.mark.parametrize("sizes", [1, 1000])
@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_bad_chunks(name: str, sizes: int) -> None:
    """A chunk that is not exactly what it says is refused with 400, however it arrives."""
    with pytest.raises(MessageError) as caught:
        chunks(BAD_CHUNKS[name], sizes)
    assert caught.value.status == 400


def test_sized() -> None:
    """A sized body takes its own bytes and leaves the next request's."""
    body, buffer = SizedBody(5), bytearray(b"abc")
    assert (body.take(buffer), body.complete) == (b"abc", False)
    buffer += b"deGET"
    assert (body.take(buffer), body.complete, bytes(buffer)) == (b"de", True, b"GET")


def test_no_body() -> None:
    """A request without a length has no body."""
    assert body_of(head_of(head())).complete


HEADERS = st.lists(
    st.sampled_from(
        [
            b"Host: x",
            b"Content-Length: 3",
            b"Content-Length: 03",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: Chunked",
            b"Transfer-Encoding : chunked",
            b"Connection: close",
            b"A: b",
            b" c",
            b"X\x00: y",
            b"Y: \x7f",
            b"Z:",
        ]
    ),
    max_size=5,
)
STARTS = st.sampled_from(
    [b"GET / HTTP/1.1", b"POST /a?b HTTP/1.1", b"GET / HTTP/1.0", b"GET  / HTTP/1.1", b"PUT /"]
)
BODIES = st.sampled_from([b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"3\nabc\n0\n\n", b"xyz"])
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"])


@settings(max_examples=400, deadline=None)
@given(start=STARTS, lines=HEADERS, body=BODIES, end=ENDS)
@example(
    start=b"POST / HTTP/1.1", lines=[b"Host: x", b"Content-Length: 3"], body=b"abc", end=b"\r\n"
)
def test_agrees_with_h11(start: bytes, lines: list[bytes], body: bytes, end: bytes) -> None:
    """What is accepted here, h11 accepts too and reads alike: nothing is smuggled between us."""
    data = end.join((start, *lines, b"", b""))
    try:
        mine = head_of(data)
        buffer = bytearray(body)
        content = body_of(mine).take(buffer)
    except MessageError:
        return
    other = h11.Connection(h11.SERVER)
    other.receive_data(data + body)
    request = other.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method.decode(), request.target) == (mine.method, mine.target)
    assert list(request.headers) == sorted_like(mine)
    read = b""
    while isinstance(event := other.next_event(), h11.Data):
        read += event.data
    assert read == content


def sorted_like(mine: Head) -> list[tuple[bytes, bytes]]:
    """Return our headers as h11 normalises them: codings in lower case."""
    return [
        (name, value.lower() if name == b"transfer-encoding" else value)
        for name, value in mine.headers
    ]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    """Any bytes are a head or a refusal, never another error."""
    status = 200
    try:
        head_of(data + b"\r\n\r\n")
    except MessageError as error:
        status = error.status
    assert status in (200, 400, 501, 505)
