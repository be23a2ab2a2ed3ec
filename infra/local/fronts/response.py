"""One HTTP response, and the rules that all fronts share."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infra.local import contract
from infra.local.errors import LocalError
from infra.local.fronts.request import Pair

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_STATUS = re.compile(r"[0-9]{3}")
TOO_LARGE = 413
"""The status that the emulator's fronts explain by a hint."""


class ResultError(LocalError):
    """Why a function's result is not a response, for the log: the client gets the front's words."""


class Base64Error(ResultError):
    """A body that should be base64 but is not: a REST API has another status for it."""


@dataclass(frozen=True)
class Response:
    """A response; `reason` is the phrase after the status, if the front lets a function set it."""

    status: int
    headers: tuple[Pair, ...] = ()
    body: bytes = b""
    reason: str | None = None

    def header(self, name: str) -> str | None:
        """Return a header's first value, by its lower-case name."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def plus(self, *headers: Pair) -> Response:
        """Return the same response with more headers."""
        return Response(self.status, (*self.headers, *headers), self.body, self.reason)


def message(status: int, text: str, *, key: str = "message") -> Response:
    """Return an answer in API Gateway's form: one JSON object."""
    hint = {"hint": contract.TOO_LARGE_HINT} if status == TOO_LARGE else {}
    body = compact({key: text, **hint}).encode()
    return Response(status, (("content-type", "application/json"),), body)


def compact(value: Any) -> str:
    """Write JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def result_of(payload: bytes) -> Any:
    """Parse a function's result.

    Raises:
        ResultError: it is not JSON in UTF-8, or has lone surrogates, which no body can carry.
    """
    try:
        result = json.loads(payload)
        json.dumps(result, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ResultError(f"result: expected JSON, got {error}") from error
    return result


def status_of(status: Any) -> int:
    """Parse a statusCode: a number or a string of digits, 200 to 599.

    Raises:
        ResultError: it is something else; 1xx would not end the exchange [?].
    """
    text = str(status) if isinstance(status, int) and not isinstance(status, bool) else status
    if not isinstance(text, str) or _STATUS.fullmatch(text) is None or not 200 <= int(text) <= 599:
        raise ResultError(f"statusCode: expected a number from 200 to 599, got {status!r}")
    return int(text)


def text_of(where: str, value: Any, *, kinds: tuple[type, ...]) -> str:
    """Return a header's value; booleans and numbers become JSON, if the front accepts them.

    Raises:
        ResultError: the value is of another kind.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise ResultError(f"{where}: expected a string, got {type(value).__name__}")
    return compact(value)


def checked(headers: Iterable[Pair]) -> tuple[Pair, ...]:
    """Drop hop-by-hop headers and Content-Length, which this server sets.

    Raises:
        ResultError: a name or value cannot be sent; what the service does then is unknown [?].
    """
    kept = []
    for name, value in headers:
        if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            raise ResultError(f"headers: expected one line each, got {name!r}")
        if name.lower() not in contract.HOP_BY_HOP and name.lower() != "content-length":
            kept.append((name, value))
    return tuple(kept)


def mapping_of(where: str, value: Any) -> dict[str, Any]:
    """Return an object; null is an empty one.

    Raises:
        ResultError: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ResultError(f"{where}: expected an object, got {type(value).__name__}")
    return value


def content_of(body: Any, *, base64_encoded: bool) -> bytes:
    """Return a result's body: a string or null.

    Raises:
        ResultError: it is something else.
        Base64Error: it claims to be base64 and is not.
    """
    if body is None:
        return b""
    if not isinstance(body, str):
        raise ResultError(f"body: expected a string, got {type(body).__name__}")
    if not base64_encoded:
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Base64Error(f"body: expected base64, got {error}") from error


def flag_of(value: Any) -> bool:
    """Return isBase64Encoded: true, false or null.

    Raises:
        ResultError: it is something else [?].
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    raise ResultError(f"isBase64Encoded: expected a boolean, got {type(value).__name__}")
