"""Cross-origin access: which other origins' pages may call, by LAMBAKE_CORS_ORIGINS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

MAX_AGE_S: Final = 600
"""How long a browser may keep a preflight's answer."""


def with_cors(app: Any, origins: Sequence[str]) -> Any:
    """Let pages of some origins call an ASGI application.

    Args:
        app: ours.
        origins: as `https://app.example.com`, or `*`; none: the application stays as it is.
    """
    if not origins:
        return app
    # Imported late: most deployments have no pages elsewhere.
    from starlette.middleware.cors import CORSMiddleware

    every = ("*",)
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=every,
        allow_headers=every,
        expose_headers=every,
        max_age=MAX_AGE_S,
    )
