"""Hold a document against what its service's maker publishes, and list what is not as it says.

Google: the discovery document of the Cloud Run Admin API v1, as google-api-python-client ships it.
Microsoft: the TypedDicts of azure-mgmt-appcontainers, and the limits that their docstrings state.
GitHub: the schemas of workflows and of Dependabot's file, as check-jsonschema ships them.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Required, Union, get_args, get_origin, get_type_hints

from azure.mgmt.appcontainers import models as azure_models
from azure.mgmt.appcontainers import types as azure_types

_OF = ("items", "additionalProperties")
_UNSUPPORTED = "Not supported by Cloud Run"
_AZURE_NAMES = {**vars(azure_models), **vars(azure_types)}
_AZURE_LIMIT = re.compile(r"(Minimum|Maximum) value is (\d+)")


def read_shipped(package: str, path: str) -> Any:
    """Read a JSON file of an installed package, without importing it."""
    return json.loads(Path(str(distribution(package).locate_file(path))).read_text("utf-8"))


@functools.cache
def google_schemas() -> Mapping[str, Any]:
    """Read Google's schemas of Cloud Run, by name."""
    path = "googleapiclient/discovery_cache/documents/run.v1.json"
    schemas: Mapping[str, Any] = read_shipped("google-api-python-client", path)["schemas"]
    return schemas


def _closed(schema: Any) -> Any:
    """Turn one of Google's schemas into a JSON Schema that takes no other keys."""
    if not isinstance(schema, dict):
        return schema
    if _UNSUPPORTED in str(schema.get("description", "")):
        return False
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    inside = {
        key: _closed(schema[key]) for key in ("items", "additionalProperties") if key in schema
    }
    if "properties" in schema:
        of = {key: _closed(value) for key, value in schema["properties"].items()}
        inside = {"properties": of, "additionalProperties": False}
    return {"type": schema["type"], **inside}


def cloud_run_breaches(document: Any) -> list[str]:
    """Hold a service against Google's schema, and its annotations against what it says of them."""
    kinds = {name: _closed(schema) for name, schema in google_schemas().items()}
    schema = {"$ref": "#/$defs/Service", "$defs": kinds}
    breaches = breaches_of(document, schema)
    for resource, found in ("Service", document), ("Revision", document["spec"]["template"]):
        breaches += _annotations(found["metadata"].get("annotations", {}), resource)
    return breaches


def breaches_of(document: Any, schema: Any) -> list[str]:
    """Hold a document against a JSON Schema."""
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    found = Draft202012Validator(schema).iter_errors(document)
    return [f"{'.'.join(map(str, one.absolute_path))}: {one.message}" for one in found]


def _annotations(keys: Iterable[str], resource: str) -> list[str]:
    """Hold annotations against Google's list of which may stand on which resource."""
    told = google_schemas()["ObjectMeta"]["properties"]["annotations"]["description"]
    listed = dict(re.findall(r"\* `([^`]+)`: ([A-Za-z, ]+)", told))
    return [
        f"metadata.annotations.{key}: none of {resource}"
        for key in keys
        if resource not in listed.get(key, "").replace(" ", "").split(",")
    ]


def _inside(value: Any, where: str) -> list[tuple[str, Any]]:
    """List what is in a list or a mapping, each with its place."""
    if isinstance(value, list):
        return [(f"{where}[{number}]", one) for number, one in enumerate(value)]
    return (
        [(f"{where}.{key}", one) for key, one in value.items()] if isinstance(value, dict) else []
    )


def container_app_breaches(document: Any, kind: Any = None, where: str = "") -> list[str]:
    """Hold a value against one of Microsoft's types, and all that is in it."""
    kind = kind or azure_types.ContainerApp
    if hasattr(kind, "__required_keys__"):
        return _azure_object(document, kind, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _azure_choice(document, arguments, where)
    expected = origin or kind
    fits = (int, float) if expected is float else expected
    if not isinstance(document, fits) or isinstance(document, bool) != (expected is bool):
        return [f"{where}: expected {expected.__name__}, got {type(document).__name__}"]
    return [
        found
        for place, one in _inside(document, where)
        for found in container_app_breaches(one, arguments[-1], place)
    ]


def _azure_object(document: Any, kind: Any, where: str) -> list[str]:
    if not isinstance(document, dict):
        return [f"{where}: expected {kind.__name__}, got {type(document).__name__}"]
    known = get_type_hints(kind, localns=_AZURE_NAMES)
    marked = get_type_hints(kind, localns=_AZURE_NAMES, include_extras=True)
    # Not __required_keys__: the types of whole resources lack total=False, so those say all.
    missing = [key for key in marked if get_origin(marked[key]) is Required and key not in document]
    breaches = [f"{where}.{key}: missing".lstrip(".") for key in missing]
    for key, value in document.items():
        place = f"{where}.{key}".lstrip(".")
        if key not in known:
            breaches.append(f"{place}: no key of {kind.__name__}")
            continue
        found = container_app_breaches(value, known[key], place)
        breaches += found or _beyond(value, limits_of(kind, key), place)
    return breaches


def _azure_choice(document: Any, arguments: Sequence[Any], where: str) -> list[str]:
    """Hold a value against `str | Enum`, of which the values are the enum's."""
    known = [
        one.value
        for argument in arguments
        if isinstance(argument, type) and issubclass(argument, Enum)
        for one in argument
    ]
    if document in known:
        return []
    return [f"{where}: expected one of {', '.join(known)}, got {document}"]


def limits_of(kind: type, key: str) -> Mapping[str, int]:
    """Read the least and the most that the docstring of a type states for a key."""
    told = inspect.getdoc(kind) or ""
    found = re.search(rf":ivar {key}:(.*?):vartype", told, re.DOTALL)
    return {side: int(limit) for side, limit in _AZURE_LIMIT.findall(found[1] if found else "")}


def _beyond(value: Any, limits: Mapping[str, int], where: str) -> list[str]:
    if not isinstance(value, int):
        return []
    low, high = limits.get("Minimum", value), limits.get("Maximum", value)
    return [] if low <= value <= high else [f"{where}: expected {low} to {high}, got {value}"]


def github_breaches(document: Any, kind: str = "github-workflows") -> list[str]:
    """Hold a workflow, or what Dependabot reads, against the published schema."""
    path = f"check_jsonschema/builtin_schemas/vendor/{kind}.json"
    return breaches_of(document, read_shipped("check-jsonschema", path))
