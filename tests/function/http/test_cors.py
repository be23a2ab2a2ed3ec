"""Pages of other origins: allowed once, by the front or by the application, in every place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from function.doors.http import HttpDoor
from function.http.cors import with_cors
from function.plain.app import PlainHttp
from function.plain.prometheus import PrometheusMetrics
from function.service import Service
from tests.function.conftest import CONTEXT
from tests.function.doors.fronts import FRONTS, Call, headers_of
from tests.function.plain.test_app import asked, scope_of

PAGE = "https://app.example.com"
ORIGINS = ("http://localhost:3000", PAGE)
PREFLIGHT = {
    "origin": PAGE,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


@pytest.mark.parametrize("front", FRONTS)
def test_behind_a_front(app: Any, front: str) -> None:
    """The application answers preflights, and names the page, unless a Function URL does."""
    door = HttpDoor(app, cors_origins=ORIGINS)
    try:

        def answered(method: str, **headers: str) -> tuple[int, list[str] | None]:
            call = Call("/add", method, "a=1&b=2", tuple(headers.items()))
            reply = door.answer(FRONTS[front](call), CONTEXT)
            return reply["statusCode"], headers_of(reply).get("access-control-allow-origin")

        by_us = front != "function-url"
        allowed = [PAGE] if by_us else None
        assert answered("GET", origin=PAGE) == (200, allowed)
        assert answered("GET", origin="https://evil.example") == (200, None)
        assert answered("OPTIONS", **PREFLIGHT) == ((200, allowed) if by_us else (405, None))
    finally:
        door.close()


def test_by_plain_http(app: Any, service: Service) -> None:
    """Preflights are answered, and a page may read errors as well, with every header."""
    door = with_cors(PlainHttp(app, PrometheusMetrics(service)), ORIGINS)
    headers = [(name.encode(), value.encode()) for name, value in PREFLIGHT.items()]
    scope = scope_of("/models/iris/predict", "OPTIONS", headers=headers)
    preflight = asyncio.run(asked(door, scope, [b""]))
    assert (preflight.status, preflight.headers[b"access-control-allow-origin"]) == (
        200,
        b"https://app.example.com",
    )
    assert preflight.headers[b"access-control-allow-headers"] == b"authorization,content-type"
    scope = scope_of(
        method="POST",
        headers=[*headers[:1], (b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
    )
    refused = asyncio.run(asked(door, scope, [b""]))
    assert (refused.status, refused.headers[b"access-control-allow-origin"]) == (400, PAGE.encode())
    assert refused.headers[b"access-control-expose-headers"] == b"*"


def test_off(app: Any) -> None:
    """Without origins nothing stands before the application."""
    assert with_cors(app, ()) is app
