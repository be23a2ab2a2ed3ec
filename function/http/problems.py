"""Errors as problems (RFC 9457), for every door that speaks HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from starlette.exceptions import HTTPException

from function.errors import (
    InvalidError,
    MethodError,
    UnknownRouteError,
    detail_of,
    outcome_of,
    problems_of,
)
from function.http.bodies import json_response
from function.http.late_routes import LateRoutes
from function.http.lean_fastapi import (
    Request,
    RequestValidationError,
    Response,
    iter_route_contexts,
)
from function.telemetry.invocation import current
from model.errors import MAX_PROBLEMS, Problem

PROBLEM_JSON: Final = "application/problem+json"

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
Spell: TypeAlias = Callable[[BaseException, int], tuple[int, dict[str, Any]]]


def problem_of(error: BaseException) -> dict[str, Any]:
    """Return an error as RFC 9457 spells it, with what was expected, what it got, and where."""
    outcome = outcome_of(error)
    problems = problems_of(error)
    return _problem(outcome.status, outcome.title, detail_of(error)) | {
        "problems": [
            {"where": problem.where, "expected": problem.expected, "got": problem.got}
            for problem in problems
        ]
    }


def _problem(status: int, title: str, detail: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": current().request_id,
        "problems": [],
    }


def problem_response(error: BaseException, headers: dict[str, str] | None = None) -> Response:
    """Answer an error with its problem."""
    problem = problem_of(error)
    headers = (headers or {}) | _headers_of(error)
    return json_response(
        problem, status=problem["status"], media_type=PROBLEM_JSON, headers=headers
    )


def _headers_of(error: BaseException) -> dict[str, str]:
    return {"allow": error.allowed} if isinstance(error, MethodError) else {}


async def on_error(_request: Request, error: Exception) -> Response:
    """Answer our own errors and unexpected ones."""
    current().record_error(error)
    return problem_response(error)


async def on_invalid(request: Request, error: Exception) -> Response:
    """Answer what a route's own pydantic models refuse; FastAPI would echo the input."""
    errors = error.errors() if isinstance(error, RequestValidationError) else ()
    problems = [
        Problem(".".join(map(str, one["loc"])), one["msg"], "something else")
        for one in errors[:MAX_PROBLEMS]
    ]
    return await on_error(request, InvalidError(problems))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer an HTTPException: an unknown path or method, or one that a route raised itself."""
    if not isinstance(error, HTTPException):
        return await on_error(request, error)
    if error.status_code == 405:
        return await on_error(request, MethodError((error.headers or {})["Allow"].split(", ")))
    if "endpoint" not in request.scope:  # no route took it
        return await on_error(request, unknown_path(request))
    if error.status_code >= 500:
        await on_error(request, error)
    problem = _problem(error.status_code, HTTPStatus(error.status_code).phrase, str(error.detail))
    return json_response(
        problem,
        status=error.status_code,
        media_type=PROBLEM_JSON,
        headers=dict(error.headers or {}),
    )


def answering(endpoint: Endpoint, spell: Spell) -> Endpoint:
    """Answer an endpoint's errors in the words of a protocol.

    Args:
        endpoint: may raise anything.
        spell: from an error and the status it means, to the protocol's status and JSON.
    """

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as error:  # noqa: BLE001 -- its clients read no problems
            current().record_error(error)
            status, content = spell(error, outcome_of(error).status)
            return json_response(content, status=status, headers=_headers_of(error))

    return answer


def unknown_path(request: Request) -> UnknownRouteError:
    """Name the paths that there are."""
    # A protocol's paths are listed only for those who ask below them.
    known = [one for one in request.app.routes if not isinstance(one, LateRoutes)]
    return other_than([one.path for one in iter_route_contexts(known) if one.path])


def other_than(paths: Sequence[str]) -> UnknownRouteError:
    """Return the error for a path that is none of these."""
    expected = f"one of {', '.join(dict.fromkeys(paths))}"
    return UnknownRouteError([Problem("path", expected, "another path")])
