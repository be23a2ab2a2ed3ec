"""Which route a request takes: API Gateway's routes (HTTP API) and resources (REST API)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from infra.settings.front import Route, segments_of

_VARIABLE = re.compile(r"\{([A-Za-z0-9._:-]+)(\+?)\}")


@dataclass(frozen=True)
class Match:
    """A route and the raw values of its variables."""

    route: Route
    variables: dict[str, str]


def matching(routes: Sequence[Route], method: str, raw_path: str) -> Match | None:
    """Find the most specific route for a path without its stage.

    Source: [DOC] http-api-develop-routes: a full match first, then a greedy one, then $default;
    among full matches fixed segments win over variables, and the method over ANY [?].
    """
    segments = segments_of(raw_path)
    found: list[tuple[tuple[int, ...], Match]] = []
    for route in routes:
        variables = _variables(route, segments)
        if variables is not None and route.method in (None, "ANY", method):
            found.append((_rank(route, method), Match(route, variables)))
    return max(found, key=lambda ranked: ranked[0])[1] if found else None


def _rank(route: Route, method: str) -> tuple[int, ...]:
    fixed = sum(_VARIABLE.fullmatch(segment) is None for segment in route.segments)
    return (route.method is not None, not route.greedy, fixed, route.method == method)


def _variables(route: Route, segments: tuple[str, ...]) -> dict[str, str] | None:
    if route.method is None:
        return {}
    own = route.segments
    if route.greedy:
        if len(segments) < len(own):
            return None
        segments = (*segments[: len(own) - 1], "/".join(segments[len(own) - 1 :]))
    if len(segments) != len(own):
        return None
    variables = {}
    for pattern, segment in zip(own, segments, strict=True):
        variable = _VARIABLE.fullmatch(pattern)
        if variable is not None and segment:
            variables[variable[1]] = segment
        elif pattern != segment:
            return None
    return variables
