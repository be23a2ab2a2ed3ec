"""One request at a front, with everything that the front's functions read."""

from __future__ import annotations

from dataclasses import dataclass

from infra.local.fronts.request import Moment, Request
from infra.local.fronts.routes import Match
from infra.settings.front import FrontConfig


@dataclass(frozen=True)
class Visit:
    """A request, the front's settings, the request's time and ids, and its route.

    Args:
        match: None if no route takes the request.
    """

    request: Request
    config: FrontConfig
    moment: Moment
    match: Match | None

    @property
    def trace_id(self) -> str:
        """The client's trace, or the one that begins here."""
        return self.request.header("x-amzn-trace-id") or self.moment.trace_id

    @property
    def matched(self) -> Match:
        """The route of a request that the front let in."""
        if self.match is None:
            raise ValueError("expected a request with a route: Front.before refuses all others")
        return self.match
