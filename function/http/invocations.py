"""`POST /invocations` and `GET /ping`, which SageMaker's and MLflow's servers have in common.

Each of their protocols brings what bodies it reads; the first that knows a body has it. The model
is named by SageMaker's headers, or else it is the only one that is served.

Source: SageMaker, "Use your own inference code with hosting services"; MLflow, "Local inference
server specification".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from starlette.routing import Route

from function.errors import InvalidError, MediaTypeError, detail_of
from function.http.bodies import (
    JSON,
    UNTOLD,
    body_of,
    json_of,
    json_response,
    media_type_of,
    told_by,
)
from function.http.examples import instances_example
from function.http.lean_fastapi import Request, Response
from function.http.problems import answering
from function.http.routes import ShownRoute, other_paths
from function.service import Served, Service
from function.telemetry.invocation import Ask, predict
from model.errors import Problem, kind_of
from model.tensors import Instances

GROUP: Final = "Invocations"
MODEL_HEADER: Final = "x-amzn-sagemaker-target-model"
VERSION_HEADER: Final = "x-amzn-sagemaker-target-variant"

_OBJECT: Final = {"type": "object"}
_FORMS: Final = {
    "instances": {"type": "array", "minItems": 1},
    "inputs": {"type": ["array", "object"]},
    "dataframe_split": {"type": "object", "required": ["data"]},
    "dataframe_records": {"type": "array", "minItems": 1, "items": _OBJECT},
}
_BODY: Final = {
    "oneOf": [{"type": "object", "properties": {k: v}, "required": [k]} for k, v in _FORMS.items()]
}
_ANSWER: Final = {
    "type": "object",
    "properties": {"predictions": {"type": "array"}},
    "required": ["predictions"],
}
_ERROR: Final = {
    "type": "object",
    "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
}


@dataclass(frozen=True, slots=True)
class PostedBody:
    """A body to read: its media type, its bytes, and its JSON if it is JSON."""

    media_type: str
    body: bytes
    payload: Any = None


Reader: TypeAlias = Callable[[PostedBody, Served], Instances | None]
"""Reads a body, or returns None where its form is another protocol's."""


def invocation_routes(
    readers: Sequence[Reader], path: str, service: Service, *, max_body_bytes: int, ask: Ask
) -> list[Route]:
    """Build the routes of `/ping`, and of a path that predicts.

    Args:
        readers: the first that knows a body has it.
        path: `/invocations`, or one that names the model.
        service, max_body_bytes, ask: as in `function.protocols.Routes`.
    """

    async def ping(_request: Request) -> Response:
        return json_response({})

    async def invocations(request: Request) -> Response:
        served = _model_of(request, service)
        body = await body_of(request, max_body_bytes)
        media_type = media_type_of(request.headers.get("content-type", ""))
        if media_type in UNTOLD:
            other = "text/csv" if served.recipe.takes == "row" else UNTOLD[-1]
            media_type = media_type_of(told_by(body)) or other
        payload = json_of(body, served) if media_type == JSON else None
        given = PostedBody(media_type, body, payload)
        for reader in readers:
            instances = reader(given, served)
            if instances is not None:
                answer = await ask(predict, served, instances)
                headers = {"x-model-version": f"{answer.model}/{answer.version}"}
                return json_response({"predictions": answer.predictions}, headers=headers)
        if media_type == JSON:
            expected = f"an object with one of {', '.join(_FORMS)}"
            got = "another object" if isinstance(payload, dict) else kind_of(payload)
            raise InvalidError([Problem("body", expected, got)])
        raise MediaTypeError([Problem("content-type", JSON, "another")])

    body = {"required": True, "content": {JSON: {"schema": _BODY}}}
    shown: dict[str, Any] = {"group": GROUP, "error": _ERROR}
    routes = [
        ShownRoute("/ping", answering(ping, _spelt), "Say whether all is well", _OBJECT, **shown),
        ShownRoute(
            path,
            answering(invocations, _spelt),
            "Predict",
            _ANSWER,
            methods=["POST"],
            example=instances_example,
            requestBody=body,
            **shown,
        ),
    ]
    return [*routes, other_paths("/{rest:path}", routes, _spelt)]


def _model_of(request: Request, service: Service) -> Served:
    """Find the model by the header or the path, or take the only one."""
    name = request.headers.get(MODEL_HEADER) or request.path_params.get("name")
    names = [one.name for one in service.models()]
    if name is None and len(names) != 1:
        raise InvalidError([Problem(MODEL_HEADER, f"one of {', '.join(names)}", "none")])
    # SageMaker's clients name the archive of a model.
    name = (name or names[0]).removesuffix(".tar.gz")
    return service.find(name, request.headers.get(VERSION_HEADER))


def _spelt(error: BaseException, status: int) -> tuple[int, dict[str, str]]:
    """Spell an error as MLflow's server does."""
    code = "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR"
    return 400 if status == 422 else status, {"error_code": code, "message": detail_of(error)}
