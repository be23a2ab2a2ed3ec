"""What a caller sends is in no reply, no header and no log line."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from tests.function.conftest import CONTEXT
from tests.function.doors.fronts import FRONTS, Call, Event, post, post_json
from tests.function.http.form_bodies import (
    PREDICT_DIGITS,
    PREDICT_IRIS,
    file_part,
    form,
    part,
    post_form,
)

MARK = "zqMARKERqz"
BYTES = MARK.encode()
TEXT = b64encode(BYTES * 3).decode()
PNG = b"\x89PNG\r\n\x1a\n"
CHUNK = b"\x00\x00\x00\x0atEXt" + BYTES

CALLS = {
    "path": Call(f"/{MARK}"),
    "model": Call(f"/models/{MARK}"),
    "predict": post_json(f"/models/{MARK}/predict", {"rows": [[1]]}),
    "docs": Call(f"/docs/{MARK}"),
    "method": Call("/add", MARK),
    "query value": Call("/add", query=f"a={MARK}&b=1"),
    "query name": Call("/add", query=f"{MARK}=1"),
    "header": Call("/nowhere", headers=((f"x-{MARK}", MARK), ("accept", MARK))),
    "cookie": Call("/nowhere", headers=(("cookie", f"{MARK}={MARK}"),)),
    "content type": post(PREDICT_IRIS, BYTES, f"text/{MARK}"),
    "content encoding": post(PREDICT_IRIS, BYTES, "application/json", ("content-encoding", MARK)),
    "no boundary": post(PREDICT_DIGITS, BYTES, f"multipart/form-data; x={MARK}"),
    "broken json": post(PREDICT_IRIS, BYTES, "application/json"),
    "cut json": post(PREDICT_IRIS, b'{"rows": [["' + BYTES, "application/json"),
    "key": post_json(PREDICT_IRIS, {MARK: 1}),
    "key beside": post_json(PREDICT_IRIS, {"rows": [[1, 2, 3, 4]], MARK: 1}),
    "column": post_json(PREDICT_IRIS, {"rows": [{MARK: 1}]}),
    "value": post_json(PREDICT_IRIS, {"rows": [[MARK, {MARK: MARK}, [MARK], 1]]}),
    "row": post_json(PREDICT_IRIS, {"rows": [MARK]}),
    "rows": post_json(PREDICT_IRIS, {"rows": MARK}),
    "body": post_json(PREDICT_IRIS, MARK),
    "base64": post_json(PREDICT_DIGITS, {"image": f"{MARK}!"}),
    "picture in base64": post_json(PREDICT_DIGITS, {"images": [TEXT]}),
    "data url": post_json(PREDICT_DIGITS, {"image": f"data:{MARK};base64,!"}),
    "picture": post(PREDICT_DIGITS, BYTES, "image/png"),
    "png": post(PREDICT_DIGITS, PNG + CHUNK, "image/png"),
    "form": post_form(BYTES),
    "form name": post_form(form(part(BYTES, f'name="{MARK}"'))),
    "form file name": post_form(
        form(part(BYTES, f'name="file"; filename="{MARK}"', f"X-{MARK}: {MARK}"))
    ),
    "form file": post_form(form(file_part(BYTES))),
    "form part": post_form(form(b"--" + BYTES, part(BYTES, f'{MARK}="a"'))),
    "stage": Call("/nowhere", stage=MARK),
}


@pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_echo(
    handler: Callable[[Any, Any], Event],
    capfd: pytest.CaptureFixture[str],
    build: Callable[[Call], Event],
    call: Call,
) -> None:
    """A marker, wherever a request holds it, does not come back and is not logged."""
    reply = handler(build(call), CONTEXT)
    assert 400 <= reply["statusCode"] < 500
    shown = json.dumps(reply) + "".join(capfd.readouterr())
    assert MARK.lower() not in shown.lower()
    assert TEXT not in shown


@pytest.mark.parametrize(
    "event",
    [
        {"model": MARK},
        {"model": {MARK: MARK}},
        {"model": "iris", MARK: 1},
        {"model": "iris", "rows": [[MARK] * 4]},
        {"model": "digits", "image": MARK + "!"},
        {"model": "iris", "version": MARK, "rows": [[1, 2, 3, 4]]},
        {"model": "iris", "version": {MARK: MARK}},
        {"model": "iris", "s3": MARK},
        {"model": "iris", "s3": {MARK: MARK}},
        {"model": "iris", "s3": "s3://a", MARK: 1},
        {"Items": [], MARK: 1},
        {"Items": [], "BatchInput": {MARK: 1}},
        {"Items": [], "BatchInput": {"output": MARK}},
        {"source": MARK, "detail-type": MARK, "detail": MARK},
        {"source": MARK, "detail-type": "x", "detail": {"model": MARK}},
        {"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {"name": MARK}}},
        {"eventSource": MARK},
        {"requestContext": {MARK: MARK}},
        [{"eventSource": MARK}],
        {"Records": [{"eventSource": MARK}]},
        {MARK: MARK},
        MARK,
        [MARK],
    ],
    ids=str,
)
def test_no_echo_to_an_invoker(
    handler: Callable[[Any, Any], Event], capfd: pytest.CaptureFixture[str], event: Any
) -> None:
    """Nor does a marker in a direct event, or one of another service."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 -- the error itself is what is looked at
        handler(event, CONTEXT)
    shown = json.dumps(vars(caught.value)) + str(caught.value) + "".join(capfd.readouterr())
    assert MARK not in shown


def test_no_echo_in_results(
    handler: Callable[[Any, Any], Event], capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor does a marker in an item of a map, or in a message that is given back."""
    items = [
        MARK,
        {MARK: MARK},
        {"model": MARK},
        {"version": MARK},
        {"rows": [[MARK] * 4]},
        {"Key": {MARK: MARK}},
        {"Key": MARK},
    ]
    answers = [
        handler({"Items": items, "BatchInput": {"model": "iris", "bucket": f"{MARK}/"}}, CONTEXT),
        handler({"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": MARK}]}, CONTEXT),
    ]
    assert [len(answers[0]["results"]), len(answers[1]["batchItemFailures"])] == [len(items), 1]
    shown = json.dumps(answers) + "".join(capfd.readouterr())
    assert MARK.lower() not in shown.lower()
