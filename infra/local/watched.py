"""What a front reports of its requests to a watcher; the function's log has none of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """A request that the function may be asked for: the id that its invocation would have."""

    request_id: str


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A request and its answer.

    Args:
        why: what the front's own answer leaves out: the function's error, or a limit.
        ms: the time from the whole request to the end of the answer.
    """

    request_id: str
    method: str
    path: str
    status: int
    body: bytes
    why: str
    ms: float


Watch = Callable[[Asked | Answered], None]


def unwatched(_: Asked | Answered) -> None:
    """Tell nobody."""


def refused(status: int, why: str) -> Answered:
    """Return a request that was refused before it was read."""
    return Answered(request_id="", method="", path="", status=status, body=b"", why=why, ms=0.0)


def failure_of(payload: bytes) -> str:
    """Return why a function failed, from its error's payload."""
    try:
        error = json.loads(payload)
        return f"{error.get('errorType') or 'Error'}: {error.get('errorMessage') or ''}"
    except (ValueError, AttributeError):
        return ""
