"""Routes that the OpenAPI document can show, without building the document's models.

The answers' schemas are named here and written by openapi.py on request: every cold start would
pay for pydantic models in a route's definition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from function.errors import MethodError
from function.http.bodies import JSON
from function.http.lean_fastapi import APIRoute, Request, Response
from function.http.problems import PROBLEM_JSON, Endpoint, Spell, answering, other_than
from model.predictor import Predictor

READ: Final = ("GET", "HEAD")
EVERY: Final = (*READ, "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
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
        media_type: str = JSON,
        example: Callable[[Predictor], Any] | None = None,
        error: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """Describe a route.

        Args:
            path: its parameters in braces.
            endpoint: answers a request.
            summary: one line.
            answer: a schema, or the name of one in openapi.py.
            methods: by default GET and HEAD.
            group: SERVICE, EACH_MODEL or a protocol's name.
            media_type: of the answer.
            example: makes the body of a request for a model; None where it has none.
            error: the schema of what answers an error; by default a problem.
            more: of the operation, in OpenAPI's form, such as `parameters`.
        """
        super().__init__(path, endpoint, methods=methods)
        self._summary = summary
        self._media_type = media_type
        self.example = example
        self._answer = answer
        self.group = group
        self._error = _PROBLEM if error is None else {JSON: {"schema": error}}
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
            tags=[self.group],
            operation_id=self._operation_id,
            response_description="OK",
            responses={
                200: {"content": {self._media_type: {"schema": schema}}},
                "4XX": {"description": "The request's fault", "content": self._error},
                "5XX": {"description": "Not the request's fault", "content": self._error},
            },
            openapi_extra={"parameters": self._parameters, **self._more},
        )

    @property
    def _operation_id(self) -> str:
        """Return the endpoint's name; of a protocol, which uses one on several paths, the path."""
        if self.group in (SERVICE, EACH_MODEL):
            return self.name + ("_version" if "{version}" in self.path else "")
        return re.sub(r"\W+", "_", self.path).strip("_")

    @property
    def _parameters(self) -> list[dict[str, Any]]:
        """Return the path's parameters; openapi.py writes out those of EACH_MODEL."""
        names = [] if self.group == EACH_MODEL else self.param_convertors
        return [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ]


def other_paths(path: str, routes: Sequence[LightRoute], spell: Spell) -> LightRoute:
    """Build the route that refuses what no other route below a path takes, in a protocol's words.

    Args:
        path: ends in `{rest:path}`.
        routes: the protocol's.
        spell: as for `answering`.
    """

    async def refuse(request: Request) -> Response:
        allowed = [
            method
            for route in routes
            if route.matches(request.scope)[0] is Match.PARTIAL
            for method in route.methods or ()
        ]
        if allowed:
            raise MethodError(allowed)
        raise other_than([route.path for route in routes])

    return LightRoute(path, answering(refuse, spell), methods=EVERY)


def hidden_route(path: str, endpoint: Endpoint) -> LightRoute:
    """Build a GET route that the document does not show."""
    return LightRoute(path, endpoint, methods=READ, include_in_schema=False)
