"""What a front is: a table of pure functions, and the answers it gives without the function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from infra.local.fronts.request import Moment, Request
from infra.local.fronts.response import Response
from infra.settings.front import FrontConfig

Event = dict[str, Any]


class Failure(Enum):
    """Why a front answers by itself."""

    BAD_REQUEST = "the request is no HTTP"
    HEAD_TOO_LARGE = "the request line and headers are too large"
    BODY_TOO_LARGE = "the body is too large"
    EVENT_TOO_LARGE = "the event made of the request is too large for Lambda"
    SLOW_REQUEST = "the request did not arrive in time"
    BUSY = "there are too many connections"
    NO_ROUTE = "no route or stage matches"
    FORWARDED_TOO_OFTEN = "X-Forwarded-For has too many addresses"
    FUNCTION_ERROR = "the function failed or timed out"
    BAD_RESULT = "the function's result is no response"
    BAD_BASE64 = "the function's body is no base64"
    TIMEOUT = "the integration took too long"
    THROTTLED = "no environment is free"
    NOT_SIGNED = "the request has no signature"
    NOT_AUTHENTICATED = "the request has no token"


# What only this server says is worded as its status is [?].
SERVER_ANSWERS: Mapping[Failure, tuple[int, str]] = {
    Failure.BAD_REQUEST: (400, "Bad Request"),
    Failure.SLOW_REQUEST: (408, "Request Timeout"),
    Failure.HEAD_TOO_LARGE: (431, "Request Header Fields Too Large"),
    Failure.BUSY: (503, "Service Unavailable"),
}


@dataclass(frozen=True)
class Front:
    """
    One service in front of Lambda.

    Args:
        before: answer without the function, or None to go on (limits, routes, CORS).
        event: the event for the function.
        response: its result as a response; raises ResultError.
        failure: what the front says by itself.
        after: what the front adds to every response, its own included.
        timeout_s: how long it waits; None: as long as the function may run.
        authorizations: what it can ask for before it lets a request in (authorization.py).
    """

    name: str
    before: Callable[[Request, FrontConfig], Response | None]
    event: Callable[[Request, FrontConfig, Moment], Event]
    response: Callable[[bytes, Request, FrontConfig], Response]
    failure: Callable[[Failure], Response]
    after: Callable[[Response, Request, FrontConfig, Moment], Response]
    timeout_s: float | None
    authorizations: tuple[str, ...]
