"""Answer HTTP APIs: a request to `<api id>.execute-api.…` reaches the API's function.

moto has no data plane for them. The $default route leads, by the alias's weights, to the emulator's
HTTP API front; other routes, custom domains and the contents of tokens are ignored.
"""

from __future__ import annotations

import contextlib
import http.client
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from moto.apigatewayv2.models import apigatewayv2_backends
from moto.awslambda.models import lambda_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from infra.cloud.plugin import ImageFunctions
from infra.cloud.replaced import replaced
from infra.cloud.versions import function_behind
from infra.local.server import LocalLambda

_HOST = re.compile(
    r"(?P<api>[a-z0-9]+)\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(:\d+)?"
)
_FUNCTION = re.compile(r":function:(?P<name>[^:/]+)(?::(?P<qualifier>[^:/]+))?")
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})
_OPEN = "NONE"

Environ = dict[str, Any]
Start = Callable[..., Any]


@contextlib.contextmanager
def apis_answered(functions: ImageFunctions) -> Iterator[None]:
    """Answer requests to HTTP APIs while the block runs."""
    original = DomainDispatcherApplication.__call__

    def call(self: Any, environ: Environ, start_response: Start) -> Iterable[bytes]:
        found = _HOST.fullmatch(environ.get("HTTP_HOST", ""))
        if found is None:
            answer: Iterable[bytes] = original(self, environ, start_response)
            return answer
        status, headers, body = _answer(functions, found["api"], found["region"], environ)
        start_response(status, headers)
        return [body]

    with replaced((DomainDispatcherApplication, "__call__", call)):
        yield


Answer = tuple[str, list[tuple[str, str]], bytes]


def _answer(functions: ImageFunctions, api_id: str, region: str, environ: Environ) -> Answer:
    owners = [
        (account, regions[region].apis[api_id])
        for account, regions in apigatewayv2_backends.items()
        if region in regions and api_id in regions[region].apis
    ]
    if not owners:
        return _message("404 Not Found", "Not Found")
    ((account, api),) = owners
    route = next((route for route in api.routes.values() if route.route_key == "$default"), None)
    if route is None or not route.target:
        return _message("404 Not Found", "Not Found")
    if (route.authorization_type or _OPEN) != _OPEN and not environ.get("HTTP_AUTHORIZATION"):
        refused = ("403 Forbidden", "Forbidden"), ("401 Unauthorized", "Unauthorized")
        return _message(*refused[route.authorization_type == "JWT"])
    integration = api.integrations[route.target.rpartition("/")[2]]
    named = _FUNCTION.search(integration.integration_uri)
    if named is None:
        return _message("500 Internal Server Error", "Internal Server Error")
    backend = lambda_backends[account][region]
    function = function_behind(backend, named["name"], named["qualifier"])
    return _pass_on(functions.local(function, named["qualifier"]), environ)


def _message(status: str, text: str) -> Answer:
    return status, [("content-type", "application/json")], f'{{"message":"{text}"}}'.encode()


def _pass_on(local: LocalLambda, environ: Environ) -> Answer:
    """Pass a WSGI request on to a front unchanged."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    sent = {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}
    # As sent, if the server kept that (werkzeug does).
    target = environ.get("RAW_URI") or environ["PATH_INFO"]
    address = local.url.removeprefix("http://")
    with contextlib.closing(http.client.HTTPConnection(address)) as connection:
        connection.request(environ["REQUEST_METHOD"], target, body, sent)
        answer = connection.getresponse()
        told = [
            (name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP
        ]
        return f"{answer.status} {answer.reason}", told, answer.read()
