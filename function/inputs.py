"""A JSON payload to instances: what a body and a direct event have in common."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

from function.errors import InvalidError, MalformedError
from model.bundle.manifest import Manifest
from model.errors import MAX_PROBLEMS, Problem, counted, kind_of


def instances_of(payload: Any, manifest: Manifest) -> list[Any]:
    """
    Read the instances from `{"image": …}`, `{"images": […]}` or `{"rows": […]}`.

    Args:
        payload: parsed JSON.
        manifest: says whether the model takes pictures or rows, and how many.

    Returns:
        The pictures' bytes or the rows, none of them looked into.

    Raises:
        InvalidError: no object, another key than the model takes, not a list, too few or too
            many, or a text that is not base64. What came is described, never echoed.
    """
    keys = ("image", "images") if manifest.of_pictures else ("rows",)
    expected = " or ".join(f'{{"{key}": …}}' for key in keys)
    if not isinstance(payload, dict):
        raise InvalidError([Problem("body", expected, kind_of(payload))])
    given = [key for key in keys if key in payload]
    others = len(payload) - len(given)
    if len(given) != 1 or others:
        got = f"both {' and '.join(given)}" if len(given) > 1 else _others(others, given)
        raise InvalidError([Problem("body", expected, got)])
    key = given[0]
    values = [payload["image"]] if key == "image" else _list_of(payload[key], key, manifest)
    return _decoded(values, key) if manifest.of_pictures else values


def _others(others: int, given: Sequence[str]) -> str:
    """Count the keys that are not asked for; their names are the caller's text."""
    if not others:
        return "an empty object"
    return counted(others, "other key") + (" beside it" if given else "")


def _list_of(values: Any, key: str, manifest: Manifest) -> list[Any]:
    limit = manifest.max_instances
    if not isinstance(values, list):
        raise InvalidError([Problem(key, f"a list of 1 to {limit}", kind_of(values))])
    # Counted before anything is decoded: a million empty pictures must cost nothing.
    if not 1 <= len(values) <= limit:
        raise InvalidError([Problem(key, f"1 to {limit} {key}", str(len(values) or "none"))])
    return values


def _decoded(texts: Sequence[Any], key: str) -> list[bytes]:
    pictures: list[bytes] = []
    problems: list[Problem] = []
    for index, text in enumerate(texts):
        where = key if key == "image" else f"{key}[{index}]"
        try:
            pictures.append(decoded_base64(text, where))
        except MalformedError as exc:
            problems += exc.problems
            if len(problems) >= MAX_PROBLEMS:
                break
    if problems:
        raise InvalidError(problems)
    return pictures


def decoded_base64(text: Any, where: str) -> bytes:
    """
    Decode base64 strictly; a `data:` URL's prefix and line breaks are allowed.

    Raises:
        MalformedError: not a text, or not base64.
    """
    if not isinstance(text, str):
        raise MalformedError([Problem(where, "base64 in a text", kind_of(text))])
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return b64decode(text.translate(_LINE_BREAKS), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise MalformedError([Problem(where, "base64", "a text that is not base64")]) from exc


_LINE_BREAKS = {ord("\r"): None, ord("\n"): None}
