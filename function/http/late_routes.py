"""Routes that are built by the first request below their paths.

A protocol is a module of its own, with its dataclasses and some twenty routes: milliseconds that a
cold start would pay for, whoever calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


class LateRoutes(BaseRoute):
    """The routes below some paths."""

    def __init__(self, prefixes: tuple[str, ...], build: Callable[[], Sequence[BaseRoute]]) -> None:
        """Describe routes that are not there yet.

        Args:
            prefixes: how their paths begin; each other path is left to other routes.
            build: imports and builds them.
        """
        self._prefixes = prefixes
        self._build = build

    @cached_property
    def routes(self) -> Sequence[BaseRoute]:
        """The routes, built on first use."""
        return self._build()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as the first route that takes path and method, or else the path."""
        partial: tuple[Match, Scope] = (Match.NONE, {})
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or not path.startswith(self._prefixes):
            return partial
        for route in self.routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                return match, {**found, "late_route": route}
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = match, {**found, "late_route": route}
        return partial

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the matching route answer."""
        await scope["late_route"].handle(scope, receive, send)


def flat(routes: Sequence[BaseRoute]) -> Iterator[BaseRoute]:
    """Yield routes, those of a LateRoutes in its place."""
    for route in routes:
        yield from route.routes if isinstance(route, LateRoutes) else [route]
