"""A front: a table of pure functions, and the answers it gives without the function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from infra.local.fronts.cors import is_preflight, with_cors
from infra.local.fronts.request import Moment, Request
from infra.local.fronts.response import Response
from infra.local.fronts.routes import Match
from infra.local.fronts.visit import Visit
from infra.settings.front import FrontConfig

Event = dict[str, Any]


class Failure(Enum):
    """Why a front answers without the function."""

    BAD_REQUEST = "the request is not HTTP"
    HEAD_TOO_LARGE = "the request line and headers are too large"
    BODY_TOO_LARGE = "the body is too large"
    EVENT_TOO_LARGE = "the event made of the request is too large for Lambda"
    SLOW_REQUEST = "the request did not arrive in time"
    BUSY = "there are too many connections or bodies"
    NO_ROUTE = "no route or stage matches"
    FORWARDED_TOO_OFTEN = "X-Forwarded-For has too many addresses"
    FUNCTION_ERROR = "the function failed or timed out"
    BAD_RESULT = "the function's result is not a response"
    BAD_BASE64 = "the function's body is not base64"
    TIMEOUT = "the integration took too long"
    THROTTLED = "no environment is free"
    NOT_SIGNED = "the request has no signature"
    NOT_AUTHENTICATED = "the request has no token"


# Answers that only this server gives are worded like their status [?].
SERVER_ANSWERS: Mapping[Failure, tuple[int, str]] = {
    Failure.BAD_REQUEST: (400, "Bad Request"),
    Failure.SLOW_REQUEST: (408, "Request Timeout"),
    Failure.HEAD_TOO_LARGE: (431, "Request Header Fields Too Large"),
    Failure.BUSY: (503, "Service Unavailable"),
}


@dataclass(frozen=True, kw_only=True)
class Front:
    """One service in front of Lambda.

    Args:
        head_limit_bytes: the most bytes of the request line and headers.
        body_limit_bytes: the most bytes of the request's body.
        timeout_s: how long it waits; None: as long as the function may run.
        authorizations: what it can require before it lets a request in (authorization.py).
        preflight_status: of the preflights that it answers itself if CORS is configured; None: it
            leaves them to the function.
        keeps_cors: whether the function's CORS headers stay beside its own.
        match: returns the route that takes a request.
        check: finds other faults of a request's head.
        event: builds the event for the function.
        response: converts the function's result to a response; raises ResultError.
        failure: returns the front's own answers.
        stamp: adds the front's ids to every response, its own included.
    """

    name: str
    head_limit_bytes: int
    body_limit_bytes: int
    timeout_s: float | None = None
    authorizations: tuple[str, ...]
    preflight_status: int | None = None
    keeps_cors: bool = False
    match: Callable[[Request, FrontConfig], Match | None]
    check: Callable[[Request], Failure | None] = lambda _request: None
    event: Callable[[Visit], Event]
    response: Callable[[bytes, Visit], Response]
    failure: Callable[[Failure], Response]
    stamp: Callable[[Response, Moment], Response]

    def visit(self, request: Request, config: FrontConfig, moment: Moment) -> Visit:
        """Find the route of a request."""
        return Visit(request, config, moment, self.match(request, config))

    def before(self, visit: Visit) -> Response | None:
        """Answer without the function (limits, preflights, routes), or return None to go on."""
        request = visit.request
        if request.head_bytes > self.head_limit_bytes:
            return self.failure(Failure.HEAD_TOO_LARGE)
        kind = self.check(request)
        if kind is not None:
            return self.failure(kind)
        if len(request.body) > self.body_limit_bytes:
            return self.failure(Failure.BODY_TOO_LARGE)
        if self.preflight_status is not None and visit.config.cors and is_preflight(request):
            return Response(self.preflight_status)
        return None if visit.match else self.failure(Failure.NO_ROUTE)

    def after(self, response: Response, visit: Visit) -> Response:
        """Add the front's headers to every response, its own included."""
        if self.preflight_status is not None:
            cors = visit.config.cors
            response = with_cors(response, visit.request, cors, keeps=self.keeps_cors)
        return self.stamp(response, visit.moment)
