"""
The public contract, as pydantic models, and the OpenAPI document made of them.

Imported when the document is asked for and never before: what a cold start does not need costs it
nothing. The models are enforced by `inputs` and `model`, which can say what was wrong and where;
tests/function/http/test_openapi.py holds the two together.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from model.bundle.manifest import Manifest
from model.bundle.versions import Versions

REF: Final = "#/components/schemas/{model}"
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


_ANSWERS: Final = (
    ImagePayload,
    ImagesPayload,
    RowsPayload,
    PredictAnswer,
    ModelList,
    ModelAnswer,
    VersionsAnswer,
    ProblemAnswer,
)


SERVICE: Final = "the service"
"""The group of the operations of no single model."""


def openapi_of(models: list[Versions], *, version: str, server: str) -> dict[str, Any]:
    """
    Write the OpenAPI 3.1 document: a predict path for each version of each model, and one for its
    latest, so that each shows its own inputs.

    Args:
        models: those that are served.
        version: of this service.
        server: the path under which it is reached, such as `/prod`.
    """
    _, schemas = models_json_schema([(model, "validation") for model in _ANSWERS], ref_template=REF)
    paths = _paths_of(models)
    titles = {one.name: one.latest.manifest.description for one in models}
    for path, operations in paths.items():
        group = [name for name in titles if path.startswith(f"/models/{name}/")] or [SERVICE]
        for operation in operations.values():
            operation["tags"] = group
    titles[SERVICE] = "What is served, and whether it is well."
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lambake",
            "version": version,
            "description": "Trained models, baked into one serverless image and served.",
        },
        "servers": [{"url": server}],
        "tags": [{"name": name, "description": title} for name, title in titles.items()],
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def _paths_of(models: list[Versions]) -> dict[str, Any]:
    """Describe each path's operations."""
    paths: dict[str, Any] = {
        "/add": {
            method: _operation(
                "Add two numbers", {"type": "number"}, parameters=[_number("a"), _number("b")]
            )
            | {"operationId": f"add_{method}"}
            for method in ("get", "post")
        },
        "/healthz": {"get": _operation("Whether the models are loaded", {"type": "object"})},
        "/models": {"get": _operation("List the models", _ref(ModelList))},
        "/models/{name}": {
            "get": _operation("Show a model's card", _ref(ModelAnswer), parameters=[_name(models)])
        },
        "/models/{name}/versions": {
            "get": _operation(
                "List a model's versions", _ref(VersionsAnswer), parameters=[_name(models)]
            )
        },
    }
    for versions in models:
        at = f"/models/{versions.name}"
        paths[f"{at}/predict"] = {"post": _predict(versions.latest.manifest)}
        for name, labels in versions.labelled().items():
            manifest = versions.predictors[name].manifest
            title = ", ".join([f"version {name}", *labels])
            card = _operation(f"Show the card of {versions.name}, {title}", _ref(ModelAnswer))
            paths[f"{at}/versions/{name}"] = {"get": card}
            paths[f"{at}/versions/{name}/predict"] = {"post": _predict(manifest, title)}
    return paths


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}


def _operation(summary: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": _ref(ProblemAnswer)}}
    return {
        "summary": summary,
        **more,
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": schema}}},
            "4XX": {"description": "The request's fault", "content": problem},
            "5XX": {"description": "Not the request's fault", "content": problem},
        },
    }


def _number(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": True,
        "schema": {"type": "number"},
        "example": {"a": 10, "b": 20}[name],
    }


def _name(models: list[Versions]) -> dict[str, Any]:
    names = [versions.name for versions in models]
    return {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "enum": names},
    }


def _predict(manifest: Manifest, title: str = "") -> dict[str, Any]:
    """Describe a predict path: of a version, by its title, or of the latest one."""
    content = _picture_content(manifest) if manifest.of_pictures else _row_content(manifest)
    return _operation(
        f"Predict with {manifest.name}" + (f", {title}" if title else ""),
        _ref(PredictAnswer),
        operationId=f"predict_{manifest.name}" + (f":{manifest.version}" if title else ""),
        description=manifest.description,
        requestBody={"required": True, "content": content},
    )


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
