"""The HTTP door: what Mangum gets wrong is right here (docs/contract.md 3.1, M1 to M19)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from function.doors.http import HttpDoor
from function.limits import MAX_ALB_REPLY_BYTES, MAX_REPLY_BYTES
from function.telemetry.invocation import Invocation, under_way
from tests.function.conftest import CONTEXT, Answer
from tests.function.corpus import CASES
from tests.function.doors.fronts import (
    FRONTS,
    Call,
    Event,
    alb,
    alb_multi,
    body_of,
    header_of,
    http_api_v2,
    json_of,
    post_json,
)

Build = Callable[[Call], Event]
every_front = pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)

PROBLEM_JSON = "application/problem+json"


@contextmanager
def door_to(app: Any) -> Iterator[Callable[[Event], Event]]:
    """Open a door to an application of the test's own."""
    door = HttpDoor(app)
    try:
        yield lambda event: door.answer(event, CONTEXT)
    finally:
        door.close()


def answering(status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> Any:
    """Make an application that answers always the same."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def raising(error: BaseException) -> Any:
    """Make an application that raises before it answers."""

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise error

    return app


@every_front
def test_every_front(answer: Answer, build: Build) -> None:
    """M18: one request gets one answer by every front: %2B is decoded once, and + is a space."""
    reply = answer(build(Call("/add", query="a=+1.5&b=%2B2")))
    assert (reply["statusCode"], json_of(reply)) == (200, 3.5)
    assert header_of(reply, "content-type") == "application/json"


def test_m1_no_lifespan() -> None:
    """M1: the application is never started or stopped within an invocation."""
    kinds: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        kinds.append(scope["type"])
        await answering(204, [])(scope, receive, send)

    with door_to(app) as answer:
        for _ in range(3):
            answer(http_api_v2(Call("/")))
    assert kinds == ["http"] * 3


@every_front
@pytest.mark.parametrize(
    ("part", "where"),
    [
        ({"body": "e30=\n!", "isBase64Encoded": True}, "body"),
        ({"path": "/a%252Fb", "rawPath": "/a%252Fb"}, "path"),
        ({"headers": {"Host": "[::1]:3000"}, "multiValueHeaders": None}, "host"),
        ({"headers": {"X-Forwarded-Port": "abc"}, "multiValueHeaders": None}, "x-forwarded-port"),
    ],
    ids=["M5", "M2", "M4 host", "M4 port"],
)
def test_what_a_stranger_sends(
    answer: Answer, build: Build, part: dict[str, Any], where: str
) -> None:
    """M2, M4, M5: what cannot be read is a 400 that says where, not a failure of the function."""
    reply = answer(build(Call("/healthz")) | part)
    assert (reply["statusCode"], json_of(reply)["problems"][0]["where"]) == (400, where)
    assert header_of(reply, "content-type") == PROBLEM_JSON


@pytest.mark.parametrize(("path", "status"), [("/api/add", 422), ("/api", 200), ("/apiary", 404)])
def test_m3_base_path(app: Any, path: str, status: int) -> None:
    """M3: a base path is cut off at a segment's border, and its root is the root."""
    door = HttpDoor(app, base_path="/api")
    event = alb(Call(path))
    try:
        assert door.answer(event, CONTEXT)["statusCode"] == status
    finally:
        door.close()


@every_front
@pytest.mark.parametrize("path", ["/nowhere", "/models/nosuch", "/add"])
def test_m9_problems_are_text(answer: Answer, build: Build, path: str) -> None:
    """M9: a problem goes out as text, so that a REST API shows it and not its base64."""
    reply = answer(build(Call(path)))
    assert reply["statusCode"] in (404, 422)
    assert reply["isBase64Encoded"] is False
    assert json.loads(reply["body"])["status"] == reply["statusCode"]
    assert header_of(reply, "content-type") == PROBLEM_JSON


@every_front
def test_m9_pages_are_text(answer: Answer, build: Build) -> None:
    """M9: so do pages, styles and scripts, where they are not compressed."""
    for path in ("/", "/docs", "/docs/start.js", "/openapi.json", "/models/digits"):
        assert answer(build(Call(path)))["isBase64Encoded"] is False


@every_front
def test_m10_no_content(build: Build) -> None:
    """M10: an answer without content stays one; a 2.0 reply has a content type all the same."""
    with door_to(answering(204, [])) as answer:
        reply = answer(build(Call("/")))
    assert (reply["statusCode"], reply["body"], reply["isBase64Encoded"]) == (204, "", False)
    assert header_of(reply, "content-type") in (None, "application/json")


@every_front
@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b=c", b"a\nb", b"a\x00b", b"a\x7f"])
def test_m11_line_breaks_in_a_header(build: Build, value: bytes) -> None:
    """M11: a header with a control character is dropped, the others go out."""
    headers = [(b"x-bad", value), (b"x-good", b"a\tb"), (b"content-type", b"text/plain")]
    with door_to(answering(200, headers, b"text")) as answer:
        reply = answer(build(Call("/")))
    assert header_of(reply, "x-bad") is None
    assert header_of(reply, "x-good") == "a\tb"
    assert body_of(reply) == b"text"


@every_front
def test_m12_unexpected_errors(build: Build, capfd: pytest.CaptureFixture[str]) -> None:
    """M12: what the application raises is a problem without its text, recorded with its trace."""
    invocation = Invocation("id-1", "test", cold=False)
    with under_way(invocation), door_to(raising(ValueError("secret"))) as answer:
        reply = answer(build(Call("/")))
    assert (reply["statusCode"], header_of(reply, "content-type")) == (500, PROBLEM_JSON)
    assert json_of(reply) == {
        "type": "about:blank",
        "title": "The function failed",
        "status": 500,
        "detail": "Something failed that is not the request's fault; "
        "the log has it by the request id.",
        "request_id": "id-1",
        "problems": [],
    }
    assert (invocation.status, invocation.error) == (500, "ValueError")
    assert "ValueError: secret" in (invocation.trace or "")
    # Nothing is logged beside the invocation's own line, which is not written here.
    assert capfd.readouterr() == ("", "")


def test_m12_an_exit_is_an_exit() -> None:
    """M12: SystemExit ends the environment, where Mangum would answer 500 and live on."""
    with door_to(raising(SystemExit(3))) as answer, pytest.raises(SystemExit):
        answer(http_api_v2(Call("/")))


def test_m12_errors_after_the_answer_began() -> None:
    """M12: an application that fails in the middle of its answer gets a whole problem instead."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError

    invocation = Invocation("id-1", "test", cold=False)
    with under_way(invocation), door_to(app) as answer:
        assert answer(http_api_v2(Call("/")))["statusCode"] == 500
    assert invocation.error == "ValueError"


def test_m15_no_header_twice() -> None:
    """M15: no reply of the corpus holds a header in two casings."""
    for case in CASES:
        names = [name.lower() for name in case.reply.get("headers", {})]
        assert len(names) == len(set(names)), case.name


def quotes(size: int) -> Any:
    """Answer with so many quotes, each of which JSON escapes by a second byte."""
    return answering(200, [(b"content-type", b"text/plain")], b'"' * size)


@every_front
def test_m16_reply_size(build: Build) -> None:
    """M16: a reply is measured as the JSON that carries it, up to what its front takes."""
    limit = MAX_ALB_REPLY_BYTES if build in (alb, alb_multi) else MAX_REPLY_BYTES
    with door_to(quotes(0)) as answer:
        empty = len(json.dumps(answer(build(Call("/")))))
    most = (limit - empty) // 2
    with door_to(quotes(most)) as answer:
        reply = answer(build(Call("/")))
        assert reply["statusCode"] == 200
        assert limit - 2 <= len(json.dumps(reply)) <= limit
    with door_to(quotes(most + 1)) as answer:
        reply = answer(build(Call("/")))
    got = empty + 2 * (most + 1)
    assert reply["statusCode"] == 500
    assert json_of(reply)["detail"] == (
        f"expected an answer of at most {limit} bytes, got {got}: ask for fewer instances at a time"
    )


def test_m17_any_thread(answer: Answer) -> None:
    """M17: a thread that never had an event loop is answered as well."""
    replies: list[Event] = []
    thread = threading.Thread(target=lambda: replies.append(answer(Call("/healthz"))))
    thread.start()
    thread.join()
    assert [reply["statusCode"] for reply in replies] == [200]


@every_front
def test_r1_lone_surrogates(answer: Answer, build: Build) -> None:
    """R1: a lone surrogate, which would end awslambdaric, is in no reply."""
    for payload in ({"rows": [["\ud800"] * 4]}, {"\ud800": 1}, {"rows": [{"\ud800": 1}]}):
        reply = answer(build(post_json("/models/iris/predict", payload)))
        assert reply["statusCode"] in (400, 422)
        json.dumps(reply, ensure_ascii=False).encode()


def test_r9_mangum_logs_nothing(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    """R9: Mangum does not log the path, which may hold line breaks, at any level."""
    caplog.set_level("DEBUG")
    answer(Call("/a\nforged"))
    assert not [record for record in caplog.records if record.name.startswith("mangum")]
