"""The protocols that clients speak over HTTP: one file each, with `routes(service, ...)`.

Each `routes` returns FastAPI routes; `function.http.app.create_app` takes a list of protocols.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeAlias

from function.http.lean_fastapi import APIRoute
from function.service import Answer, Served, Service

Predict: TypeAlias = Callable[[Served, Sequence[Any]], Awaitable[Answer]]
"""Predicts as a part of the invocation under way, without holding up the loop."""


class Routes(Protocol):
    """What each protocol's module calls `routes`."""

    def __call__(
        self, service: Service, *, max_body_bytes: int, ask: Predict | None
    ) -> Sequence[APIRoute]:
        """Build a protocol's routes.

        Args:
            service: the models.
            max_body_bytes: the most bytes that a request's body may have.
            ask: predicts; none: `function.telemetry.invocation.predict`, here and now.
        """
