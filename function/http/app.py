"""The HTTP service: routes only, and not one AWS word, so that any ASGI server can run it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from function.errors import (
    FunctionError,
    MethodError,
    UnknownRouteError,
    detail_of,
    outcome_of,
    problems_of,
)
from function.http import pages
from function.http.bodies import instances_in
from function.http.hello import total_of
from function.http.lean_fastapi import FastAPI, Request
from function.service import Answer, Served, Service
from function.telemetry import invocation as telemetry
from function.telemetry.invocation import CURRENT, request_id
from model.bundle.manifest import Manifest
from model.bundle.versions import Versions
from model.errors import ModelError, Problem

VERSION: Final = "0.1.0"
JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
READ: Final = ["GET", "HEAD"]

Predict = Callable[[Served, Sequence[Any]], Awaitable[Answer]]


def create_app(
    service: Service, *, max_body_bytes: int, docs: bool = True, predict: Predict | None = None
) -> FastAPI:
    """
    Build the service's HTTP application.

    Args:
        service: the models.
        max_body_bytes: the most bytes that a request's body may have.
        docs: whether /docs and /openapi.json are served.
        predict: predicts without holding up the loop; none: the service does, here and now.
    """
    app = FastAPI(
        title="Lambake",
        version=VERSION,
        # Ours are lighter: they need no CDN, and build the document when it is asked for.
        openapi_url=None,
        # A redirect would name an absolute address without the stage.
        redirect_slashes=False,
        exception_handlers={
            FunctionError: _on_error,
            ModelError: _on_error,
            HTTPException: _on_http_exception,
            Exception: _on_error,
        },
    )
    _add_service_routes(app, service, docs=docs)
    _add_model_routes(app, service, max_body_bytes, predict or _at_once)
    if docs:
        _add_docs_routes(app, service)
    return app


async def _at_once(served: Served, instances: Sequence[Any]) -> Answer:
    return telemetry.predict(served, instances)


def _add_service_routes(app: FastAPI, service: Service, *, docs: bool) -> None:
    @app.api_route("/", methods=READ)
    async def index(request: Request) -> Response:
        page = pages.index_page(service.models(), _root_path(request), docs=docs)
        return HTMLResponse(page, headers=pages.SECURITY_HEADERS)

    @app.api_route("/add", methods=[*READ, "POST"])
    async def add(request: Request) -> Response:
        return json_response(total_of(request.query_params))

    @app.api_route("/healthz", methods=READ)
    async def healthz() -> Response:
        models = {one.name: one.latest.manifest.version for one in service.models()}
        versions = {one.name: list(one.predictors) for one in service.models()}
        return json_response({"status": "ok", "models": models, "versions": versions})


def _add_model_routes(app: FastAPI, service: Service, max_body_bytes: int, ask: Predict) -> None:
    @app.api_route("/models", methods=READ)
    async def models() -> Response:
        summaries = [_summary_of(one.latest.manifest, one) for one in service.models()]
        return json_response({"models": summaries})

    @app.api_route("/models/{name}/versions", methods=READ)
    async def versions(request: Request) -> Response:
        found = service.versions(request.path_params["name"])
        return json_response({"model": found.name, "versions": found.labelled()})

    @app.api_route("/models/{name}", methods=READ)
    @app.api_route("/models/{name}/versions/{version}", methods=READ)
    async def model(request: Request) -> Response:
        manifest = service.find(**request.path_params).manifest
        return json_response(_card_of(manifest, service.versions(manifest.name)))

    @app.post("/models/{name}/predict")
    @app.post("/models/{name}/versions/{version}/predict")
    async def predict(request: Request) -> Response:
        started = perf_counter()
        served = service.find(**request.path_params)
        instances = await instances_in(request, served.manifest, max_body_bytes=max_body_bytes)
        answer = await ask(served, instances)
        total_ms = (perf_counter() - started) * 1e3
        steps_ms = {**answer.steps_ms, "total": total_ms}
        timing = ", ".join(f"{step};dur={ms:.3f}" for step, ms in steps_ms.items())
        return json_response(
            answer.payload(),
            headers={
                "x-model-version": f"{answer.model}/{answer.version}",
                "server-timing": timing,
            },
        )


def _add_docs_routes(app: FastAPI, service: Service) -> None:
    @app.api_route("/docs", methods=READ)
    async def docs(request: Request) -> Response:
        page = pages.docs_page(_root_path(request))
        return HTMLResponse(page, headers=pages.SECURITY_HEADERS)

    @app.api_route("/docs/{name}", methods=READ)
    async def docs_file(request: Request) -> Response:
        name = request.path_params["name"]
        if name == pages.START_FILE:
            return Response(pages.START_SCRIPT, media_type="text/javascript")
        if name not in pages.SWAGGER_FILES:
            raise _no_such_path()
        # Who names no coding takes any (RFC 9110, 12.5.3).
        compressed = "gzip" in request.headers.get("accept-encoding", "gzip")
        headers = {"cache-control": "public, max-age=86400", "vary": "accept-encoding"}
        if compressed:
            headers["content-encoding"] = "gzip"
        content = pages.swagger_file(name, compressed=compressed)
        return Response(content, headers=headers, media_type=pages.SWAGGER_FILES[name])

    @app.api_route("/openapi.json", methods=READ)
    async def openapi(request: Request) -> Response:
        # Imported late: pydantic's models are built for those who read the document only.
        from function.http.openapi import openapi_of

        server = _root_path(request) or "/"
        return json_response(openapi_of(service.models(), version=VERSION, server=server))


def json_response(
    content: Any,
    *,
    status: int = 200,
    media_type: str = JSON,
    headers: dict[str, str] | None = None,
) -> Response:
    """Answer in JSON, ASCII only: no text of ours can break an encoder on its way out."""
    body = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return Response(body, status, headers, media_type)


def problem_of(error: BaseException) -> dict[str, Any]:
    """
    Spell an error as RFC 9457 does: what was expected, what it
    got, where, and the request id.
    """
    outcome = outcome_of(error)
    return {
        "type": "about:blank",
        "title": outcome.title,
        "status": outcome.status,
        "detail": detail_of(error),
        "request_id": request_id(),
        "problems": [
            {"where": problem.where, "expected": problem.expected, "got": problem.got}
            for problem in problems_of(error)
        ],
    }


async def _on_error(_request: Request, error: Exception) -> Response:
    invocation = CURRENT.get()
    if invocation:
        invocation.record_error(error)
    problem = problem_of(error)
    return json_response(problem, status=problem["status"], media_type=PROBLEM_JSON)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """Spell Starlette's own refusals, of an unknown path or method, as ours."""
    if not isinstance(error, HTTPException) or error.status_code != 405:
        return await _on_error(request, _no_such_path())
    # Sorted: Starlette joins a set, whose order is another in every process.
    allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
    got = Problem("method", f"one of {allowed}", "another method")
    response = await _on_error(request, MethodError([got]))
    response.headers["allow"] = allowed
    return response


def _no_such_path() -> UnknownRouteError:
    known = (
        "/, /add, /healthz, /models, /models/{name}, /models/{name}/predict, "
        "/models/{name}/versions, /models/{name}/versions/{version}, "
        "/models/{name}/versions/{version}/predict, /docs"
    )
    return UnknownRouteError([Problem("path", f"one of {known}", "another path")])


def _root_path(request: Request) -> str:
    root_path: str = request.scope.get("root_path", "")
    return root_path


def _summary_of(manifest: Manifest, versions: Versions) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "version": manifest.version,
        "kind": manifest.kind,
        "description": manifest.description,
        "versions": versions.labelled(),
    }


def _card_of(manifest: Manifest, versions: Versions) -> dict[str, Any]:
    card = manifest.folder / "CARD.md"
    return _summary_of(manifest, versions) | {
        "licence": manifest.licence,
        "engine": manifest.engine,
        "sha256": manifest.sha256,
        "labels": manifest.labels,
        "columns": [
            {"name": one.name, "unit": one.unit, "minimum": one.minimum, "maximum": one.maximum}
            for one in manifest.columns
        ],
        "max_instances": manifest.max_instances,
        "training": dict(manifest.training),
        "metrics": dict(manifest.metrics),
        "card": card.read_text(encoding="utf-8") if card.is_file() else "",
    }
