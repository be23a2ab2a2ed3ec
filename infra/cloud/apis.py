"""Answer HTTP APIs and Function URLs: a request to an address of theirs reaches the function.

moto has no data plane for them. The emulator's fronts answer, with the routes, authorisation and
CORS that moto keeps; which version of an alias runs is drawn by its weights. An API leads to one
function. Custom domains are ignored, so an API's own address answers also where it is disabled; so
are the contents of tokens.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from moto.apigatewayv2.models import apigatewayv2_backends
from moto.apigatewayv2.responses import ApiGatewayV2Response
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import FunctionUrlConfig, lambda_backends
from moto.awslambda.responses import LambdaResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from infra.cloud.function_settings import refuse
from infra.cloud.plugin import ImageFunctions
from infra.cloud.replaced import replaced
from infra.cloud.versions import asked_for, function_behind, named
from infra.local.fronts.response import compact
from infra.settings.errors import InfraError
from infra.settings.front import DEFAULT_STAGE, FrontConfig

API_HOST = re.compile(
    r"(?P<id>[a-z0-9]+)\.(?P<kind>execute-api|lambda-url)\.(?P<region>[a-z0-9-]+)"
    r"\.(?:amazonaws\.com|on\.aws)(?::\d+)?"
)
_FUNCTION = re.compile(r"arn:[^:]+:lambda:[^:]+:(?P<account>\d+):function:[^:/]+(?::[^:/]+)?")
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})
_AUTHORIZATIONS: Final = {"NONE": "none", "AWS_IAM": "iam", "JWT": "jwt"}

Environ = dict[str, Any]
Start = Callable[..., Any]
Answer = tuple[str, list[tuple[str, str]], bytes]


class _Unanswered(Exception):
    """There is no such address, or nothing that the emulator could answer: status and message."""


@contextlib.contextmanager
def apis_answered(functions: ImageFunctions) -> Iterator[None]:
    """Answer requests to HTTP APIs and Function URLs while the block runs."""
    original = DomainDispatcherApplication.__call__

    def call(self: Any, environ: Environ, start_response: Start) -> Iterable[bytes]:
        found = API_HOST.fullmatch(environ.get("HTTP_HOST", ""))
        if found is None:
            answer: Iterable[bytes] = original(self, environ, start_response)
            return answer
        try:
            status, headers, body = _answer(functions, found, environ)
        except (_Unanswered, LambdaClientError, InfraError) as error:
            status, text = error.args if isinstance(error, _Unanswered) else (_FAULT, str(error))
            headers = [("content-type", "application/json")]
            body = compact({"message": text}).encode()
        start_response(status, headers)
        return [body]

    with replaced(
        (DomainDispatcherApplication, "__call__", call),
        (ApiGatewayV2Response, "create_api", _create_api),
        (LambdaResponse, "create_function_url_config", _create_url),
        (FunctionUrlConfig, "to_dict", _tell_url),
    ):
        yield


_FAULT: Final = "500 Internal Server Error"


def _answer(functions: ImageFunctions, host: re.Match[str], environ: Environ) -> Answer:
    of = _function_url if host["kind"] == "lambda-url" else _http_api
    arn, kind, settings = of(host["id"], host["region"])
    name, qualifier = named(arn)
    *_, region, account, _, _ = arn.split(":")[:7]
    function = function_behind(lambda_backends[account][region], name, qualifier)
    settings |= {"account_id": account, "region": region, "api_id": host["id"]}
    local = functions.local(function, qualifier)
    return _pass_on(local.front(kind, FrontConfig(**settings), qualifier), environ)


def _http_api(api_id: str, region: str) -> tuple[str, str, dict[str, Any]]:
    """Return the function's ARN, the front and its settings (of FrontConfig) of an API."""
    apis = (regions[region].apis for regions in apigatewayv2_backends.values() if region in regions)
    api = next((apis[api_id] for apis in apis if api_id in apis), None)
    routes = [route for route in api.routes.values() if route.target] if api else []
    if api is None or not routes:
        raise _Unanswered("404 Not Found", "Not Found")
    integrations = [api.integrations[route.target.rpartition("/")[2]] for route in routes]
    (uri, *more) = {integration.integration_uri for integration in integrations}
    found = _FUNCTION.search(uri)
    if found is None or more:
        raise _Unanswered(_FAULT, "The simulated cloud expected integrations with one function.")
    kinds = {route.route_key: route.authorization_type or "NONE" for route in routes}
    stages = list(api.stages) or [DEFAULT_STAGE]
    settings = {
        "stage": DEFAULT_STAGE if DEFAULT_STAGE in stages else stages[0],
        "routes": list(kinds),
        "authorization": _authorization([kind for kind in kinds.values() if kind != "NONE"]),
        "open_routes": tuple(key for key, kind in kinds.items() if kind == "NONE"),
        "timeout_s": integrations[0].timeout_in_millis / 1000,
        "cors": _cors(api.cors_configuration or {}),
    }
    old = integrations[0].payload_format_version == "1.0"
    return found[0], "http_api_v1" if old else "http_api", settings


def _function_url(url_id: str, region: str) -> tuple[str, str, dict[str, Any]]:
    """Return the function's ARN, the front and its settings (of FrontConfig) of a Function URL."""
    for backends in lambda_backends.values():
        functions = backends[region].list_functions() if region in backends else ()
        for function in functions:
            url = function.url_config
            if url is not None and url.url.startswith(f"https://{url_id}."):
                kinds = [url.config["AuthType"]] if url.config["AuthType"] != "NONE" else []
                cors = _cors(url.config.get("Cors") or {})
                settings = {"authorization": _authorization(kinds), "cors": cors}
                return url.to_dict()["FunctionArn"], "function_url", settings
    raise _Unanswered("403 Forbidden", "Forbidden")


def _authorization(kinds: list[str]) -> str:
    known = [_AUTHORIZATIONS[kind] for kind in kinds if kind in _AUTHORIZATIONS]
    if len(set(kinds)) > 1 or len(known) < len(kinds):
        raise _Unanswered(_FAULT, "The simulated cloud expected one authorisation: AWS_IAM or JWT.")
    return known[0] if known else "none"


def _cors(configured: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the front's settings of CORS; a Function URL's names begin with a capital."""
    given = {name[:1].lower() + name[1:]: setting for name, setting in configured.items()}
    told = {
        "allow_origins": given.get("allowOrigins"),
        "allow_methods": given.get("allowMethods"),
        "allow_headers": given.get("allowHeaders"),
        "expose_headers": given.get("exposeHeaders"),
        "max_age_s": given.get("maxAge"),
        "allow_credentials": given.get("allowCredentials"),
    }
    return {key: setting for key, setting in told.items() if setting is not None} or None


def _pass_on(address: str, environ: Environ) -> Answer:
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
    host = address.removeprefix("http://")
    with contextlib.closing(http.client.HTTPConnection(host)) as connection:
        connection.request(environ["REQUEST_METHOD"], target, body, sent)
        answer = connection.getresponse()
        told = [
            (name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP
        ]
        return f"{answer.status} {answer.reason}", told, answer.read()


_create = ApiGatewayV2Response.create_api
_url_made = LambdaResponse.create_function_url_config
_url_told = FunctionUrlConfig.to_dict


def _create_api(self: Any) -> Any:
    """Make a `Target` an integration with a route and a stage, as the service does."""
    asked_for = json.loads(self.body)
    answer = _create(self)
    if asked_for.get("target"):
        api = self.apigatewayv2_backend.get_api(json.loads(answer[2])["apiId"])
        made = api.create_integration(
            connection_type="INTERNET",
            description="",
            integration_method="POST",
            integration_type="AWS_PROXY",
            integration_uri=asked_for["target"],
            payload_format_version="2.0",
        )
        key = asked_for.get("routeKey") or "$default"
        api.create_route(False, [], key, f"integrations/{made.id}", authorization_type="NONE")
        api.create_stage({"stageName": DEFAULT_STAGE, "autoDeploy": True})
    return answer


def _create_url(self: Any) -> Any:
    """Keep the alias that a URL is for, which moto forgets."""
    if self.json_body.get("InvokeMode") == "RESPONSE_STREAM":
        raise refuse("InvokeMode to be BUFFERED, got RESPONSE_STREAM")
    name, qualifier = asked_for(self)
    answer = _url_made(self)
    url = self.backend.get_function(name).url_config
    url.config["Qualifier"] = qualifier
    return (*answer[:2], json.dumps(url.to_dict()))


def _tell_url(self: Any) -> dict[str, Any]:
    told: dict[str, Any] = _url_told(self)
    qualifier = self.config.get("Qualifier")
    return {**told, "FunctionArn": f"{told['FunctionArn']}:{qualifier}"} if qualifier else told
