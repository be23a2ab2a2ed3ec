"""How large a function's packages are once installed, those that they require included."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def installed_mb(names: Iterable[str]) -> float:
    """Return the size of distributions and of what they require, in MB, without byte code."""
    return sum(map(_bytes_of, _closure(names))) / 1e6


def _closure(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name not in found:
            found.add(name)
            waiting += _requirements(name)
    return found


def _requirements(name: str) -> Iterator[str]:
    try:
        lines = distribution(name).requires or []
    except PackageNotFoundError:  # for another system or Python
        return
    for line in lines:
        if "extra ==" not in line and (match := _NAME.match(line)):
            yield match[0]


def _bytes_of(name: str) -> int:
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return 0
    return sum(one.size or 0 for one in files if one.suffix != ".pyc")
