"""The Open Inference Protocol, to the letter: JSON and binary, both ways, and its errors."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from function import VERSION
from function.doors.http import HttpDoor
from function.errors import InvalidError
from function.http.tensor_data import DATATYPES, read_tensors, write_tensor
from function.protocols.open_inference import HEADER_LENGTH
from tests.function.conftest import CONTEXT
from tests.function.doors.fronts import FRONTS, Call, body_of, header_of, json_of, post
from tests.function.http.form_bodies import sample

Tensors = dict[str, NDArray[Any]]
SCALE: Tensors = {"ids": np.array([[1, 2], [3, 4]]), "rate": np.array(0.5, np.float32)}
BINARY = "application/octet-stream"


def described(tensors: Tensors, *, binary: bool) -> tuple[list[Any], bytes]:
    """Spell inputs as clients do: as the server's own answers are spelt."""
    pairs = [write_tensor(name, array, binary=binary) for name, array in tensors.items()]
    return [one for one, _ in pairs], b"".join(data for _, data in pairs)


def infer(name: str, asked: Any, data: bytes = b"", *, content_type: str = BINARY) -> Call:
    """Spell a request, with binary data after the JSON if there are any."""
    head = json.dumps(asked).encode()
    length = [(HEADER_LENGTH, str(len(head)))] if data else []
    return post(f"/v2/models/{name}/infer", head + data, content_type, *length)


@pytest.fixture(scope="module")
def ask(every_protocol: HttpDoor) -> Callable[..., Any]:
    """Ask through a front, the HTTP API 2.0 unless another is named."""

    def asked(call: Call, front: str = "http-api-2.0") -> Any:
        return every_protocol.answer(FRONTS[front](call), CONTEXT)

    return asked


def outputs_of(reply: Any) -> Tensors:
    """Read the outputs of an answer, in JSON or binary."""
    body, length = body_of(reply), header_of(reply, HEADER_LENGTH)
    end = int(length) if length else len(body)
    answer = json.loads(body[:end])
    return {one.name: one.array for one in read_tensors(answer["outputs"], body[end:])}


def test_metadata(ask: Callable[..., Any]) -> None:
    """Server and models describe themselves; a model is asked by a version or a label too."""
    assert json_of(ask(Call("/v2"))) == {
        "name": "lambake",
        "version": VERSION,
        "extensions": ["binary_tensor_data", "classification"],
    }
    assert json_of(ask(Call("/v2/health/live"))) == {"live": True}
    assert json_of(ask(Call("/v2/health/ready"))) == {"live": True, "ready": True}
    for path in ("/v2/models/people", "/v2/models/people/versions/latest"):
        assert json_of(ask(Call(f"{path}/ready"))) == {"name": "people", "ready": True}
        assert json_of(ask(Call(path))) == {
            "name": "people",
            "versions": ["1"],
            "platform": "onnxruntime_onnx",
            "inputs": [
                {"name": "name", "datatype": "BYTES", "shape": [-1, 1]},
                {"name": "age", "datatype": "FP32", "shape": [-1, 1]},
            ],
            "outputs": [
                {"name": "same", "datatype": "BYTES", "shape": [-1, 1]},
                {"name": "old", "datatype": "BOOL", "shape": [-1, 1]},
            ],
        }


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("binary", [False, True])
def test_every_front(ask: Callable[..., Any], front: str, binary: bool) -> None:
    """Tensors go both ways, in JSON or in binary, which Lambda's fronts carry as base64."""
    inputs, data = described(SCALE, binary=binary)
    asked = {"id": "7", "inputs": inputs, "parameters": {"binary_data_output": binary}}
    reply = ask(infer("scale", asked, data), front)
    assert reply["statusCode"] == 200
    assert outputs_of(reply)["scaled"].tolist() == [[0.5, 1.0], [1.5, 2.0]]
    if not binary:
        assert json_of(reply) == {
            "model_name": "scale",
            "model_version": "1",
            "id": "7",
            "outputs": [
                {"name": "scaled", "datatype": "FP32", "shape": [2, 2], "data": [0.5, 1, 1.5, 2]}
            ],
        }


def test_binary_without_a_content_type(ask: Callable[..., Any]) -> None:
    """Triton's client sends none, and gets binary outputs if it asks for no others."""
    inputs, data = described(SCALE, binary=True)
    call = infer("scale", {"inputs": inputs, "outputs": [{"name": "scaled"}]}, data)
    bare = Call(call.path, "POST", headers=call.headers[1:], body=call.body)
    assert json_of(ask(bare))["outputs"][0]["data"] == [0.5, 1.0, 1.5, 2.0]


VALUES: dict[str, list[Any]] = {
    "BOOL": [True, False],
    "UINT64": [2**64 - 1, 0],
    "INT64": [-(2**63), 1],
    "FP16": [0.1, -65504.0],
    "FP32": [0.1, float("nan")],
    "FP64": [0.1, 1e300],
    "BYTES": ["é", ""],
}


@pytest.mark.parametrize("datatype", DATATYPES)
@pytest.mark.parametrize("binary", [False, True])
def test_every_datatype(datatype: str, binary: bool) -> None:
    """What is written is read back exactly, NaN as null in JSON."""
    values = VALUES.get(datatype, [1, 2])
    dtype = object if datatype == "BYTES" else DATATYPES[datatype]
    array = np.array([values], dtype=dtype)
    told, data = write_tensor("x", array, binary=binary)
    assert (told["datatype"], told["shape"]) == (datatype, [1, 2])
    (tensor,) = read_tensors([json.loads(json.dumps(told, allow_nan=False))], data)
    found = tensor.array
    if datatype == "BYTES" and binary:
        found = np.array([[one.decode() for one in found[0]]], dtype=object)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array, equal_nan=datatype.startswith("FP"))


def test_nested_data() -> None:
    """Data may be nested as the shape is."""
    told = {"name": "x", "shape": [2, 1, 2], "datatype": "INT8", "data": [[[1, 2]], [[3, 4]]]}
    (tensor,) = read_tensors([told], b"")
    assert tensor.array.tolist() == [[[1, 2]], [[3, 4]]]


def text(name: str, *texts: Any) -> dict[str, Any]:
    """Spell a tensor of texts."""
    return {"name": name, "shape": [len(texts)], "datatype": "BYTES", "data": list(texts)}


AGES = {"name": "AGE", "shape": [2, 1], "datatype": "FP64", "data": [36, None]}


@pytest.mark.parametrize(
    ("model", "inputs", "expected"),
    [
        ("people", [text("name", "Jo", "Ann"), AGES], {"same": [["Jo"], ["Ann"]]}),
        ("echo", [text("text", "a", "b")], {"same": [["a"], ["b"]]}),
        ("shade", [text("image", b64encode(sample(7)).decode())], {"mean": [[None]]}),
    ],
)
def test_what_recipes_take(
    ask: Callable[..., Any], model: str, inputs: list[Any], expected: dict[str, Any]
) -> None:
    """Columns, texts and pictures go through the recipe; the outputs are the model's own."""
    outputs = outputs_of(ask(infer(model, {"inputs": inputs})))
    for name, values in expected.items():
        found = outputs[name].tolist()
        assert found == values or (values == [[None]] and found[0][0] > 0)


def test_a_picture_in_binary(ask: Callable[..., Any]) -> None:
    """A picture's own bytes are one element."""
    picture = sample(7)
    told = {"name": "image", "shape": [1, 1], "datatype": "BYTES"}
    data = len(picture).to_bytes(4, "little") + picture
    inputs = [{**told, "parameters": {"binary_data_size": len(data)}}]
    in_json = [text("image", b64encode(picture).decode())]
    answers = [
        outputs_of(ask(infer("shade", {"inputs": inputs}, data))),
        outputs_of(ask(infer("shade", {"inputs": in_json}))),
    ]
    assert answers[0]["mean"].tolist() == answers[1]["mean"].tolist()


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(1, ["1.000000:1", "2.000000:1"]), (9, ["1.000000:1", "0.500000:0"] * 1)],
)
def test_classification(ask: Callable[..., Any], classes: int, expected: list[str]) -> None:
    """The best classes of an output: value, index, and label if there are labels."""
    inputs, _ = described(SCALE, binary=False)
    outputs = [{"name": "scaled", "parameters": {"classification": classes}}]
    (output,) = json_of(ask(infer("scale", {"inputs": inputs, "outputs": outputs})))["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [2, min(classes, 2)])
    assert output["data"][: len(expected)] == expected


ROWS = {"name": "rows", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([], 'body: expected {"inputs": […]}, got a list'),
        ({"id": 7, "inputs": [ROWS]}, "id: expected a text, got a number"),
        ({}, "inputs: expected a list of tensors, got null"),
        ({"inputs": []}, "inputs: expected a list of tensors, got an empty list"),
        (
            {"inputs": [7]},
            'inputs[0]: expected {"name", "shape", "datatype", "data"}, got a number',
        ),
        (
            {"inputs": [ROWS, ROWS]},
            "inputs[1].name: expected another name than the tensors before it, got the same",
        ),
        (
            {"inputs": [ROWS | {"datatype": "FLOAT"}]},
            f"inputs[0].datatype: expected one of {', '.join(DATATYPES)}, got another name",
        ),
        (
            {"inputs": [ROWS | {"shape": [1, -2]}]},
            "inputs[0].shape: expected a list of sizes from 0 to 2147483647, got other values",
        ),
        (
            {"inputs": [ROWS | {"shape": [0, 2**31 - 1, 2**31 - 1]}]},
            "inputs[0].shape: expected at most 64 axes and 2^60 values, got more",
        ),
        (
            {"inputs": [ROWS | {"shape": [1] * 65}]},
            "inputs[0].shape: expected at most 64 axes and 2^60 values, got more",
        ),
        (
            {"inputs": [ROWS | {"data": [1]}]},
            "inputs[0].data: expected 2 values, as the shape says, got 1",
        ),
        (
            {"inputs": [ROWS | {"data": [1, "2"]}]},
            "inputs[0].data[1]: expected a value of FP32, got a string",
        ),
        (
            {"inputs": [{key: ROWS[key] for key in ("name", "shape", "datatype")}]},
            "inputs[0].data: expected a list, flat or nested as the shape, got nothing",
        ),
        (
            {"inputs": [ROWS | {"name": "x"}]},
            "inputs.rows: expected float32 of shape [-1, 2], got nothing; "
            "inputs: expected only rows, got 1 other key",
        ),
        (
            {"inputs": [ROWS], "outputs": [{"name": "x"}]},
            "outputs[0].name: expected one of mean, got another name",
        ),
        (
            {"inputs": [ROWS], "outputs": [{"name": "mean", "parameters": {"classification": -1}}]},
            "outputs[0].parameters.classification: expected 0 or more classes, got fewer",
        ),
    ],
)  # fmt: skip
def test_wrong_requests(ask: Callable[..., Any], asked: Any, message: str) -> None:
    """What is wrong is a 400 in the protocol's words; nothing of it is repeated."""
    reply = ask(infer("mean", asked, content_type="application/json"))
    assert (reply["statusCode"], json_of(reply)) == (400, {"error": message})


def test_wrong_binary_data() -> None:
    """Binary data must be as long as the JSON says, to the byte."""

    def refused(told: dict[str, Any], data: bytes) -> str:
        size = {"parameters": {"binary_data_size": told.pop("size", len(data))}}
        with pytest.raises(InvalidError) as caught:
            read_tensors([{"name": "x", "shape": [2], **told, **size}], data)
        return str(caught.value)

    assert "expected 8 bytes for 2 values of FP32, got 7" in refused(
        {"datatype": "FP32"}, b"1234567"
    )
    assert "got 9 bytes for 8" in refused({"datatype": "FP32", "size": 8}, b"123456789")
    assert "expected bytes of 0 or 1 for BOOL" in refused({"datatype": "BOOL"}, b"\2\0")
    one = b"\1\0\0\0a"
    for data in (one, one + b"\2\0\0\0b", one + one + b"c", one + b"\0\0", b"\xff\xff\xff\xffa"):
        assert "expected 2 elements of BYTES" in refused({"datatype": "BYTES"}, data)
    assert "expected data or binary_data_size, got both" in refused(
        {"datatype": "BOOL", "data": [True, False]}, b"\1\0"
    )


@pytest.mark.parametrize(
    ("call", "status", "where"),
    [
        (infer("nosuch", {"inputs": [ROWS]}), 404, "model: "),
        (Call("/v2/models/mean/versions/9"), 404, "version: "),
        (Call("/v2/models/mean/config"), 404, "path: "),
        (Call("/v2/models/mean/infer"), 405, "method: expected one of POST"),
        (Call("/v2/models/mean/infer", "DELETE"), 405, "method: expected one of POST"),
        (Call("/v2", "POST"), 405, "method: expected one of GET, HEAD"),
        (post("/v2/models/mean/infer", b"{}", BINARY, (HEADER_LENGTH, "3")), 400, HEADER_LENGTH),
        (post("/v2/models/mean/infer", b"{", BINARY), 400, "body: expected JSON"),
        (post("/v2/models/mean/infer", b"{}", BINARY, ("content-encoding", "br")), 415, "content"),
    ],
)  # fmt: skip
def test_statuses(ask: Callable[..., Any], call: Call, status: int, where: str) -> None:
    """Every error is {"error": …} with the right status, below paths without a route, too."""
    reply = ask(call)
    assert reply["statusCode"] == status
    assert json_of(reply)["error"].startswith(where)


def test_our_own_faults(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, log_lines: Any
) -> None:
    """A fault of ours is a 500 without details, and the log has the trace."""
    monkeypatch.setattr("function.protocols.open_inference.write_tensor", lambda *_, **__: 1 / 0)
    reply = ask(infer("mean", {"inputs": [ROWS]}))
    assert reply["statusCode"] == 500
    assert json_of(reply)["error"].startswith("Something failed that is not the request's fault")
