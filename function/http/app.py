"""The HTTP service: a FastAPI application that knows nothing of AWS, so any server can run it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from function import VERSION
from function.errors import FunctionError
from function.http import pages, playground
from function.http.bodies import json_response
from function.http.hello import total_of
from function.http.late_routes import LateRoutes
from function.http.lean_fastapi import (
    FastAPI,
    Request,
    RequestValidationError,
    Response,
)
from function.http.problems import (
    on_error,
    on_http_exception,
    on_invalid,
    unknown_path,
)
from function.http.routes import READ, ShownRoute, hidden_route
from function.protocols import late_protocols, native
from function.service import Service
from function.telemetry.invocation import Ask, here_and_now
from model.errors import ModelError


def create_app(
    service: Service,
    *,
    max_body_bytes: int,
    protocols: Sequence[str] = (),
    docs: bool = True,
    ask: Ask = here_and_now,
) -> FastAPI:
    """Build the service's HTTP application; routes that a user adds are served and documented too.

    Args:
        service: the models.
        max_body_bytes: the largest body of a request; the protocols enforce it.
        protocols: the files of function/protocols to serve beside the native one, as
            LAMBAKE_PROTOCOLS names them.
        docs: whether /docs and /openapi.json are served.
        ask: predicts without blocking the loop; by default in the loop's own thread.
    """
    app = Application(
        title="Lambake",
        version=VERSION,
        description="Trained models, baked into one serverless image and served.",
        # Ours are lighter: they need no CDN, and the document is built on request.
        openapi_url=None,
        # A redirect would give an absolute address without the stage.
        redirect_slashes=False,
        exception_handlers={
            FunctionError: on_error,
            ModelError: on_error,
            HTTPException: on_http_exception,
            RequestValidationError: on_invalid,
            Exception: on_error,
        },
    )
    app.service = service
    app.router.routes += native.routes(service, max_body_bytes=max_body_bytes, ask=ask)
    app.router.routes += playground.routes(service, docs=docs, max_body_bytes=max_body_bytes)
    app.router.routes += _service_routes(service)
    app.router.routes += late_protocols(protocols, service, max_body_bytes=max_body_bytes, ask=ask)
    if docs:
        app.router.routes += _docs_routes()
    return app


class Application(FastAPI):
    """FastAPI whose document shows each model by its own schema."""

    service: Service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a path with a slash at its end as the one without, unless a route has it."""
        path = scope.get("path", "")
        if path.endswith("/") and path != f"{scope.get('root_path', '')}/":
            routes = [one for one in self.router.routes if not isinstance(one, LateRoutes)]
            if all(one.matches(scope)[0] is Match.NONE for one in routes):
                scope["path"] = path.removesuffix("/")
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Write the document of all current routes."""
        # Imported late: pydantic's models are built only for those who read the document.
        from function.http.openapi import document_of

        return document_of(self, self.service.models())


def _service_routes(service: Service) -> list[Route]:
    async def add(request: Request) -> Response:
        return json_response(total_of(request.query_params))

    async def healthz(_request: Request) -> Response:
        models = {one.name: one.latest.manifest.version for one in service.models()}
        versions = {one.name: list(one.predictors) for one in service.models()}
        return json_response({"status": "ok", "models": models, "versions": versions})

    number = {"in": "query", "required": True, "schema": {"type": "number"}}
    numbers = [number | {"name": "a", "example": 10}, number | {"name": "b", "example": 20}]
    return [
        ShownRoute(
            "/add",
            add,
            "Add two numbers",
            {"type": "number"},
            methods=[*READ, "POST"],
            parameters=numbers,
        ),
        ShownRoute("/healthz", healthz, "Whether the models are loaded", {"type": "object"}),
    ]


def _docs_routes() -> list[Route]:
    async def docs_page(request: Request) -> Response:
        page = pages.docs_page(_root_path(request))
        return HTMLResponse(page, headers=pages.SECURITY_HEADERS)

    async def docs_file(request: Request) -> Response:
        name = request.path_params["name"]
        if name == pages.START_FILE:
            return Response(pages.START_SCRIPT, media_type="text/javascript")
        if name not in pages.SWAGGER_FILES:
            raise unknown_path(request)
        # A request that names no coding accepts any (RFC 9110, 12.5.3).
        compressed = "gzip" in request.headers.get("accept-encoding", "gzip")
        headers = {"cache-control": "public, max-age=86400", "vary": "accept-encoding"}
        if compressed:
            headers["content-encoding"] = "gzip"
        content = pages.swagger_file(name, compressed=compressed)
        return Response(content, headers=headers, media_type=pages.SWAGGER_FILES[name])

    async def openapi(request: Request) -> Response:
        server = {"url": _root_path(request) or "/"}
        return json_response({**request.app.openapi(), "servers": [server]})

    return [
        hidden_route("/docs", docs_page),
        hidden_route("/docs/{name}", docs_file),
        hidden_route("/openapi.json", openapi),
    ]


def _root_path(request: Request) -> str:
    root_path: str = request.scope.get("root_path", "")
    return root_path
