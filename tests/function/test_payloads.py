"""A payload gets one answer, or errors that name what is wrong, whatever door it came through."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from function.errors import (
    InvalidError,
    MalformedError,
    ReplyTooLargeError,
    TooLargeError,
    UnknownModelError,
    body_too_large,
)
from function.limits import MAX_EVENT_BYTES, MAX_REPLY_BYTES
from function.payloads import (
    FORM,
    Payloads,
    require_carried,
    require_size,
)
from function.service import Served, Service
from model.errors import FormatError, InputError
from tests.function.conftest import Answer
from tests.function.doors.fronts import json_of, post_json
from tests.function.http.form_bodies import PREDICT_DIGITS, PREDICT_IRIS, sample
from tests.function.objects.buckets import no_objects

ROW = [5.1, 3.5, 1.4, 0.2]
SEVEN = b64encode(sample(7)).decode()


class FakeObjects:
    """Buckets that answer with what they were asked."""

    def predictions_of(self, uri: str, served: Served) -> Any:
        """Return the request."""
        return {"uri": uri, "version": served.manifest.version}


def answering(service: Service, objects: Any = no_objects) -> Callable[[Any], dict[str, Any]]:
    """Build what answers payloads."""
    return Payloads(service, objects, max_body_bytes=MAX_EVENT_BYTES).answer


@pytest.mark.parametrize(
    ("model", "path", "payload"),
    [
        ("iris", PREDICT_IRIS, {"rows": [ROW, ROW]}),
        ("digits", PREDICT_DIGITS, {"image": SEVEN}),
        ("digits", PREDICT_DIGITS, {"images": [SEVEN, b64encode(sample(0)).decode()]}),
    ],
)
def test_answers_as_over_http(
    service: Service, answer: Answer, model: str, path: str, payload: dict[str, Any]
) -> None:
    """A payload gets the very answer that the native HTTP door gives."""
    direct = answering(service)({"model": model} | payload)
    assert direct == json_of(answer(post_json(path, payload)))


@pytest.mark.parametrize("key", [{"rows": [ROW]}, {"s3": "s3://bucket/key"}])
def test_a_comment(service: Service, key: dict[str, Any]) -> None:
    """Step Functions' console writes a `Comment` into a state's input; it is left unread."""
    answer = answering(service, FakeObjects)
    asked = {"model": "iris"} | key
    assert answer({"Comment": "Insert your JSON here"} | asked) == answer(asked)


def test_plain_json(service: Service) -> None:
    """R2, R3: the answer is made of JSON's own types, without NaN, as awslambdaric needs."""
    direct = answering(service)({"model": "iris", "rows": [ROW]})
    assert json.loads(json.dumps(direct, allow_nan=False)) == direct


@pytest.mark.parametrize(
    ("asked", "version"), [(None, "10"), ("latest", "10"), ("stable", "2"), ("9", "9")]
)
def test_versions(versions: Service, asked: str | None, version: str) -> None:
    """A payload may name a version or a label; none, or null, is the latest."""
    payload = {"model": "iris", "version": asked, "rows": [ROW]}
    assert answering(versions)(payload)["version"] == version
    if asked is None:
        assert answering(versions)({"model": "iris", "rows": [ROW]})["version"] == version


@pytest.mark.parametrize("given", [7, 2.0, True, ["2"], {}])
@pytest.mark.parametrize(
    ("key", "expected"), [("version", "a version or a label"), ("model", "a model's name")]
)
def test_names_that_are_no_text(versions: Service, key: str, expected: str, given: Any) -> None:
    """A model and a version are texts, even where they look like numbers; none is echoed."""
    with pytest.raises(InvalidError, match=rf"^{key}: expected {expected}, got "):
        answering(versions)({"model": "iris", "rows": [ROW]} | {key: given})


@pytest.mark.parametrize(
    ("payload", "kind", "message"),
    [
        ([], InvalidError, f"body: expected {FORM}, got a list"),
        (None, InvalidError, f"body: expected {FORM}, got null"),
        ({"rows": [ROW]}, InvalidError, "model: expected a model's name, got nothing"),
        ({"model": None}, InvalidError, "model: expected a model's name, got null"),
        (
            {"model": "\ud800"},
            UnknownModelError,
            "model: expected one of digits, iris, progression, got another name",
        ),
        (
            {"model": "iris", "s3": "s3://bucket/key", "rows": [ROW]},
            InvalidError,
            'body: expected {"s3": …}, got 1 other key beside it',
        ),
        (
            {"model": "iris", "s3": 7},
            InvalidError,
            "s3: expected an address, s3://bucket/key, got a number",
        ),
        (
            {"model": "iris"},
            InvalidError,
            'body: expected {"rows": …} or {"inputs": …}, got an empty object',
        ),
        (
            {"model": "iris", "rows": [ROW[:3]]},
            InputError,
            "rows[0]: expected 4 numbers (sepal_length_cm, sepal_width_cm, petal_length_cm, "
            "petal_width_cm), got 3 numbers",
        ),
        (
            {"model": "digits", "image": ""},
            FormatError,
            "image: expected a PNG, JPEG, WEBP, GIF or BMP picture, got nothing",
        ),
    ],
)
def test_errors(service: Service, payload: Any, kind: type[Exception], message: str) -> None:
    """What is wrong with a payload is said as over HTTP; no bucket is asked for it."""
    with pytest.raises(kind) as caught:
        answering(service)(payload)
    assert str(caught.value) == message


def test_an_object(versions: Service) -> None:
    """What "s3" is the address of is predicted, by the version that is asked for."""
    payload = {"model": "iris", "version": "stable", "s3": "s3://bucket/key.csv"}
    found: Any = answering(versions, FakeObjects)(payload)
    assert found == {"uri": "s3://bucket/key.csv", "version": "2"}


def test_the_payload_is_left_alone(service: Service) -> None:
    """The payload is not changed, since the invoker's retries send it again."""
    payload = {"model": "iris", "version": "1", "rows": [ROW]}
    answering(service)(payload)
    assert payload == {"model": "iris", "version": "1", "rows": [ROW]}


@pytest.mark.parametrize("payload", [{"a": "b"}, {"a": "é"}, {"a": "\ud800"}, [1.5, None]])
def test_sizes(payload: Any) -> None:
    """A payload is as long as an HTTP body that says the same, to the byte."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode(errors="surrogatepass"))
    require_size(payload, size)
    with pytest.raises(TooLargeError) as caught:
        require_size(payload, size - 1)
    assert str(caught.value) == str(body_too_large(size - 1))


def test_what_lambda_measures() -> None:
    """A limit that is no less than Lambda's own needs no measuring, which takes its time."""

    class Unmeasured(dict[str, Any]):
        def items(self) -> Any:
            raise AssertionError

    require_size(Unmeasured(a=1), MAX_EVENT_BYTES)
    with pytest.raises(AssertionError):
        require_size(Unmeasured(a=1), MAX_EVENT_BYTES - 1)


def test_a_payload_nested_without_end() -> None:
    """What Python cannot walk through is the caller's fault."""
    payload: list[Any] = []
    for _ in range(100_000):
        payload = [payload]
    with pytest.raises(MalformedError, match=r"^body: expected JSON, got one nested without end$"):
        require_size(payload, 10)


def test_replies_beyond_the_limit() -> None:
    """A reply that Lambda would not carry is refused here, where the process survives it."""
    frame = len('{"results": [""]}')
    require_carried({"results": ["x" * (MAX_REPLY_BYTES - frame)]}, MAX_REPLY_BYTES)
    with pytest.raises(ReplyTooLargeError) as caught:
        require_carried({"results": ["x" * (MAX_REPLY_BYTES - frame + 1)]}, MAX_REPLY_BYTES)
    assert str(caught.value) == (
        "expected an answer of at most 6291456 bytes, got 6291457: "
        "ask for fewer instances at a time"
    )
    # awslambdaric writes é as itself or, by AWS_EXECUTION_ENV, as six bytes: those count.
    with pytest.raises(ReplyTooLargeError):
        require_carried({"results": ["é" * (MAX_REPLY_BYTES // 6)]}, MAX_REPLY_BYTES)
