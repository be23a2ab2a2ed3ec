"""Requests, moments and settings that the tests of the fronts share."""

from __future__ import annotations

import base64
import json
from typing import Any

from infra.local.fronts.request import Moment, Request
from infra.local.fronts.visit import Visit
from infra.local.gateway import front_of
from infra.settings.front import FrontConfig
from tests import ROOT

EVENTS = ROOT / "tests" / "events" / "fronts"
FRONT_NAMES = ("http_api", "http_api_v1", "rest_api", "alb", "alb_multi", "function_url")
V2 = ("http_api", "function_url")
V1 = ("http_api_v1", "rest_api")
ALBS = ("alb", "alb_multi")
MOMENT = Moment(
    now_s=1783711145.5,
    uuid="6f1c9a52-8f0b-4a39-9d5c-0d7c2f1e8b11",
    short_id="ATfSmjLgPHcESJw=",
    trace_id="Root=1-6a514329-0123456789abcdef01234567",
)


def request(method: str = "GET", target: str = "/", body: bytes = b"", **headers: str) -> Request:
    """Make a request; header names take "-" for "_"."""
    raw_path, _, raw_query = target.partition("?")
    fields = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request(
        method=method,
        raw_path=raw_path,
        raw_query=raw_query,
        fields=(("host", "h:8080"), *fields),
        body=body,
        port=8080,
    )


def settings(front: str = "", **options: object) -> FrontConfig:
    """Make a front's settings as the gateway does."""
    if front == "alb_multi":
        options["multi_value_headers"] = True
    return FrontConfig.model_validate(options)


def visit(front: str, asked: Request | None = None, **options: object) -> Visit:
    """Come to a front with a request, at the golden moment."""
    return front_of(front).visit(asked or request(), settings(front, **options), MOMENT)


def event(front: str, asked: Request, **options: object) -> dict[str, Any]:
    """Make a front's event, once the front would let the request pass, as the function gets it."""
    visited = visit(front, asked, **options)
    early = front_of(front).before(visited)
    if early is not None:
        raise AssertionError(f"expected to pass the front, got {early}")
    made: dict[str, Any] = json.loads(json.dumps(front_of(front).event(visited)))
    return made


def nasty() -> Request:
    """Read the one request with everything odd in it."""
    told = json.loads((EVENTS / "nasty_request.json").read_text(encoding="utf-8"))
    return Request(
        method=told["method"],
        raw_path=told["raw_path"],
        raw_query=told["raw_query"],
        fields=tuple((name, value) for name, value in told["fields"]),
        body=base64.b64decode(told["body_base64"]),
        source_ip=told["source_ip"],
        port=told["port"],
        scheme=told["scheme"],
        protocol=told["protocol"],
    )
