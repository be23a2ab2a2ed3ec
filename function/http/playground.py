"""The routes of the playground: the page at /, its files, and what it asks beyond predictions."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final

from starlette.responses import HTMLResponse
from starlette.routing import Route

from function.errors import InvalidError
from function.http import pages
from function.http.bodies import instances_in, json_response
from function.http.lean_fastapi import Request, Response
from function.http.problems import unknown_path
from function.http.routes import EACH_MODEL, ShownRoute, hidden_route
from function.http.samples import sample_of
from function.service import Served, Service
from model.errors import Problem
from model.tensors import Instances

_SAMPLE: Final = {
    "name": "sample",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
    "description": "Its place in the card's list of samples.",
    "example": 0,
}
_IMMUTABLE: Final = "public, max-age=31536000, immutable"


def routes(service: Service, *, docs: bool, max_body_bytes: int) -> list[Route]:
    """Build the routes.

    Args:
        service: the models.
        docs: whether the page links to /docs.
        max_body_bytes: the largest body of a request for a preview.
    """
    return [*_page_routes(docs=docs), *_model_routes(service, max_body_bytes=max_body_bytes)]


def _page_routes(*, docs: bool) -> list[Route]:
    async def index(request: Request) -> Response:
        page = pages.playground_page(request.scope.get("root_path", ""), docs=docs)
        return HTMLResponse(page, headers=pages.PLAYGROUND_HEADERS)

    async def file(request: Request) -> Response:
        name = request.path_params["file"]
        digest, files = pages.playground_files()
        if name not in files:
            raise unknown_path(request)
        # While two versions serve, a page of one may ask the other: that answer must not stay.
        same = request.path_params["digest"] == digest
        headers = {"cache-control": _IMMUTABLE if same else "no-store"}
        media_type = pages.PLAYGROUND_TYPES[f".{name.rpartition('.')[2]}"]
        return Response(files[name], headers=headers, media_type=media_type)

    return [hidden_route("/", index), hidden_route("/playground/{digest}/{file}", file)]


def _model_routes(service: Service, *, max_body_bytes: int) -> list[Route]:
    async def sample(request: Request) -> Response:
        asked = dict(request.path_params)
        number = asked.pop("sample")
        return json_response(sample_of(service.find(**asked).manifest, number))

    async def preview(request: Request) -> Response:
        served = service.find(**request.path_params)
        pictures = await instances_in(request, served, max_body_bytes=max_body_bytes)
        return json_response({"image": _preview_of(served, pictures)})

    shown: dict[str, Any] = {"group": EACH_MODEL, "parameters": [_SAMPLE]}
    built: list[Route] = []
    for path in ("/models/{name}", "/models/{name}/versions/{version}"):
        at = f"{path}/samples/{{sample}}"
        built += [
            ShownRoute(at, sample, "Show a sample of", {"type": "object"}, **shown),
            Route(f"{path}/preview", preview, methods=["POST"], include_in_schema=False),
        ]
    return built


def _preview_of(served: Served, pictures: Instances) -> str:
    """Return what the model sees of the first picture: a PNG in base64.

    Raises:
        InvalidError: the model sees no picture.
    """
    description = served.description
    if description.size is None:
        raise InvalidError([Problem("model", "one that sees pictures", "another")])
    # Imported late: only a preview writes a picture.
    from model.pictures.preview import png_of

    feeds = served.prepare(pictures)
    values = feeds[description.tensors[0].name][0]
    return b64encode(png_of(values, description.size)).decode()
