"""The gateway: fronts, server and invocation together, over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from typing import Any

import pytest

from infra.local.errors import Throttled
from infra.local.fronts.front import Failure
from infra.local.gateway import front_of, gateway_app, request_of
from infra.local.http.server import Address
from infra.local.invocation import InvokeRequest, InvokeResult
from infra.settings.errors import ConfigError
from infra.settings.front import FrontConfig
from tests.infra.local.fronts.front_requests import FRONT_NAMES, MOMENT
from tests.infra.local.gateways import Function, got, ok, said, through
from tests.infra.local.http.raw_http import Wire, connected, run

GET = b"GET /a%2Fb%zz?x=%2B HTTP/1.1\r\nHost: h:1\r\ntEsT: v\r\n\r\n"


@pytest.mark.parametrize("front", FRONT_NAMES)
def test_round_trip(front: str) -> None:
    """A request becomes the front's event with the raw path, and the result its response."""
    function = Function()

    async def scenario(wire: Wire, address: Address) -> None:
        decoded = front in ("http_api", "http_api_v1")
        assert await got(wire, GET) == (201, b"/a/b%zz" if decoded else b"/a%2Fb%zz")
        event = function.events[0]
        headers = event.get("headers") or event["multiValueHeaders"]
        assert ("tEsT" in headers) is (front in ("http_api_v1", "rest_api"))

    through(function, scenario, front)


def test_trace_id() -> None:
    """The invocation has the trace id that the event tells."""
    function = Function()

    async def scenario(wire: Wire, address: Address) -> None:
        await got(wire, GET)
        await got(wire, GET.replace(b"tEsT: v", b"X-Amzn-Trace-Id: Root=1-2-3"))

    through(function, scenario)
    assert [request.trace_id for request in function.requests] == [MOMENT.trace_id, "Root=1-2-3"]


def test_body() -> None:
    """A body arrives whole, sized or chunked, with its bytes untouched."""
    function = Function()
    body = bytes(range(256)) * 1000

    async def scenario(wire: Wire, address: Address) -> None:
        head = b"POST / HTTP/1.1\r\nHost: h\r\n"
        await got(wire, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        chunk = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
        await got(wire, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)

    through(function, scenario)
    for event in function.events:
        assert base64.b64decode(event["body"]) == body
        assert event["headers"]["content-length"] == str(len(body))


@pytest.mark.parametrize(
    ("front", "content_type", "warned"),
    [
        ("rest_api", b"image/png", True),
        ("http_api", b"application/json", True),
        ("http_api", b"image/png", False),
    ],
)
def test_lost_bytes_are_told(
    caplog: pytest.LogCaptureFixture, front: str, content_type: bytes, *, warned: bool
) -> None:
    """Bytes that reach the function as U+FFFD, such as a gzip body, are named in the log."""
    head = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Type: %b\r\nContent-Length: 3\r\n\r\n"

    async def scenario(wire: Wire, address: Address) -> None:
        await got(wire, head % content_type + b"\x1f\x8b\x08")

    through(Function(), scenario, front)
    assert [said.startswith("POST /x: ") for said in caplog.messages] == [True] * warned


@pytest.mark.parametrize(
    ("front", "status"),
    [
        ("http_api", 500),
        ("http_api_v1", 500),
        ("rest_api", 502),
        ("alb", 502),
        ("function_url", 502),
    ],
)
def test_function_error(front: str, status: int) -> None:
    """A function that fails, times out or answers too much is the front's own error."""

    async def invoke(request: InvokeRequest) -> InvokeResult:
        return ok({"errorMessage": "secret", "errorType": "E"}, error="Unhandled")

    async def scenario(wire: Wire, address: Address) -> None:
        assert await got(wire, GET) == (status, said(front, Failure.FUNCTION_ERROR))

    through(invoke, scenario, front)


@pytest.mark.parametrize(
    ("front", "status"),
    [
        ("http_api", 503),
        ("http_api_v1", 503),
        ("rest_api", 500),
        ("alb", 502),
        ("alb_multi", 502),
        ("function_url", 429),
    ],
)
def test_throttled(front: str, status: int) -> None:
    """A throttled function is told as the front tells it: 429 by a Function URL only."""

    async def invoke(request: InvokeRequest) -> InvokeResult:
        raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")

    async def scenario(wire: Wire, address: Address) -> None:
        assert await got(wire, GET) == (status, said(front, Failure.THROTTLED))

    through(invoke, scenario, front)


@pytest.mark.parametrize(
    ("front", "status"), [("http_api", 503), ("http_api_v1", 503), ("rest_api", 504)]
)
def test_timeout(front: str, status: int) -> None:
    """An integration that takes too long is answered for; the invocation goes on to its end."""
    released: list[bool] = []
    ended: list[bool] = []

    async def invoke(request: InvokeRequest) -> InvokeResult:
        while not released:
            await asyncio.sleep(0.005)
        ended.append(True)
        return ok({})

    async def scenario(wire: Wire, address: Address) -> None:
        assert await got(wire, GET) == (status, said(front, Failure.TIMEOUT))
        assert ended == []
        released.append(True)
        while not ended:
            await asyncio.sleep(0.005)

    through(invoke, scenario, front, timeout_s=0.02)


def test_timeouts_of_the_fronts() -> None:
    """API Gateway has its own time-outs; a load balancer and a URL wait for the function's."""
    times = {name: front_of(name).timeout_s for name in FRONT_NAMES}
    assert times == {
        "http_api": 30.0,
        "http_api_v1": 30.0,
        "rest_api": 29.0,
        "alb": None,
        "alb_multi": None,
        "function_url": None,
    }


def test_bad_result(caplog: pytest.LogCaptureFixture) -> None:
    """A result that is no response is the front's error to the client, and explained in the log."""

    async def invoke(request: InvokeRequest) -> InvokeResult:
        return ok({"statusCode": "test"})

    async def scenario(wire: Wire, address: Address) -> None:
        assert await got(wire, GET) == (502, b'{"message":"Internal server error"}')

    with caplog.at_level(logging.WARNING):
        through(invoke, scenario, "rest_api")
    assert caplog.messages == [
        "rest_api: the function's result is not a response: "
        "statusCode: expected a number from 200 to 599, got 'test'"
    ]


def test_bad_base64() -> None:
    """A REST API that cannot decode a body answers 500, where other faults are 502."""

    async def invoke(request: InvokeRequest) -> InvokeResult:
        return ok({"statusCode": 200, "body": "!", "isBase64Encoded": True})

    async def scenario(wire: Wire, address: Address) -> None:
        assert (await got(wire, GET.replace(b"tEsT: v", b"Accept: a/b")))[0] == 500

    through(invoke, scenario, "rest_api", binary_media_types=["*/*"])


def test_defect_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    """An error of the emulator itself is a 500 and a traceback in the log, and the server lives."""

    async def invoke(request: InvokeRequest) -> InvokeResult:
        raise ValueError("ours")

    async def scenario(wire: Wire, address: Address) -> None:
        for _ in range(2):
            assert await got(wire, GET) == (500, b"Internal Server Error")

    with caplog.at_level(logging.ERROR):
        through(invoke, scenario)
    assert "ValueError: ours" in caplog.text


@pytest.mark.parametrize("front", FRONT_NAMES)
def test_head_request(front: str) -> None:
    """HEAD gets the headers of GET and no body."""

    async def scenario(wire: Wire, address: Address) -> None:
        await wire.send(b"HEAD /abc HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        data = await wire.rest()
        assert data.startswith(b"HTTP/1.1 201 Created\r\n")
        assert b"\r\ncontent-length: 4\r\n" in data
        assert data.endswith(b"\r\n\r\n")

    through(Function(), scenario, front)


def test_reason() -> None:
    """A load balancer's function words the status line."""

    async def invoke(request: InvokeRequest) -> InvokeResult:
        return ok({"statusCode": 200, "statusDescription": "200 Fine"})

    async def scenario(wire: Wire, address: Address) -> None:
        await wire.send(GET)
        assert (await wire.reader.readline()) == b"HTTP/1.1 200 Fine\r\n"

    through(invoke, scenario, "alb")


def test_client_goes_away() -> None:
    """A client that goes away leaves its invocation running; half a request invokes nothing."""
    ended: list[bool] = []

    async def invoke(request: InvokeRequest) -> InvokeResult:
        await asyncio.sleep(0.05)
        ended.append(True)
        return ok({})

    async def scenario(wire: Wire, address: Address) -> None:
        async with connected(address) as other:
            await other.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
        await wire.send(GET)
        await asyncio.sleep(0.02)
        wire.writer.transport.abort()
        while not ended:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.06)
        assert ended == [True]

    through(invoke, scenario)


def test_burst() -> None:
    """Three hundred requests at once each get the answer to their own."""

    async def invoke(request: InvokeRequest) -> InvokeResult:
        await asyncio.sleep(0)
        return ok({"statusCode": 200, "body": json.loads(request.payload)["rawPath"]})

    async def scenario(wire: Wire, address: Address) -> None:
        async def one(number: int) -> None:
            async with connected(address) as own:
                assert await got(own, b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number) == (
                    200,
                    b"/%d" % number,
                )

        await asyncio.gather(*(one(number) for number in range(300)))

    through(invoke, scenario)


def test_header_bytes() -> None:
    """Header values are UTF-8 where they can be, and Latin-1 where not."""
    function = Function()

    async def scenario(wire: Wire, address: Address) -> None:
        await got(wire, GET.replace(b"tEsT: v", b"a: gr\xc3\xbc\xc3\x9f\r\nb: \xe9"))

    through(function, scenario)
    headers = function.events[0]["headers"]
    assert (headers["a"], headers["b"]) == ("grüß", "é")


def test_other_servers() -> None:
    """The gateway is plain ASGI: without our own server the headers are in lower case."""
    request = request_of(
        {
            "method": "GET",
            "raw_path": b"/a%2Fb",
            "query_string": b"x=%2B",
            "headers": [(b"host", b"h")],
            "http_version": "1.1",
        },
        b"",
    )
    assert (request.raw_path, request.raw_query, request.fields) == (
        "/a%2Fb",
        "x=%2B",
        (("host", "h"),),
    )


def test_lifespan() -> None:
    """Only HTTP is spoken."""

    async def never() -> Any:
        raise AssertionError

    async def sent(message: Any) -> None:
        raise AssertionError

    async def main() -> None:
        app = gateway_app(Function(), FrontConfig())
        with pytest.raises(ValueError, match="expected an http scope, got lifespan"):
            await app({"type": "lifespan"}, never, sent)

    run(main())


def test_unknown_front() -> None:
    """A front that does not exist is named beside those that do."""
    with pytest.raises(ConfigError) as caught:
        gateway_app(Function(), FrontConfig(), "nginx")
    assert str(caught.value) == (
        "front: expected one of http_api, http_api_v1, rest_api, alb, alb_multi, function_url, "
        "got 'nginx'"
    )
