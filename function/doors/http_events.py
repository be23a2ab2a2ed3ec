"""
The guard before Mangum: one clean event for each that a front may send.

Nothing that came goes on unless it was asked for here and found well formed; what is wrong ends as
a `MalformedError`, which the door answers with 400.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Sized
from typing import Any, Final
from urllib.parse import quote, unquote

from function.doors.sources import Source
from function.errors import MalformedError
from model.errors import Problem, kind_of

ROOT_PATH: Final = "lambake.rootPath"
"""The key under which a clean event carries the prefix that was taken off its path."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_HOST: Final = re.compile(r"[A-Za-z0-9._~-]{1,255}(:[0-9]{1,5})?")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9$_.+!*'()~-]+)*")
"""What stages and base paths are made of; a prefix stands in pages, so nothing else is let in."""

MAX_HEAD_CHARS: Final = 65_536
MAX_HEAD_ITEMS: Final = 1_000
"""
The most characters of a path, a query or a header, and the most headers or parameters. No front
lets more through (docs/contract.md 2.4), but a direct caller may send more, and each costs time.
"""

_DECODED_PATH: Final = frozenset({Source.HTTP_API_V2, Source.HTTP_API_V1})
"""The fronts that send the path decoded; the others send it as the client wrote it."""


def clean_event(event: dict[str, Any], source: Source, *, base_path: str = "") -> dict[str, Any]:
    """
    Rebuild an HTTP event from its well-formed parts, in the shape that Mangum reads.

    Args:
        event: as the front sent it.
        source: one of the HTTP sources.
        base_path: a prefix that a custom domain adds, without a slash at its end.

    Returns:
        An event with a path that Mangum may unquote once more, a body in bytes, headers in lower
        case, and under ROOT_PATH the prefix (stage, base path) that was taken off the path.

    Raises:
        MalformedError: a part that is missing or of another form; says which.

    Source: docs/contract.md 3.1, M2 to M7 and M18; 6.5.1 for what each front sends.
    """
    of_version_2 = source in (Source.HTTP_API_V2, Source.FUNCTION_URL)
    context = event["requestContext"]
    method = context["http"].get("method") if of_version_2 else event.get("httpMethod")
    if not isinstance(method, str) or not _TOKEN.fullmatch(method):
        raise _malformed("method", "an HTTP method", "something else")
    root_path, path = _paths_of(event, source, base_path)
    clean: dict[str, Any] = {
        ROOT_PATH: root_path,
        "body": _body_of(event),
        "isBase64Encoded": False,
        **_headers_of(event, source),
    }
    # Mangum unquotes every path once more, the decoded ones as well (M2).
    quoted = quote(path)
    if of_version_2:
        http = {"method": method.upper(), "path": quoted, "sourceIp": _source_ip(context["http"])}
        clean |= {"version": "2.0", "requestContext": {"http": http}}
        clean["rawQueryString"] = _text(event.get("rawQueryString"), "rawQueryString")
        return clean
    identity = context.get("identity")
    source_ip = _source_ip(identity) if isinstance(identity, dict) else ""
    clean |= {"httpMethod": method.upper(), "path": quoted, **_query_of(event)}
    if source is Source.ALB:
        return clean | {"requestContext": {"elb": {}}}
    clean |= {"resource": "", "requestContext": {"identity": {"sourceIp": source_ip}}}
    return clean | ({"version": "1.0"} if source is Source.HTTP_API_V1 else {})


def _malformed(where: str, expected: str, got: str) -> MalformedError:
    return MalformedError([Problem(where, expected, got)])


def _text(value: Any, where: str) -> str:
    """Require a text of the head that UTF-8 can carry; None is an empty one."""
    if isinstance(value, str) and len(value) > MAX_HEAD_CHARS:
        raise _malformed(where, f"at most {MAX_HEAD_CHARS} characters", "more")
    return _encodable(value, where)


def _encodable(value: Any, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _malformed(where, "a text", kind_of(value))
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as exc:
            raise _malformed(where, "a text in UTF-8", "a lone surrogate") from exc
    return value


def _source_ip(context: dict[str, Any]) -> str:
    value = context.get("sourceIp")
    return value if isinstance(value, str) and value.isascii() else ""


def _paths_of(event: dict[str, Any], source: Source, base_path: str) -> tuple[str, str]:
    """Part the decoded path into the prefix that the front adds and the application's own path."""
    key = "rawPath" if source in (Source.HTTP_API_V2, Source.FUNCTION_URL) else "path"
    raw = _text(event.get(key), key) or "/"
    context = event["requestContext"]
    root_path, path = "", _decoded(raw, source)
    prefixes = [base_path]
    if source in _DECODED_PATH:
        stage = _text(context.get("stage"), "requestContext.stage")
        prefixes.append("" if stage == "$default" else f"/{stage}")
    elif source is Source.REST_API:
        # `path` is without the stage, `requestContext.path` with it: `/docs` and `/prod/docs`.
        whole = _text(context.get("path"), "requestContext.path")
        if raw == "/":
            whole = f"{whole.rstrip('/')}/"
        root_path = unquote(whole.removesuffix(raw)).rstrip("/") if whole.endswith(raw) else ""
    for prefix in prefixes:
        if prefix.strip("/") and (path == prefix or path.startswith(f"{prefix}/")):
            root_path, path = root_path + prefix, path[len(prefix) :] or "/"
    if not _PREFIX.fullmatch(root_path):
        raise _malformed("requestContext", "a stage of letters and digits", "something else")
    return root_path, path


def _decoded(path: str, source: Source) -> str:
    """Decode a path once, and once only: what still has a `%` was encoded twice (M2)."""
    once = path if source in _DECODED_PATH else unquote(path)
    if "%" in once:
        raise _malformed("path", "a path without % once it is decoded", "one with it")
    return once if once.startswith("/") else f"/{once}"


def _query_of(event: dict[str, Any]) -> dict[str, Any]:
    """Take the query of a 1.0, REST or load balancer event, repeats where the front sends them."""
    many = _object_of(event, "multiValueQueryStringParameters")
    if many:
        return {"multiValueQueryStringParameters": _lists_of(many, "query")}
    one = _object_of(event, "queryStringParameters")
    clean = {_text(name, "query"): _text(value, "query") for name, value in one.items()}
    return {"queryStringParameters": clean}


def _object_of(event: dict[str, Any], key: str) -> dict[str, Any]:
    """Take an object of the head; null and nothing are an empty one."""
    value = event.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _malformed(key, "an object", kind_of(value))
    _require_few(value, key)
    return value


def _lists_of(values: dict[str, Any], where: str) -> dict[str, list[str]]:
    clean: dict[str, list[str]] = {}
    for name, items in values.items():
        if not isinstance(items, list):
            raise _malformed(where, "lists of texts", kind_of(items))
        _require_few(items, where)
        clean[_text(name, where)] = [_text(item, where) for item in items]
    return clean


def _require_few(items: Sized, where: str) -> None:
    if len(items) > MAX_HEAD_ITEMS:
        raise _malformed(where, f"at most {MAX_HEAD_ITEMS} of them", "more")


def _headers_of(event: dict[str, Any], source: Source) -> dict[str, Any]:
    """Take the headers in lower case, cookies joined as a browser would send them (M6, M7)."""
    one, many = _object_of(event, "headers"), _object_of(event, "multiValueHeaders")
    given = _lists_of(many or {name: [value] for name, value in one.items()}, "headers")
    lists = {name.lower(): values for name, values in given.items()}
    cookies = event.get("cookies") or lists.get("cookie") or []
    if not isinstance(cookies, list):
        raise _malformed("cookies", "a list of texts", kind_of(cookies))
    _require_few(cookies, "cookies")
    if cookies:
        lists["cookie"] = ["; ".join(_text(cookie, "cookies") for cookie in cookies)]
    _require_address(lists)
    if source in (Source.REST_API, Source.HTTP_API_V1):
        # It may pass base64 on undecoded, so nothing is compressed for it.
        lists["accept-encoding"] = ["identity"]
    elif source is Source.ALB:
        # It carries 1 MB, which Swagger UI fits into only if it is compressed.
        lists.pop("accept-encoding", None)
        if takes_lists(event):
            return {"multiValueHeaders": lists}
    return {"headers": {name: ", ".join(items) for name, items in lists.items()}}


def takes_lists(event: dict[str, Any]) -> bool:
    """Whether a load balancer wants `multiValueHeaders` in the reply: as it sent them itself."""
    return event.get("multiValueHeaders") is not None


def _require_address(headers: dict[str, list[str]]) -> None:
    """Refuse a Host or X-Forwarded-Port that Mangum would stumble over (M4)."""
    for name, pattern, expected in (
        ("host", _HOST, "one host name, with a port or without"),
        ("x-forwarded-port", _PORT, "one port number"),
    ):
        values = headers.get(name, [])
        # Two are joined by a comma, which is no number either.
        if len(values) > 1 or not all(pattern.fullmatch(value) for value in values):
            raise _malformed(name, expected, "something else")


def _body_of(event: dict[str, Any]) -> bytes:
    """Take the body as bytes; base64 is decoded strictly here, which Mangum does not (M5)."""
    body = _encodable(event.get("body"), "body")
    encoded = event.get("isBase64Encoded") or False
    if not isinstance(encoded, bool):
        raise _malformed("isBase64Encoded", "true or false", kind_of(encoded))
    if not encoded:
        return body.encode()
    try:
        return b64decode(body, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _malformed("body", "base64, as isBase64Encoded says", "something else") from exc
