"""What the contract's rows are asked of: anything that serves one function as Lambda does.

Rows are written once, against Target and Running; lambake_target and rie_target implement them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.infra.local.plain_http import Reply, asked

ACTS = Path(__file__).parent.parent / "infra" / "handlers"
NAME = "contract"
MEMORY_MB = 512


@dataclass(frozen=True)
class Spec:
    """What to start: by default the function that does what its event says."""

    root: Path = ACTS
    handler: str = "acts.handler"
    timeout_s: int = 20
    concurrency: int = 1
    init_limit_s: float = 10.0  # RIE knows no such limit
    isolated: bool = False  # a read-only root and a user of its own; RIE has no such thing
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def aliases(self) -> Mapping[str, str]:
        """Versions by alias; RIE knows none."""
        return {"live": "7", "next": "8"}


class Running(Protocol):
    """A function that is being served."""

    @property
    def path(self) -> str:
        """The path that its invocations are posted to."""

    @property
    def url(self) -> str:
        """The address without a path."""

    def logs(self) -> list[str]:
        """Return the log so far, as lines of text."""

    def close(self) -> None:
        """Stop it; nothing is left."""


class Target(Protocol):
    """An emulator."""

    @property
    def name(self) -> str:
        """Its name in the tests' ids."""

    def start(self, spec: Spec) -> Running:
        """Serve a function."""


def invoked(
    running: Running,
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    *,
    path: str | None = None,
    method: str = "POST",
    patience_s: float = 60.0,
) -> Reply:
    """Send one request to an emulator's Invoke API, by bare HTTP.

    Raises:
        TimeoutError: it took longer than patience_s.
        ConnectionError, http.client.HTTPException: the emulator hung up.
    """
    path = path or running.path
    return asked(running.url, method, path, body, headers, patience_s=patience_s)


def done(
    running: Running, act: str, headers: Mapping[str, str] | None = None, **event: object
) -> Reply:
    """Let the function do one of the acts of tests/infra/handlers/acts.py."""
    return invoked(running, json.dumps({"do": act, **event}).encode(), headers)
