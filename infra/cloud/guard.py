"""Refuse web pages' requests to the simulated cloud, as the emulator refuses them.

By any of them a page could create a function, whose code runs as the developer. Whether a page may
call an API or a Function URL is for its front to say, by its CORS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from infra.cloud.apis import API_HOST
from infra.cloud.tls import App
from infra.local.http.callers import Callers

_READ = ("HTTP_HOST", "HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE", "HTTP_SEC_FETCH_MODE")


def guarded(app: App, callers: Callers) -> App:
    """Return a WSGI application that answers 403 to those who may not call."""

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {
            key.removeprefix("HTTP_").replace("_", "-").lower(): environ[key]
            for key in _READ
            if key in environ
        }
        reason = callers.refusal(environ["REQUEST_METHOD"], headers)
        if reason is None or API_HOST.fullmatch(headers.get("host", "")):
            return app(environ, start_response)
        body = f"{reason}\n".encode()
        told = [("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(body)))]
        start_response("403 Forbidden", told)
        return [body]

    return call
