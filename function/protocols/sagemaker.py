"""SageMaker's endpoints: what its clients and batch jobs post to /invocations.

    text/csv                     rows, with a header or without
    application/jsonlines        one instance a line
    image/*, application/x-image a picture
    application/json             {"instances": […]}, a list of instances, or a payload of ours

boto3's `invoke_endpoint` posts to /endpoints/{name}/invocations, where the name is the model's.

Source: SageMaker runtime's API reference, InvokeEndpoint; "Common data formats for inference".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from starlette.routing import Route

from function.errors import InvalidError, MediaTypeError
from function.http.bodies import JSON
from function.http.invocations import PostedBody, invocation_routes
from function.inputs import KEYS, instances_of
from function.instances import instances_of_list
from function.objects.csv_rows import rows_of_csv
from function.objects.formats import json_lines
from function.objects.lines import Item, lines_in
from function.service import Served, Service
from function.telemetry.invocation import Ask
from model.errors import Problem
from model.tensors import Instances, NamedInputs

LINES: Final = ("application/jsonlines", "application/x-ndjson", "application/x-jsonlines")
PICTURES: Final = ("image/", "application/x-image", "application/octet-stream")


def routes(service: Service, *, max_body_bytes: int, ask: Ask) -> list[Route]:
    """Build the routes beside /invocations, as `function.protocols.Routes` says."""
    path = "/endpoints/{name}/invocations"
    built = invocation_routes([read], path, service, max_body_bytes=max_body_bytes, ask=ask)
    return [route for route in built if route.path != "/ping"]


def read(given: PostedBody, served: Served) -> Instances | None:
    """Read a body, as `function.http.invocations.Reader` says."""
    takes, payload = served.recipe.takes, given.payload
    if given.media_type == "text/csv" and takes == "row":
        lines = lines_in([given.body], max_bytes=len(given.body))
        return _all_of(rows_of_csv(lines, served.description.columns), served)
    if given.media_type in LINES:
        lines = lines_in([given.body], max_bytes=len(given.body))
        return _all_of(json_lines(lines, served), served)
    if given.media_type.startswith(PICTURES) and takes == "image":
        return [given.body]
    if given.media_type != JSON:
        own = {"row": "text/csv, ", "image": "image/*, "}.get(takes, "")
        expected = f"one of {own}{JSON}, {LINES[0]}"
        raise MediaTypeError([Problem("content-type", expected, "another")])
    if isinstance(payload, list):
        return instances_of_list(payload, served)
    if isinstance(payload, dict) and payload.keys() == {"instances"}:
        return instances_of_list(payload["instances"], served)
    is_ours = isinstance(payload, dict) and len(payload) == 1 and payload.keys() <= {*KEYS[takes]}
    return instances_of(payload, served) if is_ours else None


def _all_of(items: Iterator[Item], served: Served) -> list[Any]:
    """Return what all lines hold, or raise the first line's error."""
    instances: list[Any] = []
    for item in items:
        if item.error:
            first = item.error.problems[0]
            where = f"line {item.place['line']}" + f".{first.where}" * (first.where != "line")
            raise type(item.error)([Problem(where, first.expected, first.got)])
        if isinstance(item.instance, NamedInputs):
            raise InvalidError([Problem("body", "instances in lines", "inputs by name")])
        instances.append(item.instance)
        if len(instances) > served.manifest.max_instances:
            break  # too many: the model refuses them
    return instances
