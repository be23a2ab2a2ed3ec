"""/invocations, as SageMaker's and MLflow's clients post to it, each with bodies of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from function import protocols
from function.doors.http import HttpDoor
from function.http.app import create_app
from function.http.late_routes import LateRoutes
from function.service import Service
from function.settings import PROTOCOLS, ZOO
from tests.function.conftest import CONTEXT, MAX_BODY_BYTES
from tests.function.doors.fronts import Call, http_api_v2, json_of, post, post_json
from tests.function.http.form_bodies import sample
from tests.function.zoos import served

Told = Callable[[Call], tuple[int, Any]]
ROW = [5.1, 3.5, 1.4, 0.2]
COLUMNS = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
RECORD = dict(zip(COLUMNS, ROW, strict=True))
HEADER = "x-amzn-sagemaker-target-model"
CSV = b"petal_width_cm,sepal_length_cm,sepal_width_cm,petal_length_cm\n0.2,5.1,3.5,1.4\n"


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("text/csv", b"5.1,3.5,1.4,0.2\n"),
        ("text/csv; charset=utf-8", CSV),
        ("", b"5.1,3.5,1.4,0.2\n"),
        ("application/octet-stream", b'\xef\xbb\xbf {"instances":[[5.1,3.5,1.4,0.2]]}'),
        ("application/jsonlines", b"[5.1,3.5,1.4,0.2]\n"),
        ("application/json", b"[[5.1,3.5,1.4,0.2]]"),
        ("application/json", b'{"rows":[[5.1,3.5,1.4,0.2]]}'),
        ("application/json", b'{"instances":[[5.1,3.5,1.4,0.2]]}'),
    ],
)
def test_bodies_of_sagemaker(told: Told, media_type: str, body: bytes) -> None:
    """Rows in each of its formats, by the model's header or by the endpoint's name."""
    for call in (
        post("/invocations", body, media_type, (HEADER, "iris.tar.gz")),
        post("/endpoints/iris/invocations", body, media_type),
    ):
        status, answer = told(call)
        assert status == 200, answer
        assert [one["label"] for one in answer["predictions"]] == ["setosa"]


def test_other_instances_of_sagemaker(told: Told) -> None:
    """Pictures as they are, texts in lines."""
    for media_type in ("application/x-image", ""):
        status, answer = told(post("/endpoints/shade/invocations", sample(7), media_type))
        assert (status, len(answer["predictions"])) == (200, 1)
    lines = b'{"text": "a"}\n{"text": "b"}\n'
    status, answer = told(post("/endpoints/echo/invocations", lines, "application/jsonlines"))
    assert [one["outputs"]["same"] for one in answer["predictions"]] == [["a"], ["b"]]


def frame(payload: Any, model: str) -> Call:
    """Spell a request for a model."""
    return post("/invocations", json.dumps(payload).encode(), "application/json", (HEADER, model))


@pytest.mark.parametrize(
    "payload",
    [
        {"dataframe_split": {"columns": COLUMNS, "index": [7], "data": [ROW]}},
        {"dataframe_split": {"columns": [0, 1, 2, 3], "data": [ROW]}},
        {"dataframe_records": [RECORD]},
        {"instances": [ROW]},
        {"instances": [RECORD], "params": {}},
        {"inputs": [ROW]},
        {"inputs": {name: [value] for name, value in RECORD.items()}},
        {"inputs": dict(RECORD)},
    ],
)
def test_payloads_of_mlflow(told: Told, payload: Any) -> None:
    """Frames, split or by records, and tensors; columns are matched as everywhere."""
    status, answer = told(frame(payload, "iris"))
    assert status == 200, answer
    assert [one["label"] for one in answer["predictions"]] == ["setosa"]


def test_a_frame_of_texts(told: Told) -> None:
    """A frame of one column is the texts of a model of texts."""
    payload = {"dataframe_split": {"columns": ["x"], "data": [["a"], ["b"]]}}
    status, answer = told(frame(payload, "echo"))
    assert status == 200
    assert [one["outputs"]["same"] for one in answer["predictions"]] == [["a"], ["b"]]


def test_the_only_model_needs_no_name() -> None:
    """MLflow's client names no model; its other paths are there."""
    door = HttpDoor(
        create_app(served(ZOO, "iris"), max_body_bytes=MAX_BODY_BYTES, protocols=["mlflow"])
    )
    try:
        records = {"dataframe_records": [RECORD]}
        reply = door.answer(http_api_v2(post_json("/invocations", records)), CONTEXT)
        assert json_of(reply)["predictions"][0]["label"] == "setosa"
        for path in ("/ping", "/version"):
            assert door.answer(http_api_v2(Call(path)), CONTEXT)["statusCode"] == 200
        # SageMaker's forms are not MLflow's.
        reply = door.answer(http_api_v2(post("/invocations", b"1,2,3,4", "text/csv")), CONTEXT)
        assert reply["statusCode"] == 415
    finally:
        door.close()


@pytest.mark.parametrize(
    ("call", "status", "message"),
    [
        (post_json("/invocations", {"instances": [ROW]}), 400, f"{HEADER}: expected one of"),
        (post_json("/endpoints/nosuch/invocations", []), 404, "model: expected one of"),
        (post_json("/endpoints/iris/invocations", {"x": 1}), 400, "body: expected an object with"),
        (post("/endpoints/iris/invocations", b"x", "text/plain"), 415,
         "content-type: expected one of text/csv, application/json, application/jsonlines"),
        (Call("/endpoints/iris/invocations", "PUT"), 405, "method: expected one of POST"),
        (Call("/endpoints/iris", "POST"), 404, "path: expected one of"),
        (frame({"dataframe_split": {"columns": 5, "data": []}}, "iris"), 400,
         "dataframe_split.columns: expected a list of names, got a number"),
        (frame({"dataframe_split": {"data": [5]}}, "iris"), 400,
         "dataframe_split.data: expected a list of lists, got other values"),
        (post("/endpoints/iris/invocations", b"1,2,3,4\n1,2,x\n\xff", "text/csv"), 400,
         "line 3: expected text in UTF-8"),
        (post("/endpoints/iris/invocations", b"1,2,3,4\n" * 1001, "text/csv"), 400,
         "rows: expected 1 to 1000 rows, got 1001"),
        (post("/endpoints/iris/invocations", b'{"inputs":{"rows":[[1,2,3,4]]}}',
              "application/jsonlines"), 400, "body: expected instances in lines"),
    ],
)  # fmt: skip
def test_errors(told: Told, call: Call, status: int, message: str) -> None:
    """Every error has a code and a message, and the right status."""
    found, answer = told(call)
    assert (found, answer["error_code"]) == (status, "BAD_REQUEST")
    assert answer["message"].startswith(message)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"dataframe_split": [ROW]}, "dataframe_split: expected {"),
        ({"dataframe_split": {"columns": COLUMNS, "data": [ROW[:3]]}},
         "dataframe_split.data[0]: expected 4 values, got 3"),
        ({"dataframe_records": RECORD}, "dataframe_records: expected a list of 1 to 1000"),
        ({"instances": [ROW], "params": {"x": 1}}, "params: expected none"),
        ({"instances": [ROW], "inputs": [ROW]}, "body: expected an object with one of"),
    ],
)  # fmt: skip
def test_wrong_payloads_of_mlflow(told: Told, payload: Any, message: str) -> None:
    """What is wrong with a frame is named."""
    found, answer = told(frame(payload, "iris"))
    assert (found, answer["message"][: len(message)]) == (400, message)


def test_a_cold_start_imports_no_protocol(kinds: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protocols are imported by the first request below their paths, or by the document."""
    monkeypatch.setattr(protocols, "import_module", pytest.fail)
    app = create_app(kinds, max_body_bytes=1, protocols=PROTOCOLS)
    assert sum(isinstance(route, LateRoutes) for route in app.routes) == len(PROTOCOLS) + 1
    with pytest.raises(pytest.fail.Exception):
        app.openapi()


def test_the_document_shows_every_protocol(kinds: Service) -> None:
    """With all protocols the document is valid; each operation has its own id, and its group."""
    document = create_app(kinds, max_body_bytes=1, protocols=PROTOCOLS).openapi()
    from openapi_spec_validator import validate

    validate(document)
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    groups = {tag["name"] for tag in document["tags"]}
    assert {"Open Inference Protocol", "TensorFlow Serving", "Invocations"} <= groups
    assert {tag for one in operations for tag in one["tags"]} <= groups
