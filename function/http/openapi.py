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
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from function.http.lean_fastapi import APIRoute
from function.http.routes import EACH_MODEL, REF, SERVICE
from model.bundle.manifest import Manifest
from model.bundle.versions import Versions

Base64 = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]
Probability = Annotated[float, Field(ge=0, le=1)]


class ImagePayload(BaseModel):
    """One picture: JPEG, PNG, WEBP, GIF or BMP in base64."""

    model_config = ConfigDict(extra="forbid")
    image: Base64


class ImagesPayload(BaseModel):
    """Some pictures."""

    model_config = ConfigDict(extra="forbid")
    images: Annotated[list[Base64], Field(min_length=1)]


class RowsPayload(BaseModel):
    """Some rows: lists in column order, or objects by column name."""

    model_config = ConfigDict(extra="forbid")
    rows: Annotated[list[list[float] | dict[str, float]], Field(min_length=1)]


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
    ImagePayload,
    ImagesPayload,
    RowsPayload,
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
            yield at, _own(operation, versions.latest.manifest)
            continue
        for name, labels in versions.labelled().items():
            title = ", ".join([f"version {name}", *labels])
            yield (
                at.replace("{version}", name),
                _own(operation, versions.predictors[name].manifest, title),
            )


def _own(operation: dict[str, Any], manifest: Manifest, title: str = "") -> dict[str, Any]:
    """Make an operation a model's: of a version, by its title, or of the latest one."""
    act = operation["operationId"].removesuffix("_version")
    own = operation | {
        "tags": [manifest.name],
        "summary": f"{operation['summary']} {manifest.name}" + (f", {title}" if title else ""),
        "operationId": f"{act}_{manifest.name}" + (f":{manifest.version}" if title else ""),
    }
    if act == "predict":
        content = _picture_content(manifest) if manifest.of_pictures else _row_content(manifest)
        own |= {
            "description": manifest.description,
            "requestBody": {"required": True, "content": content},
        }
    return own


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}


def _picture_content(manifest: Manifest) -> dict[str, Any]:
    # `format: binary` is OpenAPI 3.0's word; Swagger UI draws the upload button by it.
    picture = {"type": "string", "format": "binary"}
    return {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": picture},
                "required": ["file"],
            }
        },
        "image/*": {"schema": picture},
        "application/json": {
            "schema": {"oneOf": [_ref(ImagePayload), _limited(ImagesPayload, "images", manifest)]}
        },
    }


def _row_content(manifest: Manifest) -> dict[str, Any]:
    middle = {
        column.name: round(((column.minimum or 0) + (column.maximum or 0)) / 2, 1)
        for column in manifest.columns
    }
    rows = {"rows": [list(middle.values()), middle]}
    return {
        "application/json": {
            "schema": _limited(RowsPayload, "rows", manifest),
            "example": rows,
        }
    }


def _limited(model: type[BaseModel], key: str, manifest: Manifest) -> dict[str, Any]:
    limit = {"properties": {key: {"maxItems": manifest.max_instances}}}
    return {"allOf": [_ref(model), limit]}
