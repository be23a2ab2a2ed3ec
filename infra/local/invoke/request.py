"""Parse an Invoke call: which function, how, with what payload. InvokeError refuses it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes

from infra.local import contract
from infra.local.invocation import InvokeRequest
from infra.local.invoke.errors import (
    function_not_found,
    invalid_content,
    not_json,
    not_valid,
    payload_too_large,
    wrong_parameter,
)
from infra.settings import limits
from infra.settings.function import FunctionConfig

# Source: botocore, shape FunctionName.
_NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?"
    r"(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
_TARGET = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?(?P<name>[a-zA-Z0-9-_]+)"
    r"(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)

_NOT_EMULATED = {
    "TenantId": b"x-amz-tenant-id",
    "DurableExecutionName": b"x-amz-durable-execution-name",
}


@dataclass(frozen=True)
class InvokeCall:
    """One checked call."""

    invocation_type: str
    wants_tail: bool
    request: InvokeRequest


def function_name_of(raw_path: bytes) -> str | None:
    """Return the decoded function name in the path; None for another operation's path."""
    prefix, suffix = contract.INVOKE_API_PREFIX.encode(), b"/invocations"
    if not raw_path.startswith(prefix) or not raw_path.endswith(suffix):
        return None
    name = raw_path[len(prefix) : -len(suffix)]
    if not name or b"/" in name:
        return None
    return unquote_to_bytes(name).decode("utf-8", "replace")


def version_of(name: str, query: bytes, config: FunctionConfig) -> tuple[str | None, str]:
    """Find the function by its name or ARN, with or without a qualifier (B11, B16).

    Returns:
        The qualifier, and the version that it stands for.
    """
    if len(name) > contract.FUNCTION_ARN_LIMIT:
        limit = f"have length less than or equal to {contract.FUNCTION_ARN_LIMIT}"
        raise not_valid(name, "functionName", limit)
    parts = _TARGET.fullmatch(name)
    if parts is None or len(parts["name"]) > contract.FUNCTION_NAME_LIMIT:
        pattern = f"satisfy regular expression pattern: {_NAME_PATTERN}"
        raise not_valid(name, "functionName", pattern)
    asked = dict(parse_qsl(query.decode("latin-1"))).get("Qualifier") if query else None
    if asked and parts["qualifier"] and asked != parts["qualifier"]:
        raise wrong_parameter(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    qualifier = asked or parts["qualifier"]
    region = parts["region"] or config.region
    account = parts["account"] or config.account_id
    ours = (config.name, config.region, config.account_id)
    version = config.version_of(qualifier) if (parts["name"], region, account) == ours else None
    if version is None:
        arn = f"arn:aws:lambda:{region}:{account}:function:{parts['name']}"
        raise function_not_found(f"{arn}:{qualifier or limits.LATEST}")
    return qualifier, version


def call_of(
    headers: Mapping[bytes, bytes],
    body: bytes,
    size: int,
    names: tuple[str | None, str],
    answered: asyncio.Future[None] | None = None,
) -> InvokeCall:
    """Parse headers and body (B9, B10, B12 to B14, B16, B17).

    Args:
        headers: names in lower case.
        body: at least the first SYNC_REQUEST_LIMIT_BYTES + 1 bytes.
        size: of the whole body.
        names: from version_of.
    """
    for member, header in _NOT_EMULATED.items():
        if header in headers:
            raise wrong_parameter(f"{member} is not emulated: call without it")
    kind = _text(headers, b"x-amz-invocation-type") or "RequestResponse"
    if kind not in contract.INVOCATION_TYPES:
        raise not_valid(kind, "invocationType", _members(contract.INVOCATION_TYPES))
    log_type = _text(headers, b"x-amz-log-type") or "None"
    if log_type not in contract.LOG_TYPES:
        raise not_valid(log_type, "logType", _members(contract.LOG_TYPES))
    context = _client_context(_text(headers, b"x-amz-client-context"))
    is_event = kind == "Event"
    limit = contract.EVENT_REQUEST_LIMIT_BYTES if is_event else contract.SYNC_REQUEST_LIMIT_BYTES
    if size > limit:
        raise payload_too_large(size, event=is_event)
    request = InvokeRequest(
        payload=_payload(body),
        # The service passes the context on for synchronous calls only [DOC].
        client_context=None if is_event else context,
        qualifier=names[0],
        trace_id=_text(headers, b"x-amzn-trace-id"),
        executed_version=names[1],
        answered=answered,
    )
    return InvokeCall(kind, log_type == "Tail", request)


def _payload(body: bytes) -> bytes:
    """Check that the body is JSON, and return it as sent. Empty means {}."""
    if not body:
        return b"{}"
    try:
        # Numbers stay text: only their form is checked, and Python refuses very long ones.
        json.loads(
            body.decode("utf-8"), parse_int=str, parse_float=str, parse_constant=_no_constant
        )
    except UnicodeDecodeError as exc:
        raise not_json(f"Invalid UTF-8 at byte {exc.start}") from exc
    except RecursionError:
        # Too deeply nested is not malformed: the service passes it on, and the runtime decides.
        return body
    except ValueError as exc:
        raise not_json(str(exc)) from exc
    return body


def _no_constant(name: str) -> None:
    raise ValueError(f"Unexpected token {name}")


def _client_context(encoded: str | None) -> str | None:
    """Decode the client context into text that fits a header: JSON on one line of ASCII.

    The texts of the refusals are ours (B17) [?].
    """
    if not encoded:
        return None
    if len(encoded) > contract.CLIENT_CONTEXT_LIMIT_BYTES:
        limit = contract.CLIENT_CONTEXT_LIMIT_BYTES
        raise invalid_content(f"Client context must be at most {limit} bytes")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise invalid_content("Client context must be a valid Base64-encoded JSON object") from exc
    try:
        return json.dumps(json.loads(decoded))
    except (ValueError, RecursionError):
        # The runtime reports what is not JSON: Runtime.LambdaContextUnmarshalError.
        return decoded.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _members(known: tuple[str, ...]) -> str:
    return f"satisfy enum value set: [{', '.join(known)}]"
