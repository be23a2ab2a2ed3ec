"""Send one request by plain HTTP, and look at the whole reply."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reply:
    """An HTTP reply; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.body)

    @property
    def log(self) -> str:
        """Read the log's tail, which the Invoke API puts into a header."""
        return base64.b64decode(self.headers["x-amz-log-result"]).decode()


def asked(
    url: str,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    patience_s: float = 60.0,
) -> Reply:
    """Send one request on a connection of its own.

    Raises:
        TimeoutError: it took longer than patience_s.
        ConnectionError, http.client.HTTPException: the server hung up.
    """
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=patience_s)
    with contextlib.closing(connection):
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, response.read())
