"""The Open Inference Protocol, version 2, as Triton, KServe and MLServer speak it.

The tensors are the model's own, past its recipe. A model also takes what its recipe takes: pictures
as a BYTES tensor `image`, texts as one named `text`, rows as a tensor for each column. The outputs
are the model's own in either case. Of the protocol's extensions there are binary tensor data and
classification.

Source: kserve/open-inference-protocol, inference_rest.md; Triton's extension_binary_data.md and
extension_classification.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from function import VERSION
from function.errors import InvalidError, detail_of
from function.http.bodies import JSON, body_of, json_of, json_response
from function.http.examples import example_of
from function.http.lean_fastapi import Request, Response
from function.http.problems import Endpoint, answering
from function.http.routes import LightRoute, ShownRoute, other_paths
from function.http.tensor_data import DATATYPES, TensorData, datatype_of, read_tensors, write_tensor
from function.inputs import decoded_base64
from function.service import Served, Service
from function.telemetry.invocation import Ask, run
from model.bundle.manifest import Manifest
from model.errors import Problem, kind_of
from model.predictor import Predictor
from model.recipes.base import name_key
from model.tensors import Instances, NamedInputs, Tensor

GROUP: Final = "Open Inference Protocol"
HEADER_LENGTH: Final = "inference-header-content-length"
BINARY: Final = "application/octet-stream"
EXTENSIONS: Final = ("binary_tensor_data", "classification")

_OBJECT: Final = {"type": "object"}
_ERROR: Final = {"type": "object", "properties": {"error": {"type": "string"}}}
_NAME: Final = {"name": {"type": "string"}}
_SIZE: Final = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
_TENSOR: Final = {
    "type": "object",
    "properties": {
        **_NAME,
        "shape": {"type": "array", "items": _SIZE},
        "datatype": {"enum": [*DATATYPES]},
        "data": {"type": "array"},
        "parameters": _OBJECT,
    },
    "required": ["name", "shape", "datatype"],
}
_OUTPUT: Final = {"type": "object", "properties": _NAME, "required": [*_NAME]}
_REQUEST: Final = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "inputs": {"type": "array", "items": _TENSOR, "minItems": 1},
        "outputs": {"type": "array", "items": _OUTPUT},
        "parameters": _OBJECT,
    },
    "required": ["inputs"],
}


async def server_metadata(_request: Request) -> Response:
    """Describe the server."""
    return json_response({"name": "lambake", "version": VERSION, "extensions": EXTENSIONS})


async def server_live(_request: Request) -> Response:
    """Answer as long as the process does."""
    return json_response({"live": True})


async def server_ready(_request: Request) -> Response:
    """Answer once the models are loaded, which they are before any request."""
    return json_response({"live": True, "ready": True})


def routes(service: Service, *, max_body_bytes: int, ask: Ask) -> list[LightRoute]:
    """Build the routes, as `function.protocols.Routes` says."""

    async def model_ready(request: Request) -> Response:
        name = service.find(**request.path_params).manifest.name
        return json_response({"name": name, "ready": True})

    async def model_metadata(request: Request) -> Response:
        manifest = service.find(**request.path_params).manifest
        return json_response(
            {
                "name": manifest.name,
                "versions": list(service.versions(manifest.name).predictors),
                "platform": f"onnxruntime_{manifest.engine}",
                "inputs": list(map(_metadata_of, manifest.inputs)),
                "outputs": list(map(_metadata_of, manifest.outputs)),
            }
        )

    async def infer(request: Request) -> Response:
        served = service.find(**request.path_params)
        body = await body_of(request, max_body_bytes)
        asked, binary = _parts_of(body, request.headers.get(HEADER_LENGTH), served)
        wanted = _wanted_in(asked, served.manifest)
        tensors = read_tensors(asked.get("inputs"), binary)
        answer = await ask(run, served, _instances_of(tensors, served))
        told = {"model_name": answer.model, "model_version": answer.version}
        if "id" in asked:
            told["id"] = asked["id"]
        labels = served.task.labels
        return _response_of(
            told, [(one, one.shown(answer.outputs[one.name], labels)) for one in wanted]
        )

    return _routes_of(metadata=model_metadata, ready=model_ready, infer=infer)


def _routes_of(*, metadata: Endpoint, ready: Endpoint, infer: Endpoint) -> list[LightRoute]:
    """Give each endpoint its paths."""
    body = {"required": True, "content": {JSON: {"schema": _REQUEST}}}
    post = {"methods": ["POST"], "requestBody": body, "example": _example_of}
    table: list[tuple[str, Endpoint, str, dict[str, Any]]] = [
        ("/v2", server_metadata, "Describe the server", {}),
        ("/v2/health/live", server_live, "Say whether the server is alive", {}),
        ("/v2/health/ready", server_ready, "Say whether the server is ready", {}),
    ]
    for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        table += [
            (path, metadata, "Describe a model's tensors", {}),
            (f"{path}/ready", ready, "Say whether a model is ready", {}),
            (f"{path}/infer", infer, "Run a model on tensors", post),
        ]
    shown = [
        ShownRoute(
            path, answering(act, _spelt), summary, _OBJECT, group=GROUP, error=_ERROR, **more
        )
        for path, act, summary, more in table
    ]
    return [*shown, other_paths("/v2{rest:path}", shown, _spelt)]


def _example_of(predictor: Predictor) -> dict[str, Any] | None:
    """Return a request that a model answers: by its tensors, or by a picture or a text."""
    takes, example = predictor.recipe.takes, example_of(predictor)
    if example is None:
        return None
    if takes in ("image", "text"):
        told: dict[str, Any] = {"name": takes, "datatype": "BYTES", "shape": [1], "data": [example]}
        return {"inputs": [told]}
    instances = NamedInputs(example) if takes == "tensors" else [example]
    arrays = predictor.prepare(instances).items()
    return {"inputs": [write_tensor(name, one, binary=False)[0] for name, one in arrays]}


def _spelt(error: BaseException, status: int) -> tuple[int, dict[str, str]]:
    """Spell an error; what is wrong with a request is a 400 to this protocol's clients."""
    return 400 if status == 422 else status, {"error": detail_of(error)}


def _metadata_of(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "datatype": datatype_of(tensor.dtype),
        "shape": list(tensor.shape),
    }


def _parts_of(body: bytes, length: str | None, served: Served) -> tuple[dict[str, Any], bytes]:
    """Split a body into its JSON and the binary data after it."""
    end = len(body)
    if length is not None:
        if not (length.isascii() and length.isdigit() and int(length) <= end):
            expected = f"at most the body's {end} bytes"
            raise InvalidError([Problem(HEADER_LENGTH, expected, "another number")])
        end = int(length)
    asked = json_of(body[:end], served)
    if not isinstance(asked, dict):
        raise InvalidError([Problem("body", '{"inputs": […]}', kind_of(asked))])
    if not isinstance(asked.get("id", ""), str):
        raise InvalidError([Problem("id", "a text", kind_of(asked["id"]))])
    return asked, body[end:]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An output that is asked for: in binary or not, as the best classes if there are any."""

    name: str
    binary: bool
    classes: int = 0

    def shown(self, array: NDArray[Any], labels: Sequence[str]) -> NDArray[Any]:
        """Return the output, or "0.998721:7:seven" for each of its best classes."""
        if not self.classes:
            return array
        if array.ndim == 0 or array.dtype.kind not in "fiub":
            raise InvalidError([Problem("classification", "an output of numbers", "another")])
        best = np.argsort(-array.astype(np.float64), axis=-1, kind="stable")[..., : self.classes]
        named = labels if len(labels) == array.shape[-1] else ()
        values = np.take_along_axis(array, best, axis=-1)
        spelt = [
            f"{value:f}:{index}" + (f":{named[index]}" if named else "")
            for value, index in zip(values.flat, best.reshape(-1).tolist(), strict=True)
        ]
        return np.array(spelt, dtype=object).reshape(best.shape)


def _wanted_in(asked: Mapping[str, Any], manifest: Manifest) -> list[_Wanted]:
    """Return the outputs that are asked for, by default all of them."""
    names = [one.name for one in manifest.outputs]
    binary = _parameters_of(asked).get("binary_data_output") is True
    described = asked.get("outputs")
    if not described:
        return [_Wanted(name, binary) for name in names]
    if not isinstance(described, list):
        raise InvalidError([Problem("outputs", "a list of outputs", kind_of(described))])
    wanted: list[_Wanted] = []
    for index, one in enumerate(described):
        where = f"outputs[{index}]"
        name = one.get("name") if isinstance(one, dict) else None
        if name not in names:
            got = "another name" if isinstance(name, str) else "none"
            raise InvalidError([Problem(f"{where}.name", f"one of {', '.join(names)}", got)])
        parameters = _parameters_of(one)
        classes = parameters.get("classification", 0)
        if type(classes) is not int or classes < 0:
            where = f"{where}.parameters.classification"
            got = "fewer" if type(classes) is int else kind_of(classes)
            raise InvalidError([Problem(where, "0 or more classes", got)])
        wanted.append(_Wanted(name, parameters.get("binary_data", binary) is True, classes))
    return wanted


def _parameters_of(table: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = table.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _instances_of(tensors: Sequence[TensorData], served: Served) -> Instances:
    """Return the model's own tensors, or what its recipe takes."""
    takes = served.recipe.takes
    if not _are_own(tensors, served.manifest.inputs):
        if takes in ("image", "text") and [(one.name, one.datatype) for one in tensors] == [
            (takes, "BYTES")
        ]:
            elements = tensors[0].array.reshape(-1).tolist()
            return list(map(_picture if takes == "image" else _text, elements))
        if takes == "row":
            keys = {name_key(column.name) for column in served.description.columns}
            if not keys or any(name_key(one.name) in keys for one in tensors):
                return _rows_of(tensors)
    return NamedInputs({one.name: _with_texts(one) for one in tensors})


def _are_own(tensors: Sequence[TensorData], inputs: Sequence[Tensor]) -> bool:
    """Whether these are the inputs' names, with texts and axes where the inputs have them."""
    forms = {one.name: (one.dtype == "string", len(one.shape)) for one in inputs}
    return forms == {one.name: (one.datatype == "BYTES", one.array.ndim) for one in tensors}


def _rows_of(tensors: Sequence[TensorData]) -> list[dict[str, Any]]:
    """Turn columns, [N] or [N, 1] each, into rows by name; NaN is a missing value."""
    count = tensors[0].array.size
    if not all(one.array.shape in ((count,), (count, 1)) for one in tensors):
        expected = "columns of [N] or [N, 1], with the same N"
        raise InvalidError([Problem("inputs", expected, "other shapes")])
    columns = [
        [None if value != value else value for value in _with_texts(one).reshape(-1).tolist()]
        for one in tensors
    ]
    names = [one.name for one in tensors]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _with_texts(tensor: TensorData) -> NDArray[Any]:
    """Return a tensor, its bytes decoded."""
    if tensor.datatype != "BYTES":
        return tensor.array
    texts = np.empty(tensor.array.size, dtype=object)
    texts[:] = list(map(_text, tensor.array.reshape(-1).tolist()))
    return texts.reshape(tensor.array.shape)


def _text(element: str | bytes) -> str:
    try:
        return element.decode() if isinstance(element, bytes) else element
    except UnicodeDecodeError as exc:
        raise InvalidError([Problem("inputs", "texts in UTF-8", "other bytes")]) from exc


def _picture(element: str | bytes) -> bytes:
    return element if isinstance(element, bytes) else decoded_base64(element, "image")


def _response_of(told: dict[str, Any], outputs: Sequence[tuple[_Wanted, NDArray[Any]]]) -> Response:
    """Answer with the outputs: JSON, and the binary data after it if there are any."""
    written = [write_tensor(one.name, array, binary=one.binary) for one, array in outputs]
    told["outputs"] = [output for output, _ in written]
    if not any(one.binary for one, _ in outputs):
        return json_response(told)
    head = json.dumps(told, allow_nan=False, separators=(",", ":")).encode()
    body = head + b"".join(data for _, data in written)
    return Response(body, headers={HEADER_LENGTH: str(len(head))}, media_type=BINARY)
