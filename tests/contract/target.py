"""
What the contract's rows are asked of: anything that serves one function as Lambda does.

Rows are written once, against Target and Running; lambake_target and rie_target implement them.
"""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

ACTS = Path(__file__).parent.parent / "infra" / "handlers"
NAME = "contract"
MEMORY_MB = 512


@dataclass(frozen=True)
class Answer:
    """
    Be an HTTP reply; header names are in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """
        Read the body.
        """
        return json.loads(self.body)


@dataclass(frozen=True)
class Spec:
    """
    Say what to start: by default the function that does what its event says.
    """

    root: Path = ACTS
    handler: str = "acts.handler"
    timeout_s: int = 20
    concurrency: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)


class Running(Protocol):
    """
    Be a function that is being served.
    """

    @property
    def path(self) -> str:
        """
        Give the path that its invocations are posted to.
        """

    @property
    def url(self) -> str:
        """
        Give the address without a path.
        """

    def logs(self) -> list[str]:
        """
        Give the log so far, as lines of text.
        """

    def close(self) -> None:
        """
        Stop it; nothing is left.
        """


class Target(Protocol):
    """
    Be an emulator.
    """

    @property
    def name(self) -> str:
        """
        Name it in the tests' ids.
        """

    def start(self, spec: Spec) -> Running:
        """
        Serve a function.
        """


def invoked(
    running: Running,
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    *,
    path: str | None = None,
    method: str = "POST",
    patience_s: float = 60.0,
) -> Answer:
    """
    Send one request to an emulator's Invoke API, by bare HTTP.

    Raises:
        TimeoutError: it took longer than patience_s.
        ConnectionError, http.client.HTTPException: the emulator hung up.
    """
    host = running.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=patience_s)
    with contextlib.closing(connection):
        connection.request(method, path or running.path, body, dict(headers or {}))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())


def done(
    running: Running, act: str, headers: Mapping[str, str] | None = None, **event: object
) -> Answer:
    """
    Let the function do one of the acts of tests/infra/handlers/acts.py.
    """
    return invoked(running, json.dumps({"do": act, **event}).encode(), headers)
