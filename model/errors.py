"""
What can go wrong in a model, as one tree.

    ModelError
    ├── ArtefactError     the bundle: missing, tampered with or misshapen; stops the load
    ├── InputError        the caller's: lists what is wrong with the instances
    │   ├── FormatError   the bytes are none of the picture formats that we read
    │   └── LimitError    more pixels than allowed
    └── EngineError       ours: the engine failed, or answered with what is no probability
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_PROBLEMS = 10
"""How many problems one error lists: 100,000 bad numbers need no 100,000 messages."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the input: where it is, what was expected, what it got."""

    where: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, got {self.got}"


def counted(number: int, noun: str) -> str:
    """Count things, such as "1 other key" or "2 other keys", for a message that echoes no name."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


class ModelError(Exception):
    """Anything that goes wrong in this package."""


class ArtefactError(ModelError):
    """A bundle that must not be served: says which file, what was expected and what was got."""

    def __init__(
        self, path: Path, *, expected: str = "", got: object = "", problems: Sequence[Problem] = ()
    ) -> None:
        """
        Say what is wrong with a file: one thing, or several with their places in it.

        Args:
            path: of the file.
            expected, got: the one thing.
            problems: several; the first ten are told.
        """
        texts = [str(problem) for problem in problems[:MAX_PROBLEMS]]
        if len(problems) > MAX_PROBLEMS:
            texts.append(f"and {len(problems) - MAX_PROBLEMS} more")
        super().__init__(f"{path}: {'; '.join(texts) or f'expected {expected}, got {got}'}")
        self.path = path


class InputError(ModelError):
    """Instances that cannot be predicted, with at most ten problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems[:MAX_PROBLEMS])
        super().__init__("; ".join(str(problem) for problem in self.problems))


class FormatError(InputError):
    """Bytes that are none of the picture formats that we read."""


class LimitError(InputError):
    """A picture with more pixels than allowed."""


class EngineError(ModelError):
    """The engine failed, or answered with what is no probability."""


def kind_of(value: Any) -> str:
    """Name a JSON value's kind, for a message that must not echo the value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list | tuple) else "something else"
