"""The protocols that clients speak over HTTP: one file each, with `routes(service, ...)`.

`function.http.app.create_app` takes a list of protocols.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.routing import BaseRoute

from function.service import Service
from function.telemetry.invocation import Ask


class Routes(Protocol):
    """What each protocol's module calls `routes`."""

    def __call__(self, service: Service, *, max_body_bytes: int, ask: Ask) -> Sequence[BaseRoute]:
        """Build a protocol's routes.

        Args:
            service: the models.
            max_body_bytes: the most bytes that a request's body may have.
            ask: predicts.
        """
