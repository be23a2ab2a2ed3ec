"""The errors of models, as one tree.

ModelError
├── ArtefactError     the bundle: missing, tampered with or malformed; stops the load
├── InputError        the caller's fault: lists what is wrong with the instances
│   ├── FormatError   the bytes are in no supported picture format
│   └── LimitError    more pixels than allowed
└── EngineError       ours: the engine failed, or returned invalid outputs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_PROBLEMS = 10
"""The most problems that one error lists: 100,000 bad numbers need no 100,000 messages."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the input: where, what was expected, and what it got.

    Where `got` is empty, `expected` is the whole sentence, in the words of a recipe.py.
    """

    where: str
    expected: str
    got: str

    def __str__(self) -> str:
        if not self.got:
            return f"{self.where}: {self.expected}"
        return f"{self.where}: expected {self.expected}, got {self.got}"


def counted(number: int, noun: str) -> str:
    """Count things, as in "1 other key" or "2 other keys", for a message that echoes no name."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


class ModelError(Exception):
    """Any error of this package."""


class ArtefactError(ModelError):
    """A bundle that must not be served: names the file, what was expected and what it got."""

    def __init__(
        self, path: Path, *, expected: str = "", got: object = "", problems: Sequence[Problem] = ()
    ) -> None:
        """Describe what is wrong with a file: one thing, or several with their places in it.

        Args:
            path: the file's.
            expected, got: the one thing.
            problems: several things; the first ten are listed.
        """
        texts = [str(problem) for problem in problems[:MAX_PROBLEMS]]
        if len(problems) > MAX_PROBLEMS:
            texts.append(f"and {len(problems) - MAX_PROBLEMS} more")
        super().__init__(f"{path}: {'; '.join(texts) or f'expected {expected}, got {got}'}")
        self.path = path


class InputError(ModelError):
    """Instances that cannot be predicted, with at most ten problems.

    Attributes:
        reason: an engine's own words, for the log only.
    """

    reason = ""

    def __init__(self, problems: Sequence[Problem], *, reason: str = "") -> None:
        self.problems = tuple(problems[:MAX_PROBLEMS])
        self.reason = reason
        super().__init__("; ".join(str(problem) for problem in self.problems))


class FormatError(InputError):
    """Bytes in no supported picture format."""


class LimitError(InputError):
    """A picture with more pixels than allowed."""


class EngineError(ModelError):
    """The engine failed, or returned invalid outputs."""


def kind_of(value: Any) -> str:
    """Name the kind of a JSON value, for a message that must not echo the value."""
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
