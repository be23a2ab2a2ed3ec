"""The gateway: what is too large or no HTTP is refused in the front's words, over HTTP."""

from __future__ import annotations

import json

import pytest

from infra.local import contract
from infra.local.fronts.front import Failure
from infra.local.http.server import Address
from tests.infra.local.fronts.front_requests import FRONT_NAMES
from tests.infra.local.gateways import Function, got, said, through
from tests.infra.local.http.raw_http import Wire


@pytest.mark.parametrize("front", ["http_api", "http_api_v1", "rest_api", "function_url"])
def test_event_limit(front: str) -> None:
    """An event of Lambda's limit is invoked, one byte more is 413 and is not."""
    function = Function()

    async def scenario(wire: Wire, address: Address) -> None:
        head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
        head += b"Content-Length: %07d\r\n\r\n"
        await got(wire, head % 1 + b"x")
        rest = len(function.requests[0].payload) - 1
        # The event's content-length grows from 1 digit to 7: a REST API has none, 1.0 has two.
        rest += {"rest_api": 0, "http_api_v1": 12}.get(front, 6)
        assert contract.SYNC_REQUEST_LIMIT_BYTES == 6_291_456
        size = contract.SYNC_REQUEST_LIMIT_BYTES - rest
        assert (await got(wire, head % size + b"x" * size))[0] == 201
        assert len(function.requests[1].payload) == contract.SYNC_REQUEST_LIMIT_BYTES
        assert (await got(wire, head % (size + 1) + b"x" * (size + 1)))[0] == 413
        assert len(function.requests) == 2

    through(function, scenario, front)


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("http_api", {"message": "Request Entity Too Large"}),
        ("rest_api", {"message": "HTTP content length exceeded 10485760 bytes."}),
        ("function_url", {"Message": "Request Entity Too Large"}),
    ],
)
def test_body_limit(front: str, message: dict[str, str]) -> None:
    """A body far too large is refused in the front's words before it has all come."""

    async def scenario(wire: Wire, address: Address) -> None:
        head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99000000\r\n\r\n"
        status, body = await got(wire, head)
        assert (status, json.loads(body)) == (413, message | {"hint": contract.TOO_LARGE_HINT})

    through(Function(), scenario, front)


@pytest.mark.parametrize(
    ("front", "size", "status"),
    [
        ("http_api", 200_000, 431),
        ("alb", 200_000, 400),
    ],
)
def test_head_limit(front: str, size: int, status: int) -> None:
    """A head too large for the server is refused in the front's words."""

    async def scenario(wire: Wire, address: Address) -> None:
        filler = b"A: " + b"x" * 95 + b"\r\n"
        head = b"GET / HTTP/1.1\r\nHost: h\r\n" + filler * (size // 100 + 1) + b"\r\n"
        assert await got(wire, head) == (status, said(front, Failure.HEAD_TOO_LARGE))

    through(Function(), scenario, front)


@pytest.mark.parametrize("front", FRONT_NAMES)
def test_bad_request(front: str) -> None:
    """What is no HTTP is refused in the front's words, and so is a target without a path."""

    async def scenario(wire: Wire, address: Address) -> None:
        assert await got(wire, b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n") == (
            400,
            said(front, Failure.BAD_REQUEST),
        )
        assert await got(wire, b"GET / HTTP/1.1\r\n\r\n") == (400, said(front, Failure.BAD_REQUEST))

    through(Function(), scenario, front)
