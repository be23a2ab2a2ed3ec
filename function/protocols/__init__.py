"""The protocols that clients speak over HTTP: one file each, with `routes(service, ...)`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Final, Protocol

from starlette.routing import BaseRoute

from function.http.late_routes import LateRoutes
from function.service import Service
from function.telemetry.invocation import Ask

PREFIXES: Final = {
    "open-inference": ("/v2",),
    "tf-serving": ("/v1",),
    "sagemaker": ("/endpoints/",),
    "mlflow": ("/version",),
}
"""The protocols beside the native one, by their names in LAMBAKE_PROTOCOLS, and their paths."""

READERS: Final = ("mlflow", "sagemaker")
"""Those that share /ping and /invocations; each has a `read` (function/http/invocations.py)."""


class Routes(Protocol):
    """What each protocol's module calls `routes`."""

    def __call__(self, service: Service, *, max_body_bytes: int, ask: Ask) -> Sequence[BaseRoute]:
        """Build a protocol's routes.

        Args:
            service: the models.
            max_body_bytes: the most bytes that a request's body may have.
            ask: predicts.
        """


def late_protocols(
    names: Sequence[str], service: Service, *, max_body_bytes: int, ask: Ask
) -> list[LateRoutes]:
    """Build the routes of protocols, each imported by its first request."""

    def build(name: str) -> Sequence[BaseRoute]:
        routes: Routes = _module_of(name).routes
        return routes(service, max_body_bytes=max_body_bytes, ask=ask)

    def build_shared() -> Sequence[BaseRoute]:
        from function.http.invocations import invocation_routes

        readers = [_module_of(name).read for name in READERS if name in names]
        return invocation_routes(
            readers, "/invocations", service, max_body_bytes=max_body_bytes, ask=ask
        )

    late = [LateRoutes(PREFIXES[name], partial(build, name)) for name in names]
    if any(name in names for name in READERS):
        late.append(LateRoutes(("/ping", "/invocations"), build_shared))
    return late


def _module_of(name: str) -> ModuleType:
    return import_module(f"{__name__}.{name.replace('-', '_')}")
