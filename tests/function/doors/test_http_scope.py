"""The guard: what a front sends becomes a clean scope, or is refused with a reason."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from mangum.types import LambdaConfig

from function.doors.http import MAX_HEAD_CHARS, MAX_HEAD_ITEMS, HttpExchange
from function.doors.sources import Source, source_of
from function.errors import MalformedError
from tests.function.conftest import CONTEXT
from tests.function.doors.fronts import (
    FRONTS,
    Call,
    Event,
    alb,
    alb_multi,
    function_url,
    http_api_v1,
    http_api_v2,
    rest_api,
)

Build = Callable[[Call], Event]
every_front = pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)


def exchange(event: Event, base_path: str = "") -> HttpExchange:
    """Take an event as Mangum hands it to the handler."""
    config = LambdaConfig(
        api_gateway_base_path=base_path or "/", text_mime_types=[], exclude_headers=[]
    )
    return HttpExchange(event, CONTEXT, config)


def refusal(event: Event) -> str:
    """Name the reason for which an event is refused."""
    one = exchange(event)
    with pytest.raises(MalformedError) as caught:
        _ = (one.scope, one.body)
    return str(caught.value)


def paths(event: Event, base_path: str = "") -> tuple[str, str]:
    """Return the prefix and the path below it."""
    scope = exchange(event, base_path).scope
    root_path: str = scope["root_path"]
    assert scope["path"].startswith(root_path)
    return root_path, scope["path"].removeprefix(root_path)


def headers(event: Event) -> dict[str, str]:
    """Return the headers, each of which stands there once, in lower case."""
    pairs = exchange(event).scope["headers"]
    found = {name.decode(): value.decode() for name, value in pairs}
    assert len(found) == len(pairs)
    return found


@every_front
def test_m2_paths_are_decoded_once(build: Build) -> None:
    """M2: a space in the path arrives as one space, and a plus as a plus."""
    assert paths(build(Call("/capture/space value+plus"))) == (
        {"rest-api": "/live"}.get(source_of(build(Call("/"))).value, ""),
        "/capture/space value+plus",
    )


@every_front
def test_m2_doubly_encoded_paths_are_refused(build: Build) -> None:
    """M2: what still has a percent sign after one decoding is refused, by every front."""
    assert refusal(build(Call("/models/..%2fsecret"))) == TWICE


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (http_api_v2(Call("/docs", stage="prod")), ("/prod", "/docs")),
        (http_api_v1(Call("/docs", stage="prod")), ("/prod", "/docs")),
        (rest_api(Call("/docs", stage="prod")), ("/prod", "/docs")),
        (http_api_v2(Call("", stage="prod")), ("/prod", "/")),
        (rest_api(Call("/", stage="prod")), ("/prod", "/")),
        (http_api_v2(Call("/docs")), ("", "/docs")),
        (function_url(Call("/docs")), ("", "/docs")),
        (alb(Call("/docs")), ("", "/docs")),
        (http_api_v2(Call("")), ("", "/")),
        (http_api_v2(Call("add")), ("", "/add")),
    ],
    ids=lambda value: source_of(value).value if isinstance(value, dict) else str(value),
)
def test_stages(event: Event, expected: tuple[str, str]) -> None:
    """The stage is taken off the path where the front puts it there."""
    assert paths(event) == expected


@pytest.mark.parametrize(
    ("path", "whole", "expected"),
    [
        ("/", "/prod", ("/prod", "/")),
        ("/docs", "/prod//docs", ("/prod", "/docs")),  # it stays in one path, and not in the other
        ("/docs", "/elsewhere", ("", "/docs")),  # a custom domain
    ],
)
def test_rest_stages(path: str, whole: str, expected: tuple[str, str]) -> None:
    """A REST API's stage is what the whole path has before the path, if they fit together."""
    event = rest_api(Call(path))
    event["requestContext"]["path"] = whole
    assert paths(event) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/add", ("/api", "/add")),
        ("/api", ("/api", "/")),
        ("/api/", ("/api", "/")),
        ("/apiary", ("", "/apiary")),
        ("/add", ("", "/add")),
        ("/API/add", ("", "/API/add")),
    ],
)
def test_m3_base_path_ends_at_a_slash(path: str, expected: tuple[str, str]) -> None:
    """M3: the base path is cut off at a segment's border: /api does not eat /apiary."""
    assert paths(alb(Call(path)), base_path="/api") == expected


def test_base_path_and_stage() -> None:
    """The base path comes first, then the stage."""
    event = http_api_v2(Call("/add", stage="prod")) | {"rawPath": "/ml/prod/add"}
    assert paths(event, base_path="/ml") == ("/ml/prod", "/add")


STRANGE_PREFIX = "requestContext: expected a stage of letters and digits, got something else"
TWICE = "path: expected a path without % once it is decoded, got one with it"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        *((http_api_v1(Call("/", stage=one)), STRANGE_PREFIX) for one in ('"><a>', "a b", "é")),
        (http_api_v1(Call("/docs", stage="a%2f")), TWICE),
        (rest_api(Call("/docs", stage="/evil.example")), STRANGE_PREFIX),
    ],
)
def test_strange_prefixes_are_refused(event: Event, reason: str) -> None:
    """A prefix stands in the pages' links: no strange letters, and no other host."""
    assert refusal(event) == reason


HOST = "host: expected one host name, with a port or without, got something else"
PORT = "x-forwarded-port: expected one port number, got something else"
HOSTS = ["[::1]:3000", "h:abc", "a:80:90", "", "a b", "a:80, b:90", "é.example", "h:123456"]
PORTS = ["abc", "", "-1", "80, 443", "٣", "123456"]


@every_front
@pytest.mark.parametrize(
    ("reason", "value"), [*((HOST, one) for one in HOSTS), *((PORT, one) for one in PORTS)]
)
def test_m4_bad_addresses(build: Build, reason: str, value: str) -> None:
    """M4: a Host or an X-Forwarded-Port that is none is refused."""
    event, name = build(Call("/healthz")), reason.partition(":")[0]
    for key, wrapped in (("headers", value), ("multiValueHeaders", [value])):
        if key in event:
            kept = {one: other for one, other in event[key].items() if one.lower() != name}
            event[key] = kept | {name: wrapped}
    assert refusal(event) == reason


@pytest.mark.parametrize("build", [rest_api, http_api_v1, alb_multi])
@pytest.mark.parametrize("name", ["host", "x-forwarded-port"])
def test_m4_none_of_them(build: Build, name: str) -> None:
    """M4: an empty list of them is as none."""
    event = build(Call("/healthz")) | {"multiValueHeaders": {name: []}}
    assert name not in headers(event)


@pytest.mark.parametrize("build", [rest_api, http_api_v1, alb_multi])
@pytest.mark.parametrize(("values", "reason"), [(["80", "443"], PORT), (["a", "b"], HOST)])
def test_m4_two_of_them(build: Build, values: list[str], reason: str) -> None:
    """M4: two hosts or ports, each well formed, are refused: joined they are neither."""
    event = build(Call("/healthz")) | {"multiValueHeaders": {reason.partition(":")[0]: values}}
    assert refusal(event) == reason


@every_front
@pytest.mark.parametrize("body", ["e30", "e30=!", "!!!!", "e3\n0=", "é", "=", "e30=="])
def test_m5_base64_is_decoded_strictly(build: Build, body: str) -> None:
    """M5: a body that is not the base64 it is said to be is refused, not read as nothing."""
    event = build(Call("/healthz")) | {"body": body, "isBase64Encoded": True}
    assert refusal(event) == ("body: expected base64, as isBase64Encoded says, got something else")


@pytest.mark.parametrize(
    ("body", "encoded", "expected"),
    [
        (None, None, b""),
        (None, True, b""),
        ("", True, b""),
        ("é", False, "é".encode()),
        ("e30=", None, b"e30="),
        (b64encode(bytes(range(256))).decode(), True, bytes(range(256))),
    ],
)
def test_bodies(body: str | None, encoded: bool | None, expected: bytes) -> None:
    """A body arrives as the bytes that the client sent."""
    event = http_api_v2(Call("/healthz")) | {"body": body, "isBase64Encoded": encoded}
    assert exchange(event).body == expected


NULLABLE = """headers multiValueHeaders cookies body isBase64Encoded rawQueryString
queryStringParameters multiValueQueryStringParameters"""


@every_front
def test_m6_null_headers(build: Build) -> None:
    """M6: null in place of headers, query or cookies is as good as none."""
    event = build(Call("/healthz"))
    nulls = dict.fromkeys(NULLABLE.split())
    assert headers(event | nulls) in ({}, {"accept-encoding": "identity"})


@pytest.mark.parametrize("build", [http_api_v2, function_url, http_api_v1, rest_api, alb_multi])
def test_m7_two_cookies(build: Build) -> None:
    """M7: two cookies are joined as a browser would send them; other headers by commas."""
    sent = (("cookie", "a=1"), ("cookie", "b=2"), ("x-a", "1"), ("x-a", "2"))
    found = headers(build(Call("/", headers=sent)))
    assert (found["cookie"], found["x-a"].replace(" ", "")) == ("a=1; b=2", "1,2")


def test_m7_cookies_of_a_function_url() -> None:
    """M7: a Function URL sends them as a header, too: once is enough."""
    event = function_url(Call("/")) | {"cookies": ["a=1", "b=2"]}
    event["headers"]["cookie"] = "a=1; b=2"
    assert headers(event)["cookie"] == "a=1; b=2"


@pytest.mark.parametrize("build", [alb, alb_multi, http_api_v1, rest_api])
def test_m18_queries_are_encoded_once(build: Build) -> None:
    """M18: a load balancer sends the query as it came, a gateway decoded; both arrive encoded."""
    scope = exchange(build(Call("/add", query="a=1%2B1&b=%26&c="))).scope
    assert scope["query_string"] == b"a=1%2B1&b=%26&c="


def test_repeats_in_a_query_stay() -> None:
    """A parameter that stands twice arrives twice."""
    assert exchange(rest_api(Call("/", query="a=1&a=2"))).scope["query_string"] == b"a=1&a=2"


def test_the_whole_scope() -> None:
    """The scope is ASGI's, with Mangum's two keys for whoever needs the event itself (M19)."""
    event = http_api_v2(Call("/a b", "get", query="a=1", stage="prod"))
    assert exchange(event).scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "server": ("api.example.com", 443),
        "client": ("203.0.113.7", 0),
        "root_path": "/prod",
        "path": "/prod/a b",
        "raw_path": None,
        "query_string": b"a=1",
        "headers": [
            (b"host", b"api.example.com"),
            (b"x-forwarded-for", b"203.0.113.7"),
            (b"x-forwarded-port", b"443"),
            (b"x-forwarded-proto", b"https"),
        ],
        "aws.event": event,
        "aws.context": CONTEXT,
        "aws.source": Source.HTTP_API_V2,
    }


@every_front
def test_source_address(build: Build) -> None:
    """The client's address is handed on by every front; what is no address is none."""
    event = build(Call("/"))
    assert exchange(event).scope["client"] == ("203.0.113.7", 0)
    if "identity" in event["requestContext"]:
        for identity in ({"sourceIp": "é"}, {}, None):
            event["requestContext"]["identity"] = identity
            assert exchange(event).scope["client"] == ("", 0)


def test_compression_is_not_offered_where_it_breaks() -> None:
    """A REST API may show base64 to the client; a load balancer needs small answers."""
    call = Call("/docs", headers=(("accept-encoding", "gzip"),))
    offered = [headers(build(call)).get("accept-encoding") for build in FRONTS.values()]
    assert offered == ["gzip", "identity", "identity", "gzip", None, None]


MANY = {f"h{n}": "1" for n in range(MAX_HEAD_ITEMS + 1)}
LONG = "a" * (MAX_HEAD_CHARS + 1)
TOO_LONG = f"expected at most {MAX_HEAD_CHARS} characters, got more"
TOO_MANY = f"expected at most {MAX_HEAD_ITEMS} of them, got more"
LISTS = {name: [value] for name, value in MANY.items()}
SURROGATE = "expected a text in UTF-8, got a lone surrogate"
NO_OBJECT = "expected an object, got a string"


@pytest.mark.parametrize(
    ("build", "change", "reason"),
    [
        (http_api_v2, {"rawPath": LONG}, f"rawPath: {TOO_LONG}"),
        (http_api_v2, {"rawQueryString": LONG}, f"rawQueryString: {TOO_LONG}"),
        (http_api_v2, {"headers": {"a": LONG}}, f"headers: {TOO_LONG}"),
        (http_api_v2, {"headers": {LONG: "a"}}, f"headers: {TOO_LONG}"),
        (http_api_v2, {"headers": MANY}, f"headers: {TOO_MANY}"),
        (http_api_v2, {"cookies": list(MANY)}, f"cookies: {TOO_MANY}"),
        (http_api_v2, {"cookies": [LONG]}, f"cookies: {TOO_LONG}"),
        (alb, {"queryStringParameters": MANY}, f"queryStringParameters: {TOO_MANY}"),
        (alb, {"queryStringParameters": {"a": LONG}}, f"query: {TOO_LONG}"),
        (alb_multi, {"multiValueHeaders": LISTS}, f"multiValueHeaders: {TOO_MANY}"),
        (alb_multi, {"multiValueHeaders": {"a": list(MANY)}}, f"headers: {TOO_MANY}"),
        (alb_multi, {"multiValueQueryStringParameters": {"a": list(MANY)}}, f"query: {TOO_MANY}"),
        (alb, {"path": LONG}, f"path: {TOO_LONG}"),
        (alb, {"httpMethod": None}, "method: expected an HTTP method, got something else"),
        (alb, {"httpMethod": "G\nET"}, "method: expected an HTTP method, got something else"),
        (alb, {"httpMethod": ["GET"]}, "method: expected an HTTP method, got something else"),
        (alb, {"path": 7}, "path: expected a text, got a number"),
        (alb, {"body": {}}, "body: expected a text, got an object"),
        (alb, {"body": "\ud800"}, f"body: {SURROGATE}"),
        (alb, {"headers": []}, "headers: expected an object, got a list"),
        (alb, {"headers": {"a": 7}}, "headers: expected a text, got a number"),
        (alb, {"headers": {"\ud800": ""}}, f"headers: {SURROGATE}"),
        (alb, {"multiValueHeaders": {"a": "b"}}, "headers: expected lists of texts, got a string"),
        (alb, {"multiValueHeaders": {"a": [None, {}]}}, "headers: expected a text, got an object"),
        (alb, {"queryStringParameters": "a"}, f"queryStringParameters: {NO_OBJECT}"),
        (alb, {"isBase64Encoded": "no"}, "isBase64Encoded: expected true or false, got a string"),
        (http_api_v2, {"cookies": "a=1"}, "cookies: expected a list of texts, got a string"),
        (http_api_v2, {"cookies": [1]}, "cookies: expected a text, got a number"),
        (http_api_v2, {"rawPath": ["/"]}, "rawPath: expected a text, got a list"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_refused_parts(build: Build, change: dict[str, Any], reason: str) -> None:
    """A part of another kind than a front sends, or larger than any lets through, is named."""
    assert refusal(build(Call("/healthz")) | change) == reason


def test_the_largest_head() -> None:
    """A head at the limits is let through."""
    most = {f"h{n}": "1" for n in range(MAX_HEAD_ITEMS)}
    assert len(headers(http_api_v2(Call("/")) | {"headers": most})) == MAX_HEAD_ITEMS
    event = http_api_v2(Call("/")) | {"rawQueryString": LONG[1:]}
    assert len(exchange(event).scope["query_string"]) == MAX_HEAD_CHARS


def test_malformed_stage() -> None:
    """A stage that is no text is refused."""
    event = http_api_v2(Call("/"))
    event["requestContext"]["stage"] = 7
    assert refusal(event) == "requestContext.stage: expected a text, got a number"


def test_invalid_escapes_in_a_raw_path() -> None:
    """An invalid escape, which a Function URL leaves alone, still has its percent sign."""
    event = function_url(Call("/")) | {"rawPath": "/pa2%Fth/1"}
    assert source_of(event) is Source.FUNCTION_URL
    assert refusal(event) == TWICE
