"""One request at a front, with all that the front's functions look at."""

from __future__ import annotations

from dataclasses import dataclass

from infra.local.fronts.request import Moment, Request
from infra.local.fronts.routes import Match
from infra.settings.front import FrontConfig


@dataclass(frozen=True)
class Visit:
    """
    A request, the front's settings, the time and ids the request got, and its route.

    Args:
        match: None if no route takes the request.
    """

    request: Request
    config: FrontConfig
    moment: Moment
    match: Match | None

    @property
    def matched(self) -> Match:
        """The route of a request that the front let in."""
        if self.match is None:
            raise ValueError("expected a request that has a route: Front.before refuses the others")
        return self.match
