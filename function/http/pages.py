"""The pages: a short one at /, and Swagger UI at /docs, without a CDN, under any stage prefix."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from model.bundle.versions import Versions

SWAGGER_PACKAGE: Final = "fastapi_swagger"
SWAGGER_FILES: Final = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
}
START_FILE: Final = "start.js"

SECURITY_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; form-action 'none'; "
        "img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
"""Swagger UI styles its own elements inline; scripts load from this origin only."""

_STYLE: Final = """
body{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}
body{color:#1f2933}h1{margin-bottom:0}a{color:#0b69a3}li{margin:.4rem 0}
code{background:#f0f4f8;padding:.1rem .3rem;border-radius:3px}
"""


def index_page(models: Sequence[Versions], root_path: str, *, docs: bool) -> str:
    """Return the page that lists what is served and where to try it."""
    root_path = escape(root_path)
    items = "".join(_item(versions, root_path) for versions in models)
    try_it = f'<p>Try them in the browser: <a href="{root_path}/docs">/docs</a></p>' if docs else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Lambake</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{_STYLE}</style><h1>Lambake</h1>"
        "<p>Trained models, baked into one serverless image and served.</p>"
        f"<ul>{items}</ul>{try_it}"
        f'<p><a href="{root_path}/add?a=10&amp;b=20">/add?a=10&amp;b=20</a> adds two numbers, '
        f'<a href="{root_path}/healthz">/healthz</a> says whether all is well.</p></html>'
    )


def _item(versions: Versions, root_path: str) -> str:
    """Return a model's entry: what it does, its versions with their labels, and its path."""
    name = escape(versions.name)
    links = ", ".join(
        f'<a href="{root_path}/models/{name}/versions/{escape(version)}">{escape(version)}</a>'
        + (f" ({escape(', '.join(labels))})" if labels else "")
        for version, labels in versions.labelled().items()
    )
    return (
        f'<li><a href="{root_path}/models/{name}"><b>{name}</b></a> '
        f"{escape(versions.latest.manifest.description)}"
        f"<br><code>POST {root_path}/models/{name}/predict</code><br>Versions: {links}</li>"
    )


def docs_page(root_path: str) -> str:
    """Return Swagger UI's page; every address is on this service, under its prefix."""
    root_path = escape(root_path)
    base = f"{root_path}/docs"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Lambake: try it</title>'
        '<meta name="viewport" content="width=device-width">'
        f'<link rel="icon" href="data:,"><link rel="stylesheet" href="{base}/swagger-ui.css">'
        f'<div id="swagger-ui" data-openapi="{root_path}/openapi.json"></div>'
        f'<script src="{base}/swagger-ui-bundle.js"></script>'
        f'<script src="{base}/{START_FILE}"></script></html>'
    )


START_SCRIPT: Final = """\
const page = document.getElementById("swagger-ui");
window.ui = SwaggerUIBundle({
  url: page.dataset.openapi,
  domNode: page,
  deepLinking: true,
  tryItOutEnabled: true,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
"""Starts Swagger UI. A file of its own, so that the page needs no inline script."""


@lru_cache(maxsize=4)
def swagger_file(name: str, *, compressed: bool) -> bytes:
    """Read one of Swagger UI's files; compressed, it fits into a load balancer's 1 MB.

    Args:
        name: one of SWAGGER_FILES.
        compressed: with gzip.
    """
    # The package is located, not imported: importing it loads half of FastAPI for two static files.
    spec = find_spec(SWAGGER_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise FileNotFoundError(f"{SWAGGER_PACKAGE} is not installed")
    content = (Path(folders[0]) / "resources" / name).read_bytes()
    return gzip.compress(content, 6, mtime=0) if compressed else content
