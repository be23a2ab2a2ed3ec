"""Labels that lie beside a model, in a file of their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

NAMES: Final = ("labels.txt", "classes.txt", "class_names.txt")

_NUMBERED: Final = re.compile(r"(\d+)[\s:,]+(\S.*)")
"""A line as Teachable Machine writes it: "0 cat"."""


def labels_beside(path: Path, classes: int | None) -> tuple[str, ...]:
    """Return the labels that lie beside a model, if they are as many as its classes.

    Args:
        path: the model's.
        classes: how many it tells apart; None: unknown, and nothing is found.
    """
    for name in NAMES:
        file = path.resolve().parent / name
        if classes and file.is_file() and len(labels := _read(file)) == classes:
            return labels
    return ()


def labels_of(text: str) -> tuple[str, ...]:
    """Return the lines of a text; of numbered lines, what follows the number."""
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    numbered = [_NUMBERED.fullmatch(line) for line in lines]
    if all(one and int(one[1]) == number for number, one in enumerate(numbered)):
        return tuple(one[2] for one in numbered if one)
    return lines


def _read(file: Path) -> tuple[str, ...]:
    return labels_of(file.read_text(encoding="utf-8-sig", errors="replace"))
