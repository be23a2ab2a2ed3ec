"""The guard before Mangum: what a front sends is cleaned, or refused with a reason."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from function.doors.http_events import MAX_HEAD_CHARS, MAX_HEAD_ITEMS, ROOT_PATH, clean_event
from function.doors.sources import Source, source_of
from function.errors import MalformedError
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


def clean(event: Event, base_path: str = "") -> Event:
    """Clean an event whose source is told by its shape."""
    return clean_event(event, source_of(event), base_path=base_path)


def refusal(event: Event) -> str:
    """Name the reason for which an event is refused."""
    with pytest.raises(MalformedError) as caught:
        clean(event)
    return str(caught.value)


def paths(event: Event, base_path: str = "") -> tuple[str, str]:
    """Clean an event and take the prefix and the quoted path."""
    cleaned = clean(event, base_path)
    if "http" in cleaned["requestContext"]:
        return cleaned[ROOT_PATH], cleaned["requestContext"]["http"]["path"]
    return cleaned[ROOT_PATH], cleaned["path"]


@pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)
def test_m2_paths_are_decoded_once(build: Callable[[Call], Event]) -> None:
    """M2: a space in the path arrives as one space, though Mangum decodes once more."""
    assert paths(build(Call("/capture/space value+plus"))) == (
        {"rest-api": "/live"}.get(source_of(build(Call("/"))).value, ""),
        "/capture/space%20value%2Bplus",
    )


@pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)
def test_m2_doubly_encoded_paths_are_refused(build: Callable[[Call], Event]) -> None:
    """M2: what still has a percent sign after one decoding is refused, by every front."""
    assert refusal(build(Call("/models/..%2fsecret"))) == (
        "path: expected a path without % once it is decoded, got one with it"
    )


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
    ],
    ids=lambda value: source_of(value).value if isinstance(value, dict) else str(value),
)
def test_stages(event: Event, expected: tuple[str, str]) -> None:
    """The stage is taken off the path where the front puts it there."""
    assert paths(event) == expected


def test_rest_stage_without_a_slash() -> None:
    """A REST API's root without a slash at its end is the root all the same."""
    event = rest_api(Call("/", stage="prod"))
    event["requestContext"]["path"] = "/prod"
    assert paths(event) == ("/prod", "/")


def test_rest_double_slash_after_the_stage() -> None:
    """A doubled slash that stays in one path and collapses in the other spoils nothing."""
    event = rest_api(Call("/docs", stage="prod"))
    event["requestContext"]["path"] = "/prod//docs"
    assert paths(event) == ("/prod", "/docs")


def test_rest_custom_domain() -> None:
    """Paths of a REST API that do not fit together leave the path as it is."""
    event = rest_api(Call("/docs", stage="prod"))
    event["requestContext"]["path"] = "/elsewhere"
    assert paths(event) == ("", "/docs")


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
    event = http_api_v2(Call("/prod/add"))
    event["requestContext"]["stage"] = "prod"
    event["rawPath"] = "/ml/prod/add"
    assert paths(event, base_path="/ml") == ("/ml/prod", "/add")


@pytest.mark.parametrize("stage", ['"><script>', "a b", "é", "a%2f"])
def test_prefixes_of_strange_letters_are_refused(stage: str) -> None:
    """A prefix stands in the pages, so only the letters that stages have are let in."""
    event = http_api_v1(Call("/docs", stage=stage))
    assert refusal(event) in (
        "requestContext: expected a stage of letters and digits, got something else",
        "path: expected a path without % once it is decoded, got one with it",
    )


def test_prefix_of_another_host_is_refused() -> None:
    """A prefix that would send the pages' links to another host is refused."""
    event = rest_api(Call("/docs"))
    event["requestContext"]["path"] = "//evil.example/docs"
    assert refusal(event) == (
        "requestContext: expected a stage of letters and digits, got something else"
    )


BAD_HOSTS = ["[::1]:3000", "h:abc", "a:80:90", "", "a b", "a:80, b:90", "é.example", "h:123456"]


@pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)
@pytest.mark.parametrize("host", BAD_HOSTS)
def test_m4_bad_host(build: Callable[[Call], Event], host: str) -> None:
    """M4: a Host that Mangum would stumble over is refused."""
    event = build(Call("/healthz"))
    _set_header(event, "host", host)
    assert refusal(event) == (
        "host: expected one host name, with a port or without, got something else"
    )


@pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)
@pytest.mark.parametrize("port", ["abc", "", "-1", "80, 443", "٣", "123456"])
def test_m4_bad_port(build: Callable[[Call], Event], port: str) -> None:
    """M4: an X-Forwarded-Port that is no number is refused."""
    event = build(Call("/healthz"))
    _set_header(event, "x-forwarded-port", port)
    assert refusal(event) == "x-forwarded-port: expected one port number, got something else"


@pytest.mark.parametrize("build", [rest_api, http_api_v1, alb_multi])
@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("x-forwarded-port", ["80", "443"], "one port number"),
        ("host", ["a", "b"], "one host name, with a port or without"),
    ],
)
def test_m4_two_of_them(
    build: Callable[[Call], Event], name: str, values: list[str], reason: str
) -> None:
    """M4: two hosts or ports, each well formed, are refused: joined they are neither."""
    event = build(Call("/healthz"))
    event["multiValueHeaders"] = {name: values}
    assert refusal(event) == f"{name}: expected {reason}, got something else"


def _set_header(event: Event, name: str, value: str) -> None:
    for key, wrapped in (("headers", value), ("multiValueHeaders", [value])):
        if key in event:
            event[key] = {
                **{one: other for one, other in event[key].items() if one.lower() != name},
                name: wrapped,
            }


@pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)
@pytest.mark.parametrize("body", ["e30", "e30=!", "!!!!", "e3\n0=", "é", "=", "e30=="])
def test_m5_base64_is_decoded_strictly(build: Callable[[Call], Event], body: str) -> None:
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
    cleaned = clean(event)
    assert (cleaned["body"], cleaned["isBase64Encoded"]) == (expected, False)


@pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)
def test_m6_null_headers(build: Callable[[Call], Event]) -> None:
    """M6: null in place of headers, query or cookies is as good as none."""
    event = build(Call("/healthz"))
    nulls = dict.fromkeys(
        (
            "headers",
            "multiValueHeaders",
            "queryStringParameters",
            "cookies",
            "body",
            "multiValueQueryStringParameters",
            "rawQueryString",
            "isBase64Encoded",
        )
    )
    cleaned = clean(event | nulls)
    assert cleaned["headers"] in ({}, {"accept-encoding": "identity"})


def test_m7_two_cookie_headers() -> None:
    """M7: two Cookie headers are joined as a browser would send them in one."""
    call = Call("/healthz", headers=(("cookie", "a=1"), ("cookie", "b=2")))
    assert clean(rest_api(call))["headers"]["cookie"] == "a=1; b=2"
    assert clean(http_api_v1(call))["headers"]["cookie"] == "a=1; b=2"
    assert clean(alb_multi(call))["multiValueHeaders"]["cookie"] == ["a=1; b=2"]


@pytest.mark.parametrize("build", [http_api_v2, function_url])
def test_m7_cookies_of_version_2(build: Callable[[Call], Event]) -> None:
    """M7: the list of cookies of a 2.0 event becomes one header."""
    event = build(Call("/healthz", headers=(("cookie", "a=1"), ("cookie", "b=2"))))
    assert clean(event)["headers"]["cookie"] == "a=1; b=2"


def test_m18_a_load_balancers_query_stays_raw() -> None:
    """M18: a load balancer's query is handed on as it came, since Mangum decodes it."""
    cleaned = clean(alb_multi(Call("/add", query="a=1%2B1&b=%31&b=2")))
    assert cleaned["multiValueQueryStringParameters"] == {"a": ["1%2B1"], "b": ["%31", "2"]}


def test_methods_in_lower_case() -> None:
    """A method is handed on in upper case."""
    assert clean(alb(Call("/", "get")))["httpMethod"] == "GET"


def test_source_address() -> None:
    """The client's address is handed on where it is one."""
    cleaned = clean(http_api_v2(Call("/")))
    assert cleaned["requestContext"]["http"]["sourceIp"] == "203.0.113.7"
    cleaned = clean(rest_api(Call("/")))
    assert cleaned["requestContext"]["identity"]["sourceIp"] == "203.0.113.7"
    event = rest_api(Call("/"))
    event["requestContext"]["identity"] = {"sourceIp": "é"}
    assert clean(event)["requestContext"]["identity"]["sourceIp"] == ""
    event["requestContext"]["identity"] = None
    assert clean(event)["requestContext"]["identity"]["sourceIp"] == ""


def test_nothing_else_goes_on() -> None:
    """What nobody asked for does not reach Mangum."""
    event = http_api_v2(Call("/", query="a=1")) | {"stageVariables": {"x": "y"}, "secret": 1}
    assert clean(event) == {
        "version": "2.0",
        ROOT_PATH: "",
        "body": b"",
        "isBase64Encoded": False,
        "headers": {
            "host": "api.example.com",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "rawQueryString": "a=1",
        "requestContext": {"http": {"method": "GET", "path": "/", "sourceIp": "203.0.113.7"}},
    }


def test_compression_is_not_offered_where_it_breaks() -> None:
    """A REST API may show base64 to the client; a load balancer needs small answers."""
    call = Call("/docs", headers=(("accept-encoding", "gzip"),))
    assert clean(rest_api(call))["headers"]["accept-encoding"] == "identity"
    assert clean(http_api_v1(call))["headers"]["accept-encoding"] == "identity"
    assert "accept-encoding" not in clean(alb(call))["headers"]
    assert clean(http_api_v2(call))["headers"]["accept-encoding"] == "gzip"


MANY = {f"h{n}": "1" for n in range(MAX_HEAD_ITEMS + 1)}
LONG = "a" * (MAX_HEAD_CHARS + 1)
TOO_LONG = f"expected at most {MAX_HEAD_CHARS} characters, got more"
TOO_MANY = f"expected at most {MAX_HEAD_ITEMS} of them, got more"
LISTS = {name: [value] for name, value in MANY.items()}


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
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_too_large_a_head(
    build: Callable[[Call], Event], change: dict[str, Any], reason: str
) -> None:
    """A head beyond what any front lets through is refused before time is spent on it."""
    assert refusal(build(Call("/healthz")) | change) == reason


def test_the_largest_head() -> None:
    """A head at the limits is let through."""
    most = {f"h{n}": "1" for n in range(MAX_HEAD_ITEMS)}
    assert len(clean(http_api_v2(Call("/")) | {"headers": most})["headers"]) == MAX_HEAD_ITEMS
    event = http_api_v2(Call("/")) | {"rawQueryString": LONG[1:]}
    assert len(clean(event)["rawQueryString"]) == MAX_HEAD_CHARS


SURROGATE = "expected a text in UTF-8, got a lone surrogate"
NO_OBJECT = "expected an object, got a string"


@pytest.mark.parametrize(
    ("build", "change", "reason"),
    [
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
def test_malformed_parts(
    build: Callable[[Call], Event], change: dict[str, Any], reason: str
) -> None:
    """A part of another kind than a front sends is refused, and named."""
    assert refusal(build(Call("/healthz")) | change) == reason


def test_malformed_stage() -> None:
    """A stage that is no text is refused."""
    event = http_api_v2(Call("/"))
    event["requestContext"]["stage"] = 7
    assert refusal(event) == "requestContext.stage: expected a text, got a number"


def test_paths_without_a_slash_get_one() -> None:
    """An event's path that begins with no slash is read as if it did."""
    assert paths(http_api_v2(Call("")) | {"rawPath": "add"}) == ("", "/add")


def test_invalid_escapes_in_a_raw_path() -> None:
    """An invalid escape, which a Function URL leaves alone, still has its percent sign."""
    event = function_url(Call("/")) | {"rawPath": "/pa2%Fth/1"}
    assert source_of(event) is Source.FUNCTION_URL
    assert refusal(event) == "path: expected a path without % once it is decoded, got one with it"
