"""Bodies become instances, by their media type; what is no such body gets a reason."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.errors import body_too_large
from function.http import bodies
from model.predictor import Predictor
from tests.function.conftest import MAX_BODY_BYTES, Answer
from tests.function.doors.fronts import FRONTS, Call, Event, header_of, json_of, post, post_json
from tests.function.http.form_bodies import (
    BOUNDARY,
    PREDICT_DIGITS,
    PREDICT_IRIS,
    file_part,
    form,
    part,
    post_form,
    sample,
)
from tests.function.json_values import JSON

SEVEN = sample(7)
SEVEN_TEXT = b64encode(SEVEN).decode()
WRAPPED = "\r\n".join(SEVEN_TEXT[n : n + 76] for n in range(0, len(SEVEN_TEXT), 76))

INPUT_FORMS = {
    "multipart": post_form(form(file_part(SEVEN))),
    "multipart of curl": post_form(form(part(SEVEN, 'name="file"; filename="7.png"'))),
    "multipart, quoted boundary": post_form(
        form(file_part(SEVEN)), f'multipart/form-data; charset=utf-8; boundary="{BOUNDARY}"'
    ),
    "raw png": post(PREDICT_DIGITS, SEVEN, "image/png"),
    "raw, another image type": post(PREDICT_DIGITS, SEVEN, "image/x-anything; q=1"),
    "json image": post_json(PREDICT_DIGITS, {"image": SEVEN_TEXT}),
    "json image, wrapped lines": post_json(PREDICT_DIGITS, {"image": WRAPPED}),
    "json image, data URL": post_json(
        PREDICT_DIGITS, {"image": f"data:image/png;base64,{SEVEN_TEXT}"}
    ),
    "json images": post_json(PREDICT_DIGITS, {"images": [SEVEN_TEXT]}),
    "json with a charset": post(
        PREDICT_DIGITS,
        json.dumps({"image": SEVEN_TEXT}).encode(),
        "Application/JSON ; charset=UTF-8",
    ),
    "no type, a picture": post(PREDICT_DIGITS, SEVEN, ""),
    "octets, a picture": post(PREDICT_DIGITS, SEVEN, "application/octet-stream"),
    "no type, json": post(PREDICT_DIGITS, f'\ufeff\n{{"image": "{SEVEN_TEXT}"}}'.encode(), ""),
    "octets, a form": post(PREDICT_DIGITS, form(file_part(SEVEN)), "application/octet-stream"),
    "json after a byte order mark": post(
        PREDICT_DIGITS, f'\ufeff{{"image": "{SEVEN_TEXT}"}}'.encode(), "application/json"
    ),
    "identity encoding": post(PREDICT_DIGITS, SEVEN, "image/png", ("content-encoding", "Identity")),
}
every_front = pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)


def refusal(reply: Event) -> tuple[int, str]:
    """Take the status and the reason from a problem."""
    problem = json_of(reply)
    assert problem["status"] == reply["statusCode"]
    return problem["status"], problem["detail"]


@every_front
@pytest.mark.parametrize("call", INPUT_FORMS.values(), ids=INPUT_FORMS)
def test_every_form_through_every_front(
    answer: Answer, digits: Predictor, build: Callable[[Call], Event], call: Call
) -> None:
    """A picture gets the same prediction in each form and through each front."""
    (expected,), _ = digits.predict([SEVEN])
    reply = answer(build(call))
    assert reply["statusCode"] == 200
    assert json_of(reply) == {
        "model": "digits",
        "version": digits.manifest.version,
        "predictions": [expected],
    }
    assert expected["label"] == "7"
    assert header_of(reply, "x-model-version") == f"digits/{digits.manifest.version}"


@every_front
@pytest.mark.parametrize(
    "call",
    [
        post_form(form(*(file_part(sample(digit)) for digit in range(10)))),
        post_json(
            PREDICT_DIGITS, {"images": [b64encode(sample(digit)).decode() for digit in range(10)]}
        ),
    ],
    ids=["multipart", "json"],
)
def test_many_pictures(answer: Answer, build: Callable[[Call], Event], call: Call) -> None:
    """Many pictures are answered in their order."""
    predictions = json_of(answer(build(call)))["predictions"]
    assert [prediction["label"] for prediction in predictions] == list("0123456789")


@every_front
def test_rows(answer: Answer, build: Callable[[Call], Event]) -> None:
    """Rows are answered as lists and as objects, the two mixed."""
    names = ["petal_width_cm", "petal_length_cm", "sepal_width_cm", "sepal_length_cm"]
    rows = [[5.1, 3.5, 1.4, 0.2], dict(zip(names, [0.2, 1.4, 3.5, 5.1], strict=True))]
    first, second = json_of(answer(build(post_json(PREDICT_IRIS, {"rows": rows}))))["predictions"]
    assert first == second
    assert first["label"] == "setosa"


ACCEPTED = "multipart/form-data or image/* or application/json"


@pytest.mark.parametrize(
    ("path", "content_type", "detail"),
    [
        (PREDICT_DIGITS, "text/plain", f"{ACCEPTED}, got another type"),
        (PREDICT_DIGITS, "json", f"{ACCEPTED}, got another type"),
        (PREDICT_IRIS, "image/png", "application/json, got another type"),
        (PREDICT_IRIS, "multipart/form-data; boundary=x", "application/json, got another type"),
        (
            PREDICT_IRIS,
            "application/x-www-form-urlencoded",
            "application/json, got a web form's type, which curl -d sends without "
            "-H 'content-type: …'",
        ),
    ],
)
def test_wrong_media_type(answer: Answer, path: str, content_type: str, detail: str) -> None:
    """A media type that the model does not take is a 415 that names those it takes."""
    expected = f"content-type: expected {detail}"
    assert refusal(answer(post(path, SEVEN, content_type))) == (415, expected)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "\x00"])
def test_content_encoding(answer: Answer, encoding: str) -> None:
    """A compressed body is a 415: nothing is expanded, so nothing can be a bomb."""
    call = post(PREDICT_DIGITS, SEVEN, "image/png", ("content-encoding", encoding))
    assert refusal(answer(call)) == (
        415,
        "content-encoding: expected none, or identity: bodies are not compressed, got another",
    )


def test_size_at_the_limit(answer: Answer) -> None:
    """A body at the limit is read; it ends as what is in it."""
    body = b" " * (MAX_BODY_BYTES - 2) + b"{}"
    status, _ = refusal(answer(post(PREDICT_IRIS, body, "application/json")))
    assert status == 422


@pytest.mark.parametrize("content_type", ["application/json", "image/png", "multipart/form-data"])
def test_size_beyond_the_limit(answer: Answer, content_type: str) -> None:
    """A body one byte beyond the limit is a 413, before it is looked at."""
    call = post(PREDICT_DIGITS, b"x" * (MAX_BODY_BYTES + 1), content_type)
    assert refusal(answer(call)) == (413, str(body_too_large(MAX_BODY_BYTES)))


@pytest.mark.parametrize("charset", ["undefined", "idna", "unicode_escape", '"a\x00b"', "zip"])
def test_forms_of_any_charset(answer: Answer, charset: str) -> None:
    """The charset of a form, which could choose a codec that raises, changes nothing."""
    content_type = f"multipart/form-data; charset={charset}; boundary={BOUNDARY}"
    reply = answer(post_form(form(file_part(SEVEN)), content_type))
    assert json_of(reply)["predictions"][0]["label"] == "7"
    reply = answer(post_form(form(file_part(SEVEN, "\\x" + "a" * 99)), content_type))
    assert reply["statusCode"] == 422


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "EOF while parsing a value at line 1 column 0"),
        (b"{", "EOF while parsing an object at line 1 column 1"),
        (b'{"rows": [[1, 2, 3, 4]]} x', "trailing characters at line 1 column 26"),
        ('{"rows": []}'.encode("utf-16"), "UTF-16 or UTF-32"),
        ('{"rows": []}'.encode("utf-16-be"), "UTF-16 or UTF-32"),
        ('{"rows": []}'.encode("utf-16").decode(errors="replace").encode(), "UTF-16 or UTF-32"),
        (b"\xef\xbb\xbf{", "EOF while parsing an object at line 1 column 1"),
        (b'{"rows": ["\xff"]}', "invalid unicode code point at line 1 column 12"),
        (b'{"rows": ["\\ud800"]}', "unexpected end of hex escape at line 1 column 18"),
        (b"[" * 10_000, "recursion limit exceeded at line 1 column 202"),
        (b'{"a":' * 10_000, "recursion limit exceeded at line 1 column 1006"),
        (b"[" + b"9" * 5000 + b"]", "number out of range at line 1 column 4303"),
        (b'{"rows": [[01]]}', "invalid number at line 1 column 13"),
        (b"{'rows': []}", "key must be a string at line 1 column 2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_broken_json(answer: Answer, body: bytes, reason: str) -> None:
    """What is no JSON in UTF-8 is a 400 that says where, and never what."""
    status, detail = refusal(answer(post(PREDICT_IRIS, body, "application/json")))
    assert (status, detail) == (400, f"body: expected JSON in UTF-8, got {reason}")


@pytest.mark.parametrize(
    ("path", "limit"),
    [(PREDICT_IRIS, 10_000 + 2 * 1000 * 5), (PREDICT_DIGITS, 10_000 + 2 * 256 * 28 * 28)],
)
def test_brackets_are_counted_before_parsing(
    answer: Answer, monkeypatch: pytest.MonkeyPatch, path: str, limit: int
) -> None:
    """More lists and objects than any request needs are refused unparsed; as many are not."""
    most = b"[" + b"[]," * (limit - 2) + b"[]]"
    assert answer(post(path, most, "application/json"))["statusCode"] == 422
    monkeypatch.setattr(bodies, "from_json", pytest.fail)
    for bracket in (b"[", b"{"):
        assert refusal(answer(post(path, most + bracket, "application/json"))) == (
            413,
            f"body: expected at most {limit} lists and objects, got {limit + 1}",
        )


@pytest.mark.parametrize(
    ("number", "got"),
    [
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "Infinity"),
        ("1e999", "Infinity"),
        ("1e39", "a number too large for float32"),
        ("-1e39", "a number too large for float32"),
        ("9" * 400, "a number too large for float32"),
        ("null", "null"),
        ("true", "true or false"),
        ('"1"', "a string"),
        ("[1]", "a list"),
        ("{}", "an object"),
    ],
    ids=lambda value: value[:12],
)
def test_numbers_that_are_none(answer: Answer, number: str, got: str) -> None:
    """A value that is no finite number is a 422 that names the column, and is not coerced."""
    body = f'{{"rows": [[1, 2, 3, 4], [1, {number}, 3, 4]]}}'.encode()
    assert refusal(answer(post(PREDICT_IRIS, body, "application/json"))) == (
        422,
        f"rows[1].sepal_width_cm: expected a finite number, got {got}",
    )


def test_a_float_of_many_digits(answer: Answer) -> None:
    """A fraction of many digits is the number that it is."""
    body = b'{"rows": [[5.1, 3.5, 1.4, 0.2' + b"0" * 5000 + b"]]}"
    reply = answer(post(PREDICT_IRIS, body, "application/json"))
    assert json_of(reply)["predictions"][0]["label"] == "setosa"


def test_duplicate_keys(answer: Answer) -> None:
    """Of a key that stands twice the last counts, as in most parsers."""
    body = b'{"rows": 1, "rows": [[5.1, 3.5, 1.4, 0.2]]}'
    assert answer(post(PREDICT_IRIS, body, "application/json"))["statusCode"] == 200


@given(body=st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_json_body(answer: Answer, body: bytes) -> None:
    """Whatever a JSON body holds, the answer is a 4xx with problems."""
    for path in (PREDICT_IRIS, PREDICT_DIGITS):
        status, _ = refusal(answer(post(path, body, "application/json")))
        assert 400 <= status < 500


@given(rows=st.lists(st.lists(JSON, min_size=4, max_size=4) | JSON, min_size=1, max_size=20))
def test_any_rows(answer: Answer, rows: list[Any]) -> None:
    """Whatever stands in the rows, they are predicted or refused, ten problems at most."""
    reply = answer(post_json(PREDICT_IRIS, {"rows": rows}))
    content = json_of(reply)
    assert len(content.get("problems", [])) <= 10
    assert reply["statusCode"] in (200, 400, 422)


MUTATIONS = st.lists(
    st.tuples(st.integers(0, len(SEVEN) - 1), st.integers(0, 255)), min_size=1, max_size=8
)


def _mutated(changes: list[tuple[int, int]], length: int) -> bytes:
    content = bytearray(SEVEN)
    for position, value in changes:
        content[position] = value
    return bytes(content[:length])


@given(picture=st.binary(max_size=200) | st.builds(_mutated, MUTATIONS, st.integers(0, len(SEVEN))))
def test_any_picture(answer: Answer, picture: bytes) -> None:
    """Whatever bytes are said to be a picture, they are predicted or refused, in each form."""
    replies = [
        answer(post(PREDICT_DIGITS, picture, "image/png")),
        answer(post_form(form(file_part(picture)))),
        answer(post_json(PREDICT_DIGITS, {"image": b64encode(picture).decode()})),
    ]
    (status,) = {reply["statusCode"] for reply in replies}
    assert status in (200, 413, 415, 422)
