"""Routes that the OpenAPI document can show, without building the document's models.

The answers' schemas are named here and written by openapi.py on request: every cold start would
pay for pydantic models in a route's definition.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from function.http.bodies import JSON
from function.http.lean_fastapi import APIRoute, Request, Response
from function.http.problems import PROBLEM_JSON

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

READ: Final = ("GET", "HEAD")
REF: Final = "#/components/schemas/{model}"

SERVICE: Final = "the service"
"""The group of operations that belong to no single model."""

EACH_MODEL: Final = "each model"
"""Operations of this group are shown once per model or version, in the model's own group."""

_PROBLEM: Final = {PROBLEM_JSON: {"schema": {"$ref": REF.format(model="ProblemAnswer")}}}


class LightRoute(Route):
    """Starlette's route, which metrics can name."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with the route in its scope as FastAPI's routes have it."""
        scope["route"] = self
        await super().handle(scope, receive, send)


class ShownRoute(LightRoute):
    """A route that the document shows.

    It becomes one of FastAPI's once the document is asked for: FastAPI takes a quarter of a
    millisecond to build each, which every cold start would pay for.
    """

    def __init__(
        self,
        path: str,
        endpoint: Endpoint,
        summary: str,
        answer: str | dict[str, Any],
        *,
        methods: Sequence[str] = READ,
        group: str = SERVICE,
        **more: Any,
    ) -> None:
        """Describe a route.

        Args:
            path: its parameters in braces.
            endpoint: answers a request.
            summary: one line.
            answer: a schema, or the name of one in openapi.py.
            methods: by default GET and HEAD.
            group: SERVICE or EACH_MODEL.
            more: of the operation, in OpenAPI's form, such as `parameters`.
        """
        super().__init__(path, endpoint, methods=methods)
        self._summary = summary
        self._answer = answer
        self._group = group
        self._more = more

    def shown(self) -> APIRoute:
        """Build FastAPI's route."""
        answer = self._answer
        schema = {"$ref": REF.format(model=answer)} if isinstance(answer, str) else answer
        return APIRoute(
            self.path,
            self.endpoint,
            methods=list(self.methods or ()),
            summary=self._summary,
            tags=[self._group],
            operation_id=self.name + ("_version" if "{version}" in self.path else ""),
            response_description="OK",
            responses={
                200: {"content": {JSON: {"schema": schema}}},
                "4XX": {"description": "The request's fault", "content": _PROBLEM},
                "5XX": {"description": "Not the request's fault", "content": _PROBLEM},
            },
            openapi_extra=self._more or None,
        )


def hidden_route(path: str, endpoint: Endpoint) -> LightRoute:
    """Build a GET route that the document does not show."""
    return LightRoute(path, endpoint, methods=READ, include_in_schema=False)
