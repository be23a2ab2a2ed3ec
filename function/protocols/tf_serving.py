"""TensorFlow Serving's REST API, which KServe's first version and Vertex AI's predict share.

`:predict` answers with the model's own outputs, as TensorFlow Serving does: by row for `instances`,
by column for `inputs`. `:classify` and `:regress` answer with labels and values.

Source: tensorflow.org, "RESTful API"; kserve.github.io, "V1 protocol".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from function.errors import InvalidError, detail_of
from function.http.bodies import JSON, body_of, json_of, json_response
from function.http.examples import instances_example
from function.http.lean_fastapi import Request, Response
from function.http.problems import Endpoint, answering
from function.http.routes import LightRoute, ShownRoute, other_paths
from function.instances import instances_of_columns, instances_of_list
from function.service import RawAnswer, Served, Service
from function.telemetry.invocation import Ask, predict, run
from model.elements import to_json
from model.errors import Problem, kind_of
from model.predictor import Predictor
from model.tensors import Tensor

GROUP: Final = "TensorFlow Serving"
SIGNATURE: Final = "serving_default"
REFUSED: Final = ("parameters", "context")
"""Vertex AI's settings of a prediction, and TensorFlow Serving's features of all examples."""

_OBJECT: Final = {"type": "object"}
_ERROR: Final = {"type": "object", "properties": {"error": {"type": "string"}}}
_DTYPES: Final = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}
"""TensorFlow's names that are not NumPy's in capitals."""


def routes(service: Service, *, max_body_bytes: int, ask: Ask) -> list[LightRoute]:
    """Build the routes, as `function.protocols.Routes` says."""

    async def asked_in(request: Request) -> tuple[Served, dict[str, Any]]:
        served = service.find(**request.path_params)
        return served, _payload_of(await body_of(request, max_body_bytes), served)

    async def tf_models(_request: Request) -> Response:
        return json_response({"models": [one.name for one in service.models()]})

    async def tf_status(request: Request) -> Response:
        manifest = service.find(**request.path_params).manifest
        versions = [manifest.version]
        if "version" not in request.path_params:
            versions = list(service.versions(manifest.name).predictors)
        status = [_status_of(version) for version in versions]
        return json_response({"name": manifest.name, "ready": True, "model_version_status": status})

    async def tf_metadata(request: Request) -> Response:
        return json_response(_metadata_of(service.find(**request.path_params)))

    async def tf_predict(request: Request) -> Response:
        served, asked = await asked_in(request)
        if _is_by_column(asked):
            answer = await ask(run, served, instances_of_columns(asked["inputs"], served))
            return json_response(
                {"outputs": _only({k: to_json(v) for k, v in answer.outputs.items()})}
            )
        instances = instances_of_list(asked["instances"], served)
        answer = await ask(run, served, instances)
        return json_response({"predictions": _rows_of(answer, served.count_of(instances))})

    async def tf_answers(request: Request) -> Response:
        served, asked = await asked_in(request)
        examples = instances_of_list(asked.get("examples"), served)
        answer = await ask(predict, served, examples)
        by_label = request.url.path.endswith(":classify")
        return json_response({"results": [_result_of(one, by_label) for one in answer.predictions]})

    return _routes_of(tf_models, tf_status, tf_metadata, tf_predict, tf_answers)


def _payload_of(body: bytes, served: Served) -> dict[str, Any]:
    asked = json_of(body, served)
    if not isinstance(asked, dict):
        raise InvalidError([Problem("body", '{"instances": […]}', kind_of(asked))])
    if asked.get("signature_name", SIGNATURE) not in (SIGNATURE, ""):
        raise InvalidError([Problem("signature_name", SIGNATURE, "another")])
    for key in REFUSED:
        if asked.get(key):
            raise InvalidError([Problem(key, f"none: a model has no {key}", "some")])
    return asked


def _is_by_column(asked: Mapping[str, Any]) -> bool:
    if ("instances" in asked) == ("inputs" in asked):
        got = "both" if "inputs" in asked else "neither"
        raise InvalidError([Problem("body", '{"instances": …} or {"inputs": …}', got)])
    return "inputs" in asked


def _routes_of(
    models: Endpoint, status: Endpoint, metadata: Endpoint, predict: Endpoint, answers: Endpoint
) -> list[LightRoute]:
    """Give each endpoint its paths."""
    post = {"methods": ["POST"]}
    by_either = _body_of("instances", "inputs") | post | {"example": instances_example}
    by_label, by_value = (
        _body_of("examples") | post | {"example": partial(_examples_of, labelled=labelled)}
        for labelled in (True, False)
    )
    table: list[tuple[str, Endpoint, str, dict[str, Any]]] = [
        ("/v1/models", models, "List the models", {})
    ]
    for path in (
        "/v1/models/{name}/versions/{version}",
        "/v1/models/{name}/labels/{version}",
        "/v1/models/{name}",
    ):
        table += [
            (f"{path}:predict", predict, "Run a model", by_either),
            (f"{path}:classify", answers, "Classify examples", by_label),
            (f"{path}:regress", answers, "Predict values of examples", by_value),
            (f"{path}/metadata", metadata, "Describe a model's signature", {}),
            (path, status, "Say whether a model is available", {}),
        ]
    shown = [
        ShownRoute(
            path, answering(act, _spelt), summary, _OBJECT, group=GROUP, error=_ERROR, **more
        )
        for path, act, summary, more in table
    ]
    acts = [route for route in shown if ":" in route.path]
    others = [route for route in shown if route not in acts]
    # Without the first refusal, `/v1/models/iris:explain` would be the status of "iris:explain".
    colon, rest = "/v1/{rest:path}:{act}", "/v1{rest:path}"
    return [*acts, other_paths(colon, acts, _spelt), *others, other_paths(rest, shown, _spelt)]


def _body_of(*keys: str) -> dict[str, Any]:
    """Describe a body with one of some keys."""
    some = {"type": ["array", "object"]} if len(keys) > 1 else {"type": "array", "minItems": 1}
    name = {"signature_name": {"enum": [SIGNATURE, ""]}}
    forms = [
        {"type": "object", "properties": {key: some} | name, "required": [key]} for key in keys
    ]
    schema = forms[0] if len(forms) == 1 else {"oneOf": forms}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def _examples_of(predictor: Predictor, *, labelled: bool) -> dict[str, Any] | None:
    payload = instances_example(predictor) or {}
    fits = "instances" in payload and bool(predictor.task.labels) is labelled
    return {"examples": payload["instances"]} if fits else None


def _spelt(error: BaseException, status: int) -> tuple[int, dict[str, str]]:
    """Spell an error; what is wrong with a request is a 400 to this protocol's clients."""
    return 400 if status == 422 else status, {"error": detail_of(error)}


def _status_of(version: str) -> dict[str, Any]:
    well = {"error_code": "OK", "error_message": ""}
    return {"version": version, "state": "AVAILABLE", "status": well}


def _metadata_of(served: Served) -> dict[str, Any]:
    manifest = served.manifest
    signature = {
        "inputs": {one.name: _tensor_of(one) for one in manifest.inputs},
        "outputs": {one.name: _tensor_of(one) for one in manifest.outputs},
        "method_name": "tensorflow/serving/predict",
    }
    spec = {"name": manifest.name, "signature_name": "", "version": manifest.version}
    definitions = {"signature_def": {SIGNATURE: signature}}
    return {"model_spec": spec, "metadata": {"signature_def": definitions}}


def _tensor_of(tensor: Tensor) -> dict[str, Any]:
    sizes = [{"size": str(size), "name": ""} for size in tensor.shape]
    return {
        "dtype": f"DT_{_DTYPES.get(tensor.dtype, tensor.dtype.upper())}",
        "tensor_shape": {"dim": sizes, "unknown_rank": False},
        "name": tensor.name,
    }


def _only(values: Mapping[str, Any]) -> Any:
    """Return the only value; of several all, by name."""
    return next(iter(values.values())) if len(values) == 1 else values


def _rows_of(answer: RawAnswer, count: int) -> list[Any]:
    """Divide the outputs among the instances."""
    outputs = {name: to_json(array) for name, array in answer.outputs.items()}
    whole = [name for name, array in answer.outputs.items() if array.shape[:1] != (count,)]
    if whole and count > 1:
        expected = '1, or {"inputs": …}, since an output has no axis for instances'
        raise InvalidError([Problem("instances", expected, str(count))])
    return [
        _only({name: one if name in whole else one[n] for name, one in outputs.items()})
        for n in range(count)
    ]


def _result_of(prediction: Mapping[str, Any], by_label: bool) -> Any:
    """Return [[label, probability], …] of a classification, or the value of a regression."""
    key = "probabilities" if by_label else "value"
    if key not in prediction:
        raise InvalidError([Problem("path", "an act that the model's task has", "another")])
    found = prediction[key]
    return [[label, share] for label, share in found.items()] if by_label else found
