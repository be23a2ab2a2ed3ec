"""From a JSON payload to instances, for HTTP bodies and direct events alike."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from function.errors import InvalidError, MalformedError
from function.service import Served
from model.errors import MAX_PROBLEMS, Problem, counted, kind_of
from model.recipes.base import Takes
from model.tensors import Instances, NamedInputs

NAMED: Final = "inputs"
"""The key that every model takes: its tensors by name, past the recipe."""

COMMENT: Final = "Comment"
"""A key that Step Functions' console writes into a payload; it is left unread."""

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

KEYS: Final[Mapping[Takes, tuple[str, ...]]] = {
    "image": ("image", "images", NAMED),
    "row": ("rows", NAMED),
    "text": ("texts", NAMED),
    "tensors": (NAMED,),
}
"""The keys for each kind of instance in a JSON payload: for one, for a list, or for tensors."""


def instances_of(payload: Any, served: Served) -> Instances:
    """Read the instances from one of the keys that the model takes, such as `{"rows": […]}`.

    Args:
        payload: parsed JSON.
        served: the model; its recipe says what it takes, its manifest how many.

    Returns:
        The pictures' bytes, the rows or the texts; or the inputs by name. Unchecked.

    Raises:
        InvalidError: not an object, a key that the model does not take, not a list, too few or too
            many, or not base64. The input is described, never echoed.
    """
    takes = served.recipe.takes
    expected = " or ".join(f'{{"{key}": …}}' for key in KEYS[takes])
    if not isinstance(payload, dict):
        raise InvalidError([Problem("body", expected, kind_of(payload))])
    given = [key for key in KEYS[takes] if key in payload]
    others = len(payload) - len(given) - (COMMENT in payload)
    if len(given) != 1 or others:
        got = " and ".join(given) if len(given) > 1 else _others(others, given)
        raise InvalidError([Problem("body", expected, got)])
    key = given[0]
    if key == NAMED:
        return _named(payload[key], served)
    values = [payload[key]] if key == takes else list_of(payload[key], key, served)
    return decoded(values, key) if takes == "image" else values


def _others(others: int, given: Sequence[str]) -> str:
    """Count the unexpected keys; their names are the caller's, so they are not repeated."""
    if not others:
        return "an empty object"
    return counted(others, "other key") + (" beside it" if given else "")


def _named(values: Any, served: Served) -> NamedInputs:
    if not isinstance(values, dict):
        names = ", ".join(one.name for one in served.manifest.inputs)
        raise InvalidError([Problem(NAMED, f"an object with {names}", kind_of(values))])
    return NamedInputs(values)


def list_of(values: Any, key: str, served: Served) -> list[Any]:
    """Require a list of as many instances as the model takes.

    Raises:
        InvalidError: no list, or too few or too many.
    """
    limit = served.manifest.max_instances
    if not isinstance(values, list):
        raise InvalidError([Problem(key, f"a list of 1 to {limit}", kind_of(values))])
    # Counted before anything is decoded: a million empty pictures must cost nothing.
    if not 1 <= len(values) <= limit:
        raise InvalidError([Problem(key, f"1 to {limit} {key}", str(len(values) or "none"))])
    return values


def decoded(texts: Sequence[Any], key: str) -> list[bytes]:
    """Decode pictures in base64.

    Raises:
        InvalidError: names those that are not.
    """
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
    """Decode base64 as browsers take it: white space, missing padding, base64url, `data:` URLs.

    Raises:
        MalformedError: not a string, or not base64; says which character is not, or what is
            missing.
    """
    if not isinstance(text, str):
        raise MalformedError([Problem(where, "base64 in a text", kind_of(text))])
    if text[:5].lower() == "data:":
        text = unquote(text.partition(",")[2])
    given, text = text.strip(), text.translate(_AS_BASE64)
    digits = text.rstrip("=")
    other = _NO_BASE64.search(digits)
    if other:
        got = f"a text that is not base64: U+{ord(other[0]):04X} after {other.start()} characters"
        raise MalformedError([Problem(where, "base64", got)])
    if len(digits) % 4 == 1 or (text != digits and len(text) % 4):
        if " " in given:  # what was decoded as a web form once too often
            return decoded_base64(given.replace(" ", "+"), where)
        got = f"a text that is not base64: {len(digits)} characters and {len(text) - len(digits)} ="
        raise MalformedError([Problem(where, "base64, whole and padded by = to fours or not", got)])
    return b64decode(digits + "=" * (-len(digits) % 4))


def encoding_of(data: bytes) -> str:
    """Name the encoding of a text that is not in UTF-8, where its first bytes tell; or ""."""
    # A front that made text of the body left two U+FFFD in the place of the byte order mark.
    marks = (b"\xff\xfe", b"\xfe\xff", "\ufffd\ufffd".encode())
    is_wide = data.startswith(marks) or b"\0" in data[:2]
    return "UTF-16 or UTF-32" if is_wide else ""


_AS_BASE64 = {**dict.fromkeys(map(ord, " \t\n\f\r")), ord("-"): "+", ord("_"): "/"}
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
