"""The result of a Lambda proxy integration (payload 1.0), shared by REST APIs and HTTP APIs.

Source: [REC] localstack test_aws_proxy_response_payload_format_validation, 15 Nov 2024.
"""

from __future__ import annotations

from typing import Any

from infra.local.fronts.request import Pair
from infra.local.fronts.response import (
    ResultError,
    checked,
    flag_of,
    mapping_of,
    result_of,
    status_of,
    text_of,
)

_KEYS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})


def proxy_result_of(payload: bytes) -> dict[str, Any]:
    """Parse a result and refuse every key that is not one of the five.

    Raises:
        ResultError: it is not an object, or has another key.
    """
    result = result_of(payload)
    if not isinstance(result, dict):
        raise ResultError(f"result: expected an object, got {type(result).__name__}")
    extra = sorted(set(result) - _KEYS)
    if extra:
        raise ResultError(f"result: expected only {', '.join(sorted(_KEYS))}, got {extra[0]!r}")
    flag_of(result.get("isBase64Encoded"))
    return result


def status_or_ok(result: dict[str, Any]) -> int:
    """Return the status, or 200 without one: [REC] for `headers` alone, `{}` is not proven [?]."""
    return status_of(result.get("statusCode", 200))


def headers_of(result: dict[str, Any]) -> tuple[Pair, ...]:
    """Merge both kinds of headers: the multi-value ones first, in their casing.

    Raises:
        ResultError: a multi-value header is not a list, or a value neither a string nor a boolean.
    """
    merged: dict[str, tuple[str, list[str]]] = {}
    for name, values in mapping_of("multiValueHeaders", result.get("multiValueHeaders")).items():
        if not isinstance(values, list):
            raise ResultError(f"multiValueHeaders.{name}: expected a list")
        where = f"multiValueHeaders.{name}"
        texts = [text_of(where, value, kinds=(bool,)) for value in values]
        merged.setdefault(name.lower(), (name, []))[1].extend(texts)
    for name, value in mapping_of("headers", result.get("headers")).items():
        text = text_of(f"headers.{name}", value, kinds=(bool,))
        merged.setdefault(name.lower(), (name, []))[1].append(text)
    if "content-type" not in merged:
        merged["content-type"] = ("Content-Type", ["application/json"])
    return checked((name, value) for name, values in merged.values() for value in values)
