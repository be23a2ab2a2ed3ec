"""From a request's body to instances (form, raw picture, JSON), and from an answer to JSON."""

from __future__ import annotations

import json
import re
from math import prod
from typing import Any, Final

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from function.errors import MalformedError, MediaTypeError, TooLargeError, body_too_large
from function.http.forms import files_in
from function.inputs import BYTE_ORDER_MARK, encoding_of, instances_of
from function.service import Served
from model.bundle.manifest import Manifest
from model.errors import Problem
from model.tensors import Instances

JSON: Final = "application/json"
FORM: Final = "multipart/form-data"

UNTOLD: Final = ("", "application/octet-stream")
"""The media types that say nothing: the body is told by its first bytes."""

_JSON_START: Final = re.compile(rb"(\xef\xbb\xbf)?\s*[{\[]")
_FORM_START: Final = re.compile(rb"--([^\r\n\"]{1,70})\r\ncontent-", re.IGNORECASE)

_ENCODER: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"))

SPARE_BRACKETS: Final = 10_000
"""Added to what a full request needs, so that a request over the limit is told how many it has."""

MOST_BRACKETS: Final = 500_000
"""Of tensors; parsed, so many lists take 0.1 s and 30 MB. What needs more can be sent in binary."""


async def instances_in(request: Request, served: Served, *, max_body_bytes: int) -> Instances:
    """Read the instances from a request's body, by its media type or else by its first bytes.

    Args:
        request: its body has not been read.
        served: the model; its recipe says what it takes.
        max_body_bytes: the largest body.

    Returns:
        The instances, or the inputs by name, unchecked.

    Raises:
        TooLargeError: the body is over the limit.
        MediaTypeError: the model does not take the type, or the body is compressed.
        MalformedError: the body is not what its media type says.
        InvalidError: it is readable, but holds something else.
    """
    content_type = request.headers.get("content-type", "")
    body = await body_of(request, max_body_bytes)
    if media_type_of(content_type) in UNTOLD:
        others = served.description.media_types or (JSON,)
        content_type = told_by(body) or others[0]
    media_type = media_type_of(content_type)
    _require_media_type(media_type, served)
    if media_type == JSON:
        return instances_of(json_of(body, served), served)
    if media_type == FORM:
        return files_in(body, content_type, limit=served.manifest.max_instances)
    return [body]


def media_type_of(content_type: str) -> str:
    """Return a Content-Type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def told_by(body: bytes) -> str:
    """Return the Content-Type of a body by its first bytes: JSON, a form, or an empty text."""
    if _JSON_START.match(body):
        return JSON
    form = _FORM_START.match(body)
    return f'{FORM}; boundary="{form[1].decode("latin-1")}"' if form else ""


def _require_media_type(media_type: str, served: Served) -> None:
    accepted = [JSON]
    types = served.description.media_types
    if types:
        accepted = [FORM, *types, *accepted]
        if any(media_type.startswith(one.rstrip("*")) for one in types):
            return
    if media_type not in accepted:
        got = "another type"
        if media_type == "application/x-www-form-urlencoded":
            got = "a web form's type, which curl -d sends without -H 'content-type: …'"
        raise MediaTypeError([Problem("content-type", " or ".join(accepted), got)])


async def body_of(request: Request, max_bytes: int) -> bytes:
    """Read the body, and stop once it is too large, whatever Content-Length says.

    Raises:
        TooLargeError: it is over the limit.
        MediaTypeError: it is compressed.
    """
    if request.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        wanted = "none, or identity: bodies are not compressed"
        raise MediaTypeError([Problem("content-encoding", wanted, "another")])
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise body_too_large(max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _require_few_brackets(body: bytes, served: Served) -> None:
    """Refuse JSON with more lists and objects than any request needs, before parsing it.

    A million of them in 3 MB take a second and 100 MB, and the garbage collector visits each.
    """
    columns = served.description.columns
    # An instance is one list or object; a column's name may also hold a bracket.
    limit = SPARE_BRACKETS + 2 * served.manifest.max_instances * (1 + len(columns))
    limit = max(limit, min(_lists_of(served.manifest), MOST_BRACKETS))
    got = body.count(b"[") + body.count(b"{")
    if got > limit:
        raise TooLargeError([Problem("body", f"at most {limit} lists and objects", str(got))])


def _lists_of(manifest: Manifest) -> int:
    """Return how many lists the largest inputs by name have; no bound where an axis is free."""
    total = SPARE_BRACKETS
    for one in manifest.inputs:
        axes = (manifest.max_instances, *one.shape[1:-1]) if one.has_batch else one.shape[:-1]
        total += 2 * prod(axes) if min(axes, default=1) > 0 else MOST_BRACKETS
    return total


def json_of(body: bytes, served: Served) -> Any:
    """Parse JSON strictly: no lone surrogates, limited nesting, no more than a model can need.

    A byte order mark before it is left out.

    Raises:
        TooLargeError: more lists and objects than any request for this model has.
        MalformedError: says where the parser stopped.
    """
    _require_few_brackets(body, served)
    try:
        return from_json(body.removeprefix(BYTE_ORDER_MARK), allow_inf_nan=True)
    except ValueError as exc:
        # The parser's message repeats no input: it has only what was expected, line and column.
        got = encoding_of(body) or _reason(exc)
        raise MalformedError([Problem("body", "JSON in UTF-8", got)]) from exc


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
    return Response(_ENCODER.encode(content), status, headers, media_type)
