"""The OpenAPI document: FastAPI's own, with each model shown by its inputs.

Imported only when the document is requested: a cold start does not need it. The schemas are
enforced by `inputs` and `model`, which can say what was wrong and where;
tests/function/http/test_openapi.py compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from function.http.bodies import JSON
from function.http.examples import examples_of
from function.http.forms import FILE_FIELD
from function.http.late_routes import flat
from function.http.lean_fastapi import APIRoute
from function.http.routes import EACH_MODEL, SERVICE, ShownRoute
from function.inputs import KEYS, NAMED
from model.bundle.versions import Versions
from model.errors import MAX_PROBLEMS
from model.predictor import Predictor
from model.recipes.base import Description
from model.tensors import schema_of

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "number"}
_LABELS: Final = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": _TEXT},
    "description": "Each version with its labels.",
}


def _object(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def _list(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_SUMMARY: Final = {
    **dict.fromkeys(("name", "version", "kind", "description"), _TEXT),
    "versions": _LABELS,
}
_BOUND: Final = {"type": ["number", "null"]}
_COLUMN: Final = _object(
    **dict.fromkeys(("name", "dtype", "missing", "unit"), _TEXT),
    minimum=_BOUND,
    maximum=_BOUND,
    choices=_list(_TEXT),
)
_TENSOR: Final = _object(name=_TEXT, dtype=_TEXT, shape=_list({"type": "integer"}))
_PROBLEM: Final = _object(where=_TEXT, expected=_TEXT, got=_TEXT)

SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "ModelList": _object(models=_list(_object(**_SUMMARY))),
    "VersionsAnswer": _object(model=_TEXT, versions=_LABELS),
    "ModelAnswer": _object(
        **_SUMMARY,
        **dict.fromkeys(("licence", "engine", "sha256", "card", "takes"), _TEXT),
        unit={"type": "string", "description": "Of a regression's values; may be empty."},
        example={"description": "An instance that the model answers, if a short one is known."},
        labels=_list(_TEXT),
        columns=_list(_COLUMN),
        size={
            "type": ["array", "null"],
            "items": {"type": "integer"},
            "description": "Height and width of what the model sees of a picture.",
        },
        inputs=_list(_TENSOR),
        outputs=_list(_TENSOR),
        samples=_list(_TEXT),
        max_instances={"type": "integer"},
        training={"type": "object"},
        metrics={"type": "object", "additionalProperties": _NUMBER},
    ),
    "ProblemAnswer": _object(
        **dict.fromkeys(("type", "title", "detail", "request_id"), _TEXT),
        status={"type": "integer"},
        problems=_list(_PROBLEM, maxItems=MAX_PROBLEMS),
    ),
}
"""The answers' schemas; function/http/routes.py names them. Problems follow RFC 9457."""


GROUPS: Final = {SERVICE: "What is served, and whether it is well."}
"""What the groups of operations are that belong to no single model."""


def document_of(app: FastAPI, models: list[Versions]) -> dict[str, Any]:
    """Write the OpenAPI 3.1 document of an application.

    Args:
        app: all its routes are shown, ours and those that a user added.
        models: the served ones; where a route is in the group EACH_MODEL, each gets its own
            operations, which show its own inputs.
    """
    routes = list(flat(app.routes))
    shown = [route.group for route in routes if isinstance(route, ShownRoute)]
    groups = [group for group in dict.fromkeys([SERVICE, *shown]) if group != EACH_MODEL]
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=[shown for route in routes for shown in _by_method(route)],
        tags=[{"name": one.name, "description": one.latest.manifest.description} for one in models]
        + [{"name": one, "description": GROUPS.get(one, "For its clients.")} for one in groups],
    )
    document.setdefault("components", {}).setdefault("schemas", {}).update(SCHEMAS)
    names = {"schema": {"type": "string", "enum": [one.name for one in models]}}
    examples = {one.path: one.example for one in routes if isinstance(one, ShownRoute)}
    paths: dict[str, Any] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation.get("tags") == [EACH_MODEL]:
                for place, own in _operations_of(path, operation, models):
                    paths.setdefault(place, {})[method] = own
                continue
            for parameter in operation.get("parameters", ()):
                if operation.get("tags", [""])[0] in groups and parameter["name"] == "name":
                    parameter |= names
            make = examples.get(path)
            if make:
                made = {one.name: make(one.latest) for one in models}
                operation["requestBody"]["content"][JSON]["examples"] = {
                    name: {"value": value} for name, value in made.items() if value is not None
                }
            paths.setdefault(path, {})[method] = operation
    return document | {"paths": paths}


def _by_method(route: BaseRoute) -> Iterator[BaseRoute]:
    """Split a route into one per method; HEAD is not shown beside GET."""
    if isinstance(route, ShownRoute):
        route = route.shown()
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
    """Return a route's operation once per model, or per version where its path has one."""
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
        content = _content_of(predictor)
        answer = _object(model=_TEXT, version=_TEXT, predictions=_list(predictor.task.schema()))
        own |= {
            "responses": operation["responses"]
            | {"200": {"description": "OK", "content": {JSON: {"schema": answer}}}},
            "description": manifest.description,
            "requestBody": {"required": True, "content": content},
        }
    return own


def _content_of(predictor: Predictor) -> dict[str, Any]:
    """Return the bodies that a model takes, by media type."""
    description = predictor.recipe.describe()
    schemas = _schemas_of(predictor, description)
    payloads = [_object(**{key: schema}) for key, schema in schemas.items()]
    examples = {key: {"value": value} for key, value in examples_of(predictor).items()}
    schema = payloads[0] if len(payloads) == 1 else {"oneOf": payloads}
    content: dict[str, Any] = {JSON: {"schema": schema, "examples": examples}}
    # `format: binary` is OpenAPI 3.0's; Swagger UI shows its upload button for it.
    upload = {"type": "string", "format": "binary"}
    uploads = {one: {"schema": upload} for one in description.media_types}
    if uploads:
        form = _object(**{FILE_FIELD: upload})
        return {"multipart/form-data": {"schema": form}, **uploads, **content}
    return content


def _schemas_of(predictor: Predictor, description: Description) -> dict[str, Any]:
    """Return what may stand under each key of a payload."""
    manifest, takes = predictor.manifest, description.takes
    limits = {"minItems": 1, "maxItems": manifest.max_instances}
    tensors = schema_of(manifest.inputs)
    for one in manifest.inputs:
        if one.has_batch:
            tensors["properties"][one.name] |= limits
    instance = dict(description.schema)
    some = _list(instance, **limits)
    return {
        key: tensors if key == NAMED else instance if key == takes else some for key in KEYS[takes]
    }
