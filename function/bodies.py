"""
A request's body to instances: multipart, a raw picture, or JSON.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final

from pydantic_core import from_json
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from function.errors import InvalidError, MalformedError, MediaTypeError, TooLargeError
from function.inputs import instances_of
from model.errors import Problem
from model.manifest import Manifest

FILE_FIELD: Final = "file"
MAX_FIELDS: Final = 10
"""Form fields that are no files: none is read, a few are forgiven to be counted in the error."""

MAX_FIELD_BYTES: Final = 1024


async def instances_in(request: Request, manifest: Manifest, *, max_body_bytes: int) -> list[Any]:
    """
    Read the instances from a request's body, by its media type.

    Args:
        request: its body is not read yet.
        manifest: says what the model takes.
        max_body_bytes: the most bytes that the body may have.

    Returns:
        The pictures' bytes or the rows, none of them looked into.

    Raises:
        TooLargeError: the body is beyond the limit.
        MediaTypeError: a type that the model does not take, or compressed.
        MalformedError: the body cannot be read as the type that it claims.
        InvalidError: it can be read, but holds something else.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    _require_media_type(media_type, request.headers.get("content-encoding", ""), manifest)
    body = await _body_of(request, max_body_bytes)
    if media_type == "application/json":
        return instances_of(_json_of(body), manifest)
    if media_type == "multipart/form-data":
        return await _files_in(request, body, manifest)
    return [body]


def _require_media_type(media_type: str, encoding: str, manifest: Manifest) -> None:
    if encoding.strip().lower() not in ("", "identity"):
        wanted = "none, or identity: bodies are not compressed"
        raise MediaTypeError([Problem("content-encoding", wanted, "another")])
    accepted = ["application/json"]
    if manifest.of_pictures:
        accepted = ["multipart/form-data", "image/*", *accepted]
        if media_type.startswith("image/"):
            return
    if media_type not in accepted:
        came = "another type" if media_type else "none"
        raise MediaTypeError([Problem("content-type", " or ".join(accepted), came)])


async def _body_of(request: Request, max_bytes: int) -> bytes:
    """
    Read the body, stopping once it is too large, whatever Content-Length said.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise TooLargeError([Problem("body", f"at most {max_bytes} bytes", "more")])
        chunks.append(chunk)
    return b"".join(chunks)


def _json_of(body: bytes) -> Any:
    """
    Parse JSON, strictly: no NaN or Infinity, no lone surrogates, not nested without end.

    Raises:
        MalformedError: says where the parser stopped; a number that is NaN is no JSON.
    """
    try:
        return from_json(body, allow_inf_nan=True)
    except ValueError as exc:
        # The parser's message has no input in it, only what it wanted, and line and column.
        raise MalformedError([Problem("body", "JSON in UTF-8", _reason(exc))]) from exc


def _reason(exc: ValueError) -> str:
    text = str(exc)
    return text if text.isascii() and len(text) < 120 else "something else"


async def _files_in(request: Request, body: bytes, manifest: Manifest) -> list[bytes]:
    """
    Read the files of a form, each one picture.
    """
    expected = f"form files named {FILE_FIELD}"

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    limit = manifest.max_instances
    parser = MultiPartParser(
        request.headers,
        whole(),
        max_files=limit,
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    # The body is in memory already; a copy on disk would cost a thread and room in /tmp.
    parser.spool_max_size = len(body) + 1
    try:
        form = await parser.parse()
    except MultiPartException as exc:
        raise MalformedError([Problem("body", f"1 to {limit} {expected}", exc.message)]) from exc
    items = form.multi_items()
    files = [value for name, value in items if name == FILE_FIELD and not isinstance(value, str)]
    others = len(items) - len(files)
    if others or not files:
        came = f"{others} other field{'s' if others > 1 else ''}" if others else "an empty form"
        raise InvalidError([Problem("body", expected, came)])
    return [await file.read() for file in files]
