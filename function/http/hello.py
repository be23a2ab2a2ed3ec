"""The tutorial's hello: add two numbers from a query."""

from __future__ import annotations

import math
import re
from typing import Final

from starlette.datastructures import QueryParams

from function.errors import InvalidError
from model.errors import Problem

MAX_DIGITS: Final = 300
"""Beyond 308 digits a number does not fit float64; beyond 4,300 Python refuses to parse it."""

_WHOLE: Final = re.compile(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}")
_DECIMAL: Final = re.compile(rf"[+-]?([0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{0,{MAX_DIGITS}}})?|"
                             rf"\.[0-9]{{1,{MAX_DIGITS}}})([eE][+-]?[0-9]{{1,3}})?")  # fmt: skip


def total_of(query: QueryParams) -> int | float:
    """Add `a` and `b`; whole numbers stay whole.

    Raises:
        InvalidError: a number is missing, repeated, malformed or not finite; or the sum is not.
    """
    problems: list[Problem] = []
    numbers = [_number_of(query.getlist(name), name, problems) for name in ("a", "b")]
    if problems:
        raise InvalidError(problems)
    total = sum(numbers)
    if not math.isfinite(total):
        raise InvalidError([Problem("a + b", "a finite sum", "Infinity")])
    return total


def _number_of(texts: list[str], name: str, problems: list[Problem]) -> int | float:
    got = "nothing" if not texts else f"{len(texts)} of them"
    if len(texts) == 1:
        # A plus sign in a query decodes to a space.
        text = texts[0].strip(" ")
        if _WHOLE.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        got = "a text that is no such number" if text else "an empty text"
    problems.append(Problem(name, "one finite number, such as 10 or -2.5", got))
    return 0
