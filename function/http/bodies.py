"""From a request's body to instances (form, raw picture, JSON), and from an answer to JSON."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from function.errors import MalformedError, MediaTypeError, TooLargeError
from function.http.forms import files_in
from function.inputs import instances_of
from function.service import Served
from model.errors import Problem

JSON: Final = "application/json"

SPARE_BRACKETS: Final = 10_000
"""Added to what a full request needs, so that a request over the limit is told how many it has."""


async def instances_in(request: Request, served: Served, *, max_body_bytes: int) -> list[Any]:
    """Read the instances from a request's body, by its media type.

    Args:
        request: its body has not been read.
        served: the model; its recipe says what it takes.
        max_body_bytes: the largest body.

    Returns:
        The pictures' bytes or the rows, unchecked.

    Raises:
        TooLargeError: the body is over the limit.
        MediaTypeError: the model does not take the type, or the body is compressed.
        MalformedError: the body is not what its media type says.
        InvalidError: it is readable, but holds something else.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    _require_media_type(media_type, request.headers.get("content-encoding", ""), served)
    body = await _body_of(request, max_body_bytes)
    if media_type == JSON:
        _require_few_brackets(body, served)
        return instances_of(_json_of(body), served)
    if media_type == "multipart/form-data":
        return files_in(body, request.headers["content-type"], limit=served.manifest.max_instances)
    return [body]


def _require_media_type(media_type: str, encoding: str, served: Served) -> None:
    if encoding.strip().lower() not in ("", "identity"):
        wanted = "none, or identity: bodies are not compressed"
        raise MediaTypeError([Problem("content-encoding", wanted, "another")])
    accepted = [JSON]
    types = served.description.media_types
    if types:
        accepted = ["multipart/form-data", *types, *accepted]
        if any(media_type.startswith(one.rstrip("*")) for one in types):
            return
    if media_type not in accepted:
        got = "another type" if media_type else "none"
        raise MediaTypeError([Problem("content-type", " or ".join(accepted), got)])


async def _body_of(request: Request, max_bytes: int) -> bytes:
    """Read the body, and stop once it is too large, whatever Content-Length says."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise TooLargeError([Problem("body", f"at most {max_bytes} bytes", "more")])
        chunks.append(chunk)
    return b"".join(chunks)


def _require_few_brackets(body: bytes, served: Served) -> None:
    """Refuse JSON with more lists and objects than any request needs, before parsing it.

    A million of them in 3 MB take a second and 100 MB, and the garbage collector visits each.
    """
    columns = served.description.columns
    # An instance is one list or object; a column's name may also hold a bracket.
    limit = SPARE_BRACKETS + 2 * served.manifest.max_instances * (1 + len(columns))
    got = body.count(b"[") + body.count(b"{")
    if got > limit:
        raise TooLargeError([Problem("body", f"at most {limit} lists and objects", str(got))])


def _json_of(body: bytes) -> Any:
    """Parse JSON strictly: no NaN or Infinity, no lone surrogates, limited nesting.

    Raises:
        MalformedError: says where the parser stopped.
    """
    try:
        return from_json(body, allow_inf_nan=True)
    except ValueError as exc:
        # The parser's message repeats no input: it has only what was expected, line and column.
        raise MalformedError([Problem("body", "JSON in UTF-8", _reason(exc))]) from exc


def _reason(exc: ValueError) -> str:
    text = str(exc)
    return text if text.isascii() and len(text) < 120 else "something else"


def json_response(
    content: Any,
    *,
    status: int = 200,
    media_type: str = JSON,
    headers: dict[str, str] | None = None,
) -> Response:
    """Answer in JSON, ASCII only: no text of ours can break an encoder on its way out."""
    body = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return Response(body, status, headers, media_type)
