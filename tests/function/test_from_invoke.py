"""The direct door answers a dictionary, and errors that name what is wrong."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from function.errors import InvalidError, UnknownModelError
from function.from_invoke import predict
from function.service import Service
from model.errors import FormatError, InputError
from tests.function.conftest import Answer
from tests.function.form_bodies import PREDICT_DIGITS, PREDICT_IRIS, sample
from tests.function.fronts import json_of, post_json

ROW = [5.1, 3.5, 1.4, 0.2]
SEVEN = b64encode(sample(7)).decode()


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
    """A direct event gets the very answer that the native HTTP door gives."""
    direct = predict({"model": model} | payload, service)
    assert direct == json_of(answer(post_json(path, payload)))


def test_plain_json(service: Service) -> None:
    """R2, R3: the answer is made of JSON's own types, without NaN, as awslambdaric needs."""
    direct = predict({"model": "iris", "rows": [ROW]}, service)
    assert json.loads(json.dumps(direct, allow_nan=False)) == direct


@pytest.mark.parametrize("name", [None, 7, ["iris"], {}, True])
def test_a_model_that_is_no_name(service: Service, name: Any) -> None:
    """A model that is no text is described, not looked up."""
    with pytest.raises(InvalidError, match=r"^model: expected a model's name, came "):
        predict({"model": name, "rows": [ROW]}, service)


@pytest.mark.parametrize("name", ["", "Iris", "../iris", "iris\x00", "\ud800"])
def test_a_model_that_is_not_served(service: Service, name: str) -> None:
    """A name that is not served is a plain error that names those that are."""
    with pytest.raises(UnknownModelError) as caught:
        predict({"model": name, "rows": [ROW]}, service)
    assert str(caught.value) == "model: expected one of digits, iris, came another name"


@pytest.mark.parametrize(
    ("payload", "kind", "message"),
    [
        ({"model": "iris"}, InvalidError, 'body: expected {"rows": …}, came an empty object'),
        (
            {"model": "iris", "rows": [ROW[:3]]},
            InputError,
            "rows[0]: expected 4 numbers (sepal_length_cm, sepal_width_cm, petal_length_cm, "
            "petal_width_cm), came 3 numbers",
        ),
        (
            {"model": "iris", "rows": [[float("nan"), *ROW[1:]]]},
            InputError,
            "rows[0].sepal_length_cm: expected a finite number, came NaN",
        ),
        (
            {"model": "digits", "image": ""},
            FormatError,
            "image: expected a PNG, JPEG, WEBP, GIF or BMP picture, came nothing",
        ),
    ],
)
def test_errors(
    service: Service, payload: dict[str, Any], kind: type[Exception], message: str
) -> None:
    """What is wrong with a direct event is said as over HTTP."""
    with pytest.raises(kind) as caught:
        predict(payload, service)
    assert str(caught.value) == message


def test_the_event_is_left_alone(service: Service) -> None:
    """The event is not changed, since the invoker's retries send it again."""
    event = {"model": "iris", "rows": [ROW]}
    predict(event, service)
    assert event == {"model": "iris", "rows": [ROW]}
