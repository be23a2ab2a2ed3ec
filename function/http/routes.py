"""
Build a route that the OpenAPI document can show, without building what shows it.

The answers' schemas are named here and written by openapi.py, when somebody asks for the document:
pydantic models at a route's definition would be paid for by every cold start.
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
"""The group of the operations of no single model."""

EACH_MODEL: Final = "each model"
"""What is in this group is shown once for each model or version, in the group of the model."""

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
    """
    Build a route of the document.

    Args:
        path: with its parameters in braces.
        endpoint: takes the request, and nothing that FastAPI would have to work out.
        summary: one line.
        answer: a schema, or the name of one in openapi.py.
        methods: GET and HEAD unless it is said otherwise.
        group: SERVICE or EACH_MODEL.
        parameters: as OpenAPI spells them.
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
    """Build a route to read that the document does not show."""
    return APIRoute(path, endpoint, methods=list(READ), include_in_schema=False)
