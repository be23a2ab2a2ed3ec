"""MLflow's scoring server: the JSON that its client posts to /invocations.

    {"dataframe_split": {"columns": […], "data": [[…], …]}}
    {"dataframe_records": [{…}, …]}
    {"instances": […]}, {"inputs": …}        as TensorFlow Serving has them

Source: MLflow, "Local inference server specification".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.responses import PlainTextResponse
from starlette.routing import Route

from function import VERSION
from function.errors import InvalidError
from function.http.invocations import GROUP, PostedBody
from function.http.lean_fastapi import Request, Response
from function.http.routes import ShownRoute
from function.inputs import list_of
from function.instances import instances_of_columns, instances_of_list
from function.service import Served, Service
from function.telemetry.invocation import Ask
from model.errors import Problem, kind_of
from model.tensors import Instances


def routes(_service: Service, *, max_body_bytes: int, ask: Ask) -> list[Route]:
    """Build the routes beside /invocations, as `function.protocols.Routes` says."""

    async def mlflow_version(_request: Request) -> Response:
        return PlainTextResponse(VERSION)

    shown: dict[str, Any] = {"group": GROUP, "media_type": "text/plain"}
    text = {"type": "string"}
    return [ShownRoute("/version", mlflow_version, "Say the server's version", text, **shown)]


def read(given: PostedBody, served: Served) -> Instances | None:
    """Read a body, as `function.http.invocations.Reader` says."""
    payload = given.payload
    if not isinstance(payload, dict):
        return None
    forms = payload.keys() & FORMS.keys()
    if len(forms) != 1 or payload.keys() - forms - {"params"}:
        return None
    if payload.get("params"):
        raise InvalidError([Problem("params", "none: a model has no parameters", "some")])
    (form,) = forms
    return FORMS[form](payload[form], served)


def _split(table: Any, served: Served) -> Instances:
    if not isinstance(table, Mapping):
        expected = '{"columns": […], "data": [[…], …]}'
        raise InvalidError([Problem("dataframe_split", expected, kind_of(table))])
    columns, data = table.get("columns"), table.get("data")
    if not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        got = "other values" if isinstance(data, list) else kind_of(data)
        raise InvalidError([Problem("dataframe_split.data", "a list of lists", got)])
    if not isinstance(columns, list | None):
        where = "dataframe_split.columns"
        raise InvalidError([Problem(where, "a list of names", kind_of(columns))])
    if columns is None or not all(isinstance(name, str) for name in columns):
        return instances_of_list(data, served)  # a frame without names has numbers for columns
    for index, row in enumerate(data):
        if len(row) != len(columns):
            where = f"dataframe_split.data[{index}]"
            raise InvalidError([Problem(where, f"{len(columns)} values", str(len(row)))])
    return _records([dict(zip(columns, row, strict=True)) for row in data], served)


def _records(rows: Any, served: Served) -> Instances:
    some = list_of(rows, "dataframe_records", served)
    if served.recipe.takes in ("text", "image") and all(
        isinstance(row, Mapping) and len(row) == 1 for row in some
    ):
        return instances_of_list([next(iter(row.values())) for row in some], served)
    return instances_of_list(some, served)


FORMS: Final[Mapping[str, Callable[[Any, Served], Instances]]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": instances_of_list,
    "inputs": instances_of_columns,
}
"""The keys of a payload, one of which it has."""
