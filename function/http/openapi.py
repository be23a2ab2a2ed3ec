"""
The OpenAPI document: FastAPI's own, with each model shown by its inputs.

Imported when the document is asked for and never before: what a cold start does not need costs it
nothing. The schemas are enforced by `inputs` and `model`, which can say what was wrong and where;
tests/function/http/test_openapi.py holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Annotated, Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from function.http.forms import FILE_FIELD
from function.http.lean_fastapi import APIRoute
from function.http.problems import JSON
from function.http.routes import EACH_MODEL, REF, SERVICE
from function.inputs import KEYS
from model.bundle.versions import Versions
from model.predictor import Predictor
from model.recipes.base import Description

Probability = Annotated[float, Field(ge=0, le=1)]


class PredictionAnswer(BaseModel):
    """One instance's answer."""

    label: str
    confidence: Probability
    probabilities: dict[str, Probability]


class PredictAnswer(BaseModel):
    """The answer: one prediction an instance, in their order."""

    model: str
    version: str
    predictions: list[PredictionAnswer]


class ModelSummary(BaseModel):
    """A model in the list."""

    name: str
    version: str
    kind: str
    description: str
    versions: Annotated[dict[str, list[str]], Field(description="Each version with its labels.")]


class ModelList(BaseModel):
    """The models that are served."""

    models: list[ModelSummary]


class VersionsAnswer(BaseModel):
    """A model's versions, each with the labels that stand for it."""

    model: str
    versions: dict[str, list[str]]


class ColumnAnswer(BaseModel):
    """A column: its unit, and the range it was trained on."""

    name: str
    unit: str
    minimum: float
    maximum: float


class ModelAnswer(ModelSummary):
    """What a model says of itself."""

    licence: str
    engine: str
    sha256: str
    labels: list[str]
    columns: list[ColumnAnswer]
    max_instances: int
    training: dict[str, Any]
    metrics: dict[str, float]
    card: str


class ProblemItem(BaseModel):
    """One thing that is wrong: where, what was expected, what it got."""

    where: str
    expected: str
    got: str


class ProblemAnswer(BaseModel):
    """An error, as RFC 9457 writes it, with at most ten problems."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    problems: list[ProblemItem]


_SCHEMAS: Final = (
    PredictAnswer,
    ModelList,
    ModelAnswer,
    VersionsAnswer,
    ProblemAnswer,
)


def document_of(app: FastAPI, models: list[Versions]) -> dict[str, Any]:
    """
    Write the OpenAPI 3.1 document of an application.

    Args:
        app: all its routes are shown, ours and those that a user added.
        models: those that are served; each gets operations of its own where a route is in the
            group EACH_MODEL, so that it shows its own inputs.
    """
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=[shown for route in app.routes for shown in _by_method(route)],
        tags=[{"name": one.name, "description": one.latest.manifest.description} for one in models]
        + [{"name": SERVICE, "description": "What is served, and whether it is well."}],
    )
    _, schemas = models_json_schema([(one, "validation") for one in _SCHEMAS], ref_template=REF)
    document.setdefault("components", {}).setdefault("schemas", {}).update(schemas["$defs"])
    names = {"schema": {"type": "string", "enum": [one.name for one in models]}}
    paths: dict[str, Any] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation.get("tags") == [EACH_MODEL]:
                for place, own in _operations_of(path, operation, models):
                    paths.setdefault(place, {})[method] = own
                continue
            for parameter in operation.get("parameters", ()):
                if operation.get("tags") == [SERVICE] and parameter["name"] == "name":
                    parameter |= names
            paths.setdefault(path, {})[method] = operation
    return document | {"paths": paths}


def _by_method(route: BaseRoute) -> Iterator[BaseRoute]:
    """Part a route into one for each of its methods but HEAD, which goes without saying."""
    if not isinstance(route, APIRoute):
        yield route
        return
    methods = sorted((route.methods or set()) - {"HEAD"})
    for method in methods:
        one = copy(route)
        one.methods = {method}
        if route.operation_id and len(methods) > 1:
            one.operation_id = f"{route.operation_id}_{method.lower()}"
        yield one


def _operations_of(
    path: str, operation: dict[str, Any], models: list[Versions]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Write a route's operation once for each model; for each version, where its path has one."""
    for versions in models:
        at = path.replace("{name}", versions.name)
        if "{version}" not in path:
            yield at, _own(operation, versions.latest)
            continue
        for name, labels in versions.labelled().items():
            title = ", ".join([f"version {name}", *labels])
            yield (
                at.replace("{version}", name),
                _own(operation, versions.predictors[name], title),
            )


def _own(operation: dict[str, Any], predictor: Predictor, title: str = "") -> dict[str, Any]:
    """Make an operation a model's: of a version, by its title, or of the latest one."""
    manifest, act = predictor.manifest, operation["operationId"].removesuffix("_version")
    own = operation | {
        "tags": [manifest.name],
        "summary": f"{operation['summary']} {manifest.name}" + (f", {title}" if title else ""),
        "operationId": f"{act}_{manifest.name}" + (f":{manifest.version}" if title else ""),
    }
    if act == "predict":
        content = _content_of(predictor.recipe.describe(), manifest.max_instances)
        own |= {
            "description": manifest.description,
            "requestBody": {"required": True, "content": content},
        }
    return own


def _content_of(description: Description, max_instances: int) -> dict[str, Any]:
    """Write the bodies that a model takes, by media type."""
    payloads = [
        _object_with(
            key,
            description.schema
            if key == description.takes
            else {
                "type": "array",
                "items": description.schema,
                "minItems": 1,
                "maxItems": max_instances,
            },
        )
        for key in KEYS[description.takes]
    ]
    key = KEYS[description.takes][0]
    example = description.example if key == description.takes else [description.example]
    schema = payloads[0] if len(payloads) == 1 else {"oneOf": payloads}
    content: dict[str, Any] = {JSON: {"schema": schema, "example": {key: example}}}
    # `format: binary` is OpenAPI 3.0's word; Swagger UI draws the upload button by it.
    upload = {"type": "string", "format": "binary"}
    uploads = {one: {"schema": upload} for one in description.media_types}
    if uploads:
        form = _object_with(FILE_FIELD, upload)
        return {"multipart/form-data": {"schema": form}, **uploads, **content}
    return content


def _object_with(key: str, schema: Any) -> dict[str, Any]:
    """Write the schema of an object of one key."""
    return {
        "type": "object",
        "properties": {key: schema},
        "required": [key],
        "additionalProperties": False,
    }
