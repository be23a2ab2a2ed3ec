"""Requests as events: the cells of docs/contract.md 6.5.1 on path, query, headers and body."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from infra.local.fronts.request import Moment
from tests.infra.local.fronts.front_requests import (
    ALBS,
    EVENTS,
    FRONT_NAMES,
    MOMENT,
    V1,
    V2,
    event,
    nasty,
    request,
)


@pytest.mark.parametrize("front", FRONT_NAMES)
def test_nasty_request(front: str) -> None:
    """One request with everything odd in it is the golden event, written from the contract."""
    golden = json.loads((EVENTS / f"nasty_{front}.json").read_text(encoding="utf-8"))
    asked = nasty()
    options: dict[str, object] = {}
    if front == "rest_api":
        asked = replace(asked, raw_path="/live" + asked.raw_path)
        options["stage"] = "live"
    assert event(front, asked, **options) == golden


def test_golden_moment() -> None:
    """The golden events were written for the moment that the request's file tells."""
    told = json.loads((EVENTS / "nasty_request.json").read_text(encoding="utf-8"))
    assert Moment(**told["moment"]) == MOMENT


@pytest.mark.parametrize(
    ("front", "version"),
    [
        ("http_api", "2.0"),
        ("function_url", "2.0"),
        ("http_api_v1", "1.0"),
        ("rest_api", None),
        ("alb", None),
        ("alb_multi", None),
    ],
)
def test_version(front: str, version: str | None) -> None:
    """The payload's version is told by HTTP APIs and Function URLs, and absent elsewhere."""
    assert event(front, request()).get("version") == version


@pytest.mark.parametrize("front", FRONT_NAMES)
def test_method(front: str) -> None:
    """The method is where the payload has it."""
    made = event(front, request("PATCH"))
    if front in V2:
        assert made["requestContext"]["http"]["method"] == "PATCH"
    else:
        assert made["httpMethod"] == "PATCH"
    if front in V1:
        assert made["requestContext"]["httpMethod"] == "PATCH"


PATHS = [
    # raw, decoded
    ("/", "/"),
    ("/a%20b", "/a b"),
    ("/a+b", "/a+b"),
    ("/a%2Bb", "/a+b"),
    ("/a%2Fb", "/a/b"),
    ("/a%252Fb", "/a%2Fb"),
    ("/pa2%Fth/1", "/pa2%Fth/1"),
    ("/%", "/%"),
    ("/%C3%BC", "/ü"),
    ("/%FF", "/�"),
    ("/a//b/", "/a//b/"),
    ("/a/", "/a/"),
    ("//a", "//a"),
]


@pytest.mark.parametrize(("raw", "decoded"), PATHS)
def test_path(raw: str, decoded: str) -> None:
    """Each front decodes a path once or not at all, in each place as recorded."""
    asked = request(target=raw)
    made = {front: event(front, asked) for front in FRONT_NAMES}
    assert made["http_api"]["rawPath"] == decoded
    assert made["http_api"]["requestContext"]["http"]["path"] == decoded
    assert made["function_url"]["rawPath"] == raw
    assert made["function_url"]["requestContext"]["http"]["path"] == decoded
    assert made["http_api_v1"]["path"] == decoded
    assert made["http_api_v1"]["requestContext"]["path"] == decoded
    assert made["rest_api"]["path"] == ("/a" if raw == "//a" else raw)
    assert made["rest_api"]["requestContext"]["path"] == raw
    assert made["alb"]["path"] == made["alb_multi"]["path"] == raw


def test_question_mark_cuts() -> None:
    """A "%3F" that an HTTP API decodes cuts the path; the query stays what was sent."""
    made = event("http_api", request(target="/a%3Fb?c=1"))
    assert (made["rawPath"], made["rawQueryString"]) == ("/a", "c=1")
    assert event("function_url", request(target="/a%3Fb"))["rawPath"] == "/a%3Fb"


def test_stage() -> None:
    """A named stage begins an HTTP API's path and a REST API's context path, and is told."""
    asked = request(target="/live/a%20b")
    v2 = event("http_api", asked, stage="live")
    assert (v2["rawPath"], v2["requestContext"]["http"]["path"]) == ("/live/a b", "/live/a b")
    assert v2["requestContext"]["stage"] == "live"
    v1 = event("http_api_v1", asked, stage="live")
    assert (v1["path"], v1["requestContext"]["path"]) == ("/live/a b", "/live/a b")
    rest = event("rest_api", asked, stage="live")
    assert (rest["path"], rest["requestContext"]["path"]) == ("/a%20b", "/live/a%20b")
    assert rest["requestContext"]["stage"] == "live"
    assert rest["pathParameters"] == {"proxy": "a%20b"}
    assert event("http_api", request())["requestContext"]["stage"] == "$default"
    assert event("function_url", request())["requestContext"]["stage"] == "$default"
    assert event("rest_api", request())["requestContext"]["stage"] == "prod"


@pytest.mark.parametrize(
    ("target", "path", "proxy"),
    [
        ("/live/a/b/", "/a/b/", "a/b"),
        ("/live/a//b", "/a//b", "a//b"),
        ("/live//a", "/a", "a"),
        ("//live//a", "/a", "a"),
        ("/live/%2B+", "/%2B+", "%2B+"),
    ],
)
def test_rest_slashes(target: str, path: str, proxy: str) -> None:
    """A REST API's slashes: kept inside, collapsed after the stage, dropped at the proxy's end."""
    made = event("rest_api", request(target=target), stage="live")
    assert (made["path"], made["pathParameters"]) == (path, {"proxy": proxy})
    assert made["requestContext"]["path"] == target


@pytest.mark.parametrize("target", ["/live", "/live/"])
def test_rest_root(target: str) -> None:
    """The root of a REST API is the resource "/", without parameters."""
    made = event("rest_api", request(target=target), stage="live")
    assert (made["resource"], made["path"], made["pathParameters"]) == ("/", "/", None)


QUERY = "/?a=1&a=2&e=&bare&p=a+b&q=a%2Bb&&s=a;b&x=y=z"


@pytest.mark.parametrize("front", V2)
def test_query_v2(front: str) -> None:
    """2.0 has the query as sent, and a map with repeats joined by a comma."""
    made = event(front, request(target=QUERY))
    assert made["rawQueryString"] == QUERY[2:]
    assert made["queryStringParameters"] == {
        "a": "1,2",
        "e": "",
        "bare": "",
        "p": "a b",
        "q": "a+b",
        "s": "a;b",
        "x": "y=z",
    }


@pytest.mark.parametrize("front", V1)
def test_query_v1(front: str) -> None:
    """1.0 has the last values and lists of all, decoded."""
    made = event(front, request(target="/?a=1&a=%C3%BC&e="))
    assert made["queryStringParameters"] == {"a": "ü", "e": ""}
    assert made["multiValueQueryStringParameters"] == {"a": ["1", "ü"], "e": [""]}


def test_query_alb() -> None:
    """A load balancer decodes nothing."""
    asked = request(target="/?a=1&a=a%2Bb+c&e=")
    assert event("alb", asked)["queryStringParameters"] == {"a": "a%2Bb+c", "e": ""}
    multi = event("alb_multi", asked)["multiValueQueryStringParameters"]
    assert multi == {"a": ["1", "a%2Bb+c"], "e": [""]}


def test_no_query() -> None:
    """Without a query the map is absent in 2.0, null in 1.0, and empty from a load balancer."""
    for front in V2:
        made = event(front, request())
        assert made["rawQueryString"] == ""
        assert "queryStringParameters" not in made
    for front in V1:
        made = event(front, request())
        assert made["queryStringParameters"] is None
        assert made["multiValueQueryStringParameters"] is None
    assert event("alb", request())["queryStringParameters"] == {}
    assert event("alb_multi", request())["multiValueQueryStringParameters"] == {}


def test_header_names() -> None:
    """Names are lower case but in 1.0, which keeps the client's, save some it writes itself."""
    asked = request(tEsT_HEADeR="v", authorization="a", USER_AGENT="u", connection="close")
    for front in (*V2, "alb"):
        names = set(event(front, asked)["headers"])
        assert {"test-header", "authorization", "user-agent", "host"} <= names
        assert ("connection" in names) is (front == "alb")
    for front in V1:
        names = set(event(front, asked)["headers"])
        assert names - {"Content-Length"} == {
            "Host",
            "tEsT-HEADeR",
            "Authorization",
            "User-Agent",
            "X-Amzn-Trace-Id",
            "X-Forwarded-For",
            "X-Forwarded-Port",
            "X-Forwarded-Proto",
        }
        assert set(event(front, asked)["multiValueHeaders"]) == names


def test_content_length() -> None:
    """HTTP APIs and Function URLs always tell the body's length; a REST API never does."""
    asked = request("POST", body=b"abc", Content_Length="3", Content_Type="text/plain")
    for front, name in (
        ("http_api", "content-length"),
        ("function_url", "content-length"),
        ("http_api_v1", "Content-Length"),
    ):
        assert event(front, asked)["headers"][name] == "3"
        assert event(front, request())["headers"][name] == "0"
    names = {name.lower() for name in event("rest_api", asked)["headers"]}
    assert "content-length" not in names


def test_hop_by_hop() -> None:
    """What concerns the client's connection only does not reach an API's function."""
    hops: dict[str, Any] = {
        "te": "trailers",
        "upgrade": "h2c",
        "keep_alive": "1",
        "transfer_encoding": "chunked",
    }
    for front in (*V2, *V1):
        names = {name.lower() for name in event(front, request(**hops))["headers"]}
        assert names.isdisjoint({"te", "upgrade", "keep-alive", "transfer-encoding"})


@pytest.mark.parametrize("front", FRONT_NAMES)
def test_trace_id(front: str) -> None:
    """A trace id is added, unless the client brings one."""
    for sent, expected in ((None, MOMENT.trace_id), ("Root=1-a-b", "Root=1-a-b")):
        asked = request() if sent is None else request(x_amzn_trace_id=sent)
        made = event(front, asked)
        headers = made.get("headers") or {k: v[-1] for k, v in made["multiValueHeaders"].items()}
        assert {k.lower(): v for k, v in headers.items()}["x-amzn-trace-id"] == expected


@pytest.mark.parametrize("front", FRONT_NAMES)
def test_forwarded(front: str) -> None:
    """The client's address goes to the end of X-Forwarded-For; port and scheme are the server's."""
    asked = request(x_forwarded_for="1.2.3.4", x_forwarded_proto="gopher", x_forwarded_port="1")
    made = event(front, asked)
    headers = made.get("headers") or {k: v[-1] for k, v in made["multiValueHeaders"].items()}
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["x-forwarded-for"] == "1.2.3.4, 127.0.0.1"
    assert (lower["x-forwarded-proto"], lower["x-forwarded-port"]) == ("http", "8080")


def test_cookies() -> None:
    """2.0 lists cookies; only the HTTP API then drops the header. 1.0 and ALB have the header."""
    asked = request(cookie="a=1; b=x=2;c")
    for front in V2:
        assert event(front, asked)["cookies"] == ["a=1", "b=x=2", "c"]
        assert "cookies" not in event(front, request())
    assert "cookie" not in event("http_api", asked)["headers"]
    for front in ("function_url", "http_api_v1", "rest_api", "alb"):
        assert event(front, asked)["headers"]["cookie"] == "a=1; b=x=2;c"
    assert event("alb_multi", asked)["multiValueHeaders"]["cookie"] == ["a=1; b=x=2;c"]


TEXT = [
    "text/plain",
    "text/anything; charset=utf-8",
    "application/json",
    "Application/JSON;charset=utf-8",
    "application/xml",
    "application/javascript",
]
BINARY = [
    None,
    "",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "image/png",
    "application/problem+json",
    "application/jsonx",
]


@pytest.mark.parametrize("front", [name for name in FRONT_NAMES if name != "rest_api"])
@pytest.mark.parametrize("content_type", [*TEXT, *BINARY])
def test_text_or_base64(front: str, content_type: str | None) -> None:
    """A body is text for a handful of types, and base64 for all others and for none."""
    headers: dict[str, Any] = {} if content_type is None else {"content_type": content_type}
    made = event(front, request("POST", body="ü".encode(), **headers))
    if content_type in TEXT:
        assert (made["body"], made["isBase64Encoded"]) == ("ü", False)
    else:
        assert (base64.b64decode(made["body"]), made["isBase64Encoded"]) == ("ü".encode(), True)


@pytest.mark.parametrize("front", ALBS)
def test_alb_content_encoding(front: str) -> None:
    """A load balancer passes encoded content as base64, text or not."""
    made = event(front, request("POST", body=b"x", content_type="text/a", content_encoding="gzip"))
    assert (made["body"], made["isBase64Encoded"]) == ("eA==", True)


@pytest.mark.parametrize(
    ("types", "content_type", "binary"),
    [
        ([], "image/png", False),
        (["image/png"], "image/png", True),
        (["image/png"], "Image/PNG; q=1", True),
        (["image/png"], "image/jpeg", False),
        (["image/*"], "image/jpeg", True),
        (["image/*"], "text/plain", False),
        (["*/*"], "text/plain", True),
        (["*/*"], None, True),
        (["image/png"], None, False),
    ],
)
def test_rest_binary_types(types: list[str], content_type: str | None, binary: bool) -> None:
    """A REST API passes base64 only for its binary media types; else it destroys the bytes."""
    headers: dict[str, Any] = {} if content_type is None else {"content_type": content_type}
    asked = request("POST", body=b"\xff\x00", **headers)
    made = event("rest_api", asked, binary_media_types=types)
    assert made["isBase64Encoded"] is binary
    assert made["body"] == ("/wA=" if binary else "\ufffd\x00")


def test_no_body() -> None:
    """Without a body there is none in 2.0, null in 1.0, and an empty text from a load balancer."""
    for front in V2:
        made = event(front, request())
        assert "body" not in made
        assert made["isBase64Encoded"] is False
    for front in (*V1, *ALBS):
        made = event(front, request(), binary_media_types=["*/*"])
        assert made["body"] == ("" if front in ALBS else None)
        assert made["isBase64Encoded"] is False
