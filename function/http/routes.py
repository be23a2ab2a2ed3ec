"""Build a route that the OpenAPI document can show, without building the document's models.

The answers' schemas are named here and written by openapi.py on request: every cold start would
pay for pydantic models in a route's definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from function.http.bodies import JSON
from function.http.lean_fastapi import APIRoute
from function.http.problems import PROBLEM_JSON

READ: Final = ("GET", "HEAD")
REF: Final = "#/components/schemas/{model}"

SERVICE: Final = "the service"
"""The group of operations that belong to no single model."""

EACH_MODEL: Final = "each model"
"""Operations of this group are shown once per model or version, in the model's own group."""

_PROBLEM: Final = {PROBLEM_JSON: {"schema": {"$ref": REF.format(model="ProblemAnswer")}}}


def shown_route(
    path: str,
    endpoint: Any,
    summary: str,
    answer: str | dict[str, Any],
    *,
    methods: Sequence[str] = READ,
    group: str = SERVICE,
    parameters: Sequence[dict[str, Any]] = (),
) -> APIRoute:
    """Build a route that the document shows.

    Args:
        path: its parameters in braces.
        endpoint: takes only the request, so FastAPI has no parameters to work out.
        summary: one line.
        answer: a schema, or the name of one in openapi.py.
        methods: by default GET and HEAD.
        group: SERVICE or EACH_MODEL.
        parameters: in OpenAPI's form.
    """
    schema = {"$ref": REF.format(model=answer)} if isinstance(answer, str) else answer
    return APIRoute(
        path,
        endpoint,
        methods=list(methods),
        summary=summary,
        tags=[group],
        operation_id=endpoint.__name__ + ("_version" if "{version}" in path else ""),
        response_description="OK",
        responses={
            200: {"content": {JSON: {"schema": schema}}},
            "4XX": {"description": "The request's fault", "content": _PROBLEM},
            "5XX": {"description": "Not the request's fault", "content": _PROBLEM},
        },
        openapi_extra={"parameters": list(parameters)} if parameters else None,
    )


def hidden_route(path: str, endpoint: Any) -> APIRoute:
    """Build a GET route that the document does not show."""
    return APIRoute(path, endpoint, methods=list(READ), include_in_schema=False)
