"""
`lambake invoke`: call a function through an Invoke API, with nothing but the standard
library.
"""

from __future__ import annotations

import base64
import http.client
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import quote, urlsplit

from infra.cli.run import DEFAULT_FUNCTION
from infra.local import contract
from infra.settings import limits, read
from infra.settings.errors import InfraError


@dataclass(frozen=True)
class InvokeOptions:
    """Be what the command line asks for."""

    payload: str
    name: str | None = None
    url: str = "http://127.0.0.1:9001"
    function: Path = DEFAULT_FUNCTION
    asynchronous: bool = False
    tail: bool = False


def payload_of(argument: str) -> str:
    """Give the payload that an argument names: itself, or what standard input has for -."""
    return sys.stdin.read() if argument == "-" else argument


def invoke(options: InvokeOptions, out: TextIO | None = None) -> int:
    """
    Call, and print the answer.

    Returns:
        The exit status: 0 for a result, 1 for a function error or a refusal, 2 if nobody listens.
    """
    out = out or sys.stdout
    try:
        name = options.name or read(options.function).name
    except InfraError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    payload = payload_of(options.payload)
    headers = {"X-Amz-Log-Type": "Tail"} if options.tail else {}
    if options.asynchronous:
        headers["X-Amz-Invocation-Type"] = "Event"
    parts = urlsplit(options.url)
    connection = http.client.HTTPConnection(
        parts.hostname or "127.0.0.1", parts.port or 80, timeout=limits.TIMEOUT_LIMIT_S + 60
    )
    path = f"{contract.INVOKE_API_PREFIX}{quote(name, safe='')}/invocations"
    try:
        connection.request("POST", path, body=payload.encode(), headers=headers)
        response = connection.getresponse()
        body = response.read().decode("utf-8", "replace")
    except OSError as exc:
        sys.stderr.write(f"nobody answers at {options.url}: {exc}. Start it: lambake run\n")
        return 2
    finally:
        connection.close()
    tail = response.getheader("X-Amz-Log-Result")
    if tail:
        sys.stderr.write(base64.b64decode(tail).decode("utf-8", "replace"))
    out.write(f"{body}\n" if body else f"{response.status} {response.reason}\n")
    failed = response.status >= 300 or response.getheader("X-Amz-Function-Error") is not None
    return 1 if failed else 0
