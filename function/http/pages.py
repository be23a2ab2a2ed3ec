"""The pages: the playground at /, and Swagger UI at /docs, without a CDN, under any prefix."""

from __future__ import annotations

import gzip
from functools import lru_cache
from hashlib import sha256
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Final

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

PLAYGROUND: Final = Path(__file__).parents[1] / "playground"
PLAYGROUND_TYPES: Final = {".js": "text/javascript", ".css": "text/css"}

PLAYGROUND_HEADERS: Final = {
    **SECURITY_HEADERS,
    "content-security-policy": SECURITY_HEADERS["content-security-policy"].replace(
        " 'unsafe-inline'", ""
    ),
}
"""The playground styles no element inline."""


@lru_cache(maxsize=1)
def playground_files() -> tuple[str, dict[str, bytes]]:
    """Read the playground's scripts and styles.

    Returns:
        A digest of them all, for their addresses, and their contents by name.
    """
    paths = sorted(path for path in PLAYGROUND.iterdir() if path.suffix in PLAYGROUND_TYPES)
    files = {path.name: path.read_bytes() for path in paths}
    return sha256(b"\0".join(files.values())).hexdigest()[:12], files


def playground_page(root_path: str, *, docs: bool) -> str:
    """Return the page at /; every address is on this service, under its prefix.

    Args:
        root_path: the prefix; if empty, addresses are relative, for a proxy that cuts its own off.
        docs: whether there is a link to /docs.
    """
    root = f"{escape(root_path)}/" if root_path else "./"
    values = {
        "root": root,
        "files": f"{root}playground/{playground_files()[0]}/",
        "docs": f'<a href="{root}docs">API docs</a>' if docs else "",
    }
    page = (PLAYGROUND / "index.html").read_text(encoding="utf-8")
    for name, value in values.items():
        page = page.replace(f"{{{{{name}}}}}", value)
    return page


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
