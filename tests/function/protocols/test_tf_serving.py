"""TensorFlow Serving's REST API: rows, columns, classify, metadata, and its errors."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from tests.function.doors.fronts import Call, post_json
from tests.function.http.form_bodies import sample

Told = Callable[[Call], tuple[int, Any]]
ROW = [5.1, 3.5, 1.4, 0.2]
NAMES = ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"]
SETOSA = [0.99999934, 0.0, 0.0]
SEVEN = b64encode(sample(7)).decode()
B64 = {"b64": b64encode(b"hi").decode()}
SCALE = [{"ids": [1, 2], "rate": 0.5}]


def ask(model: str, act: str, payload: Any) -> Call:
    """Spell a request."""
    return post_json(f"/v1/models/{model}:{act}", payload)


@pytest.mark.parametrize(
    ("model", "payload", "answer"),
    [
        ("iris", {"instances": [ROW, ROW]}, {"predictions": [SETOSA, SETOSA]}),
        ("iris", {"instances": [dict(zip(NAMES, ROW, strict=True))]}, {"predictions": [SETOSA]}),
        ("iris", {"instances": [{"rows": ROW}]}, {"predictions": [SETOSA]}),
        ("iris", {"inputs": [ROW]}, {"outputs": [SETOSA]}),
        ("iris", {"inputs": {"rows": [ROW]}}, {"outputs": [SETOSA]}),
        ("iris", {"inputs": {n: [v] for n, v in zip(NAMES, ROW, strict=True)}},
         {"outputs": [SETOSA]}),
        ("iris/versions/1", {"signature_name": "serving_default", "instances": [ROW]},
         {"predictions": [SETOSA]}),
        ("iris/labels/latest", {"instances": [ROW]}, {"predictions": [SETOSA]}),
        ("scale", {"inputs": {"ids": [[1, 2]], "rate": 0.5}}, {"outputs": [[0.5, 1.0]]}),
        ("people", {"instances": [{"name": ["Jo"], "age": [3]}]},
         {"predictions": [{"same": ["Jo"], "old": [False]}]}),
        ("people", {"inputs": {"name": ["Jo", "Ann"], "age": [3, None]}},
         {"outputs": {"same": [["Jo"], ["Ann"]], "old": [[False], [False]]}}),
        ("echo", {"instances": ["hi"]}, {"predictions": [["hi"]]}),
        ("echo", {"instances": [[B64]]}, {"predictions": [["hi"]]}),
    ],
)  # fmt: skip
def test_predict(told: Told, model: str, payload: Any, answer: Any) -> None:
    """Rows and columns, of tensors or of what the recipe takes, get the model's own outputs."""
    assert told(ask(model, "predict", payload)) == (200, answer)


@pytest.mark.parametrize("instance", [{"b64": SEVEN}, SEVEN, {"image": {"b64": SEVEN}}])
def test_pictures(told: Told, instance: Any) -> None:
    """Pictures are base64, under the names that clients give them."""
    status, answer = told(ask("shade", "predict", {"instances": [instance, instance]}))
    assert status == 200
    (first,), second = answer["predictions"]
    assert [first] == second
    assert first > 0


def test_other_acts(told: Told) -> None:
    """Examples are classified, or get values."""
    example = {"examples": [dict(zip(NAMES, ROW, strict=True))]}
    results = [[["setosa", 1.0], ["versicolor", 0.0], ["virginica", 0.0]]]
    assert told(ask("iris", "classify", example)) == (200, {"results": results})
    rows = {"examples": [{"width": 1, "height": 2}]}
    assert told(ask("mean", "regress", rows)) == (200, {"results": [1.5]})
    status, error = told(ask("iris", "regress", example))
    assert status == 400
    assert error["error"].startswith("path: expected an act")


def test_status_and_metadata(told: Told) -> None:
    """A model is available in its versions, and describes its signature."""
    status = {"error_code": "OK", "error_message": ""}
    available = {"version": "1", "state": "AVAILABLE", "status": status}
    expected = {"name": "iris", "ready": True, "model_version_status": [available]}
    assert told(Call("/v1/models/iris")) == (200, expected)
    assert told(Call("/v1/models/iris/versions/1")) == (200, expected)
    assert "iris" in told(Call("/v1/models"))[1]["models"]
    _, metadata = told(Call("/v1/models/iris/metadata"))
    assert metadata["model_spec"] == {"name": "iris", "signature_name": "", "version": "1"}
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["rows"] == {
        "dtype": "DT_FLOAT",
        "tensor_shape": {
            "dim": [{"size": "-1", "name": ""}, {"size": "4", "name": ""}],
            "unknown_rank": False,
        },
        "name": "rows",
    }


@pytest.mark.parametrize(
    ("call", "status", "error"),
    [
        (ask("nosuch", "predict", {}), 404, "model: expected one of"),
        (ask("iris", "explain", {}), 404, "path: expected one of /v1/models/{name}"),
        (Call("/v1/models/iris:predict"), 405, "method: expected one of POST"),
        (Call("/v1/models/iris", "DELETE"), 405, "method: expected one of GET, HEAD"),
        (Call("/v1/models/iris", "POST"), 405, "method: expected one of GET, HEAD"),
        (ask("iris", "predict", []), 400, 'body: expected {"instances": […]}, got a list'),
        (ask("iris", "predict", {}), 400,
         'body: expected {"instances": …} or {"inputs": …}, got neither'),
        (ask("iris", "predict", {"instances": 7}), 400, "instances: expected a list of 1 to 1000"),
        (ask("iris", "predict", {"instances": [ROW], "signature_name": "x"}), 400,
         "signature_name: expected serving_default, got another"),
        (ask("iris", "predict", {"instances": [ROW], "parameters": {"top": 1}}), 400,
         "parameters: expected none: a model has no parameters, got some"),
        (ask("iris", "predict", {"instances": [ROW[:3]]}), 400, "rows[0]: expected 4"),
        (ask("iris", "predict", {"inputs": {n: [1] * (1 + n.startswith("p")) for n in NAMES}}), 400,
         "inputs: expected columns of one length, got others"),
        (ask("scale", "predict", {"instances": [[1]]}), 400,
         "instances: expected objects with ids, rate, got no names"),
        (ask("scale", "predict", {"instances": [*SCALE, {"ids": [1]}]}), 400,
         "instances[1]: expected an object with the names of the first, got an object"),
        (ask("shade", "predict", {"instances": ["!"]}), 400, "instances[0]: expected base64"),
    ],
)  # fmt: skip
def test_errors(told: Told, call: Call, status: int, error: str) -> None:
    """Every error is {"error": …} with the right status."""
    found, answer = told(call)
    assert (found, answer["error"][: len(error)]) == (status, error)
