"""Cross-origin access, as HTTP APIs and Function URLs handle it themselves.

Source: [DOC] http-api-cors: "API Gateway automatically sends a response to preflight OPTIONS
requests", "ignores CORS headers returned from your backend integration"; and to get CORS headers
"your request must contain an origin header". A Function URL adds its headers to the function's, so
that a browser may see two and refuse them (aws-powertools/powertools-lambda-python#4163) [3P].
"""

from __future__ import annotations

from dataclasses import replace

from infra.local.fronts.request import Pair, Request
from infra.local.fronts.response import Response
from infra.settings.front import Cors

_PREFIX = "access-control-"


def is_preflight(request: Request) -> bool:
    """Whether a browser asks what it may send."""
    asked = request.header("access-control-request-method")
    return request.method == "OPTIONS" and bool(request.header("origin")) and bool(asked)


def with_cors(response: Response, request: Request, cors: Cors | None, *, keeps: bool) -> Response:
    """Add the configured CORS headers.

    A refused origin gets the same status without the headers [?].

    Args:
        keeps: whether the function's own CORS headers stay beside them.
    """
    if cors is None:
        return response
    if not keeps:
        own = tuple(pair for pair in response.headers if not pair[0].lower().startswith(_PREFIX))
        response = replace(response, headers=own)
    return response.plus(*_headers(cors, request))


def _headers(cors: Cors, request: Request) -> list[Pair]:
    origin = request.header("origin")
    if origin is None or not _allowed(cors, origin):
        return []
    # With credentials a browser refuses "*".
    everyone = "*" in cors.allow_origins and not cors.allow_credentials
    headers = [("access-control-allow-origin", "*" if everyone else origin)]
    if cors.allow_credentials:
        headers.append(("access-control-allow-credentials", "true"))
    if is_preflight(request):
        for name, values in (("methods", cors.allow_methods), ("headers", cors.allow_headers)):
            if values:
                headers.append((f"access-control-allow-{name}", ",".join(values)))
        if cors.max_age_s is not None:
            headers.append(("access-control-max-age", str(cors.max_age_s)))
    if cors.expose_headers:
        headers.append(("access-control-expose-headers", ",".join(cors.expose_headers)))
    return headers


def _allowed(cors: Cors, origin: str) -> bool:
    # [DOC] "https://*" allows every origin that starts with https://.
    return any(
        pattern in ("*", origin)
        or (pattern in ("https://*", "http://*") and origin.startswith(pattern[:-1]))
        for pattern in cors.allow_origins
    )
