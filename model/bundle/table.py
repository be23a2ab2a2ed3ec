"""A TOML table that is read key by key, so that all its errors are reported at once."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from model.errors import ArtefactError, Problem
from model.tensors import DTYPES, Tensor

NAME: Final = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,64}")
"""Names of models, versions and files: they are parts of URLs and paths, so no separators."""

_REQUIRED: Final[Any] = object()


class Table:
    """A table; its errors are noted in a list that all tables of a file share.

    For a value that is missing or wrong, a stand-in is returned (an empty string, 0, NaN), so that
    reading goes on: use nothing of it before `problems` is known to be empty.
    """

    def __init__(
        self, folder: Path, values: Mapping[str, Any], problems: list[Problem], prefix: str = ""
    ) -> None:
        self.folder = folder
        self.problems = problems
        self.values = values
        self._prefix = prefix
        self._asked: set[str] = set()

    def note(self, key: str, expected: str, got: object) -> None:
        """Note that a value is wrong."""
        self.problems.append(Problem(f"{self._prefix}{key}", expected, str(got)))

    def close(self) -> None:
        """Note the keys that were never read: a misspelt key must not be ignored."""
        for key in sorted(self.values.keys() - self._asked):
            known = f"one of the keys {', '.join(sorted(self._asked))}" if self._asked else "no key"
            self.note(key, known, "an unknown key")

    def _get(self, key: str, kinds: tuple[type, ...], expected: str, default: Any) -> Any:
        """Return a value of one of these kinds, or note that there is none and return None."""
        self._asked.add(key)
        value = self.values.get(key, default)
        if value is _REQUIRED:
            self.note(key, expected, "nothing")
            return None
        if value is default or (isinstance(value, kinds) and not isinstance(value, bool)):
            return value
        self.note(key, expected, repr(value))
        return None

    def text(
        self, key: str, *, pattern: re.Pattern[str] | None = None, default: str = _REQUIRED
    ) -> str:
        """Read a string that is not empty."""
        value = self._get(key, (str,), "a text", default)
        if value is None or value is default:
            return value or ""
        if pattern and not pattern.fullmatch(value):
            self.note(key, f"a text like {pattern.pattern}", repr(value))
            return ""
        if not value.strip():
            self.note(key, "a text", "an empty one")
        return str(value)

    def choice(self, key: str, choices: tuple[str, ...], *, default: str = _REQUIRED) -> str:
        """Read one of several strings."""
        expected = f"one of {', '.join(choices)}"
        value = self._get(key, (str,), expected, default)
        if value is not None and value not in choices:
            self.note(key, expected, repr(value))
        return value or ""

    def flag(self, key: str) -> bool:
        """Read true or false; false if absent."""
        self._asked.add(key)
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            self.note(key, "true or false", repr(value))
        return value is True

    def integer(self, key: str, *, default: int = _REQUIRED, least: int = 1) -> int:
        """Read a whole number from `least` up."""
        value = self._get(key, (int,), f"a whole number from {least}", default)
        if value is not None and value is not default and value < least:
            self.note(key, f"a whole number from {least}", value)
        return value or 0

    def number(self, key: str, *, default: float | None = _REQUIRED) -> float | None:
        """Read a finite number; None if it is absent and may be."""
        value = self._get(key, (int, float), "a finite number", default)
        if value is None or value is default:
            return None
        if not is_finite(value):
            self.note(key, "a finite number", value)
            return None
        return float(value)

    def vector(self, key: str, size: int, *, default: float | None = None) -> tuple[float, ...]:
        """Read a finite number, which then stands for each of `size`, or a list of so many."""
        expected = f"a finite number, or a list of {size}"
        required = _REQUIRED if default is None else default
        value: Any = self._get(key, (int, float, list), expected, required)
        if value is None:
            return (math.nan,) * size
        values = value if isinstance(value, list) else [value] * size
        if len(values) != size or not all(
            type(one) is not bool and is_finite(one) for one in values
        ):
            self.note(key, expected, repr(value))
            return (math.nan,) * size
        return tuple(map(float, values))

    def pair(self, key: str) -> tuple[int, int] | None:
        """Read a list of two whole numbers from 1; None if it is absent or wrong."""
        expected = "a list of two whole numbers from 1"
        value: Any = self._get(key, (list,), expected, ())
        if value is None or value == ():
            return None
        if len(value) != 2 or not all(type(one) is int and one > 0 for one in value):
            self.note(key, expected, repr(value))
            return None
        return value[0], value[1]

    def texts(self, key: str, *, absent: bool = False, distinct: bool = True) -> tuple[str, ...]:
        """Read a list of strings, or a file beside the manifest with one per line.

        Args:
            key: of the list, or of the file's name.
            absent: whether it may be absent.
            distinct: whether they must differ.
        """
        values: Any = self._get(key, (list, str), "a list of texts", () if absent else _REQUIRED)
        if isinstance(values, str):
            values = self._lines(key, values)
        if not values:
            if values == []:
                self.note(key, "a list of texts", values)
            return ()
        if not all(isinstance(value, str) and value.strip() for value in values):
            self.note(key, "a list of texts", values)
            return ()
        if distinct and len(set(values)) != len(values):
            self.note(key, "texts that differ", values)
        return tuple(values)

    def _lines(self, key: str, name: str) -> list[str] | None:
        """Read the lines of a file in the bundle; a name with a path is refused."""
        if not NAME.fullmatch(name):
            self.note(key, f"a file's name like {NAME.pattern}", repr(name))
            return None
        try:
            return (self.folder / name).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as exc:
            self.note(key, f"a text file {name!r} beside the manifest", exc)
            return None

    def table(self, key: str, *, default: Any = _REQUIRED) -> Table:
        """Read a table inside this one; if it is missing, its keys are not reported as missing."""
        values = self._get(key, (dict,), "a table", default)
        problems = [] if values is None else self.problems
        return Table(self.folder, values or {}, problems, f"{self._prefix}{key}.")

    def tables(self, key: str) -> list[Table]:
        """Read an array of tables that is not empty."""
        values = self._get(key, (list,), "an array of tables", _REQUIRED)
        if values is None:
            return []
        if not values or not all(isinstance(value, dict) for value in values):
            self.note(key, "an array of tables", repr(values))
            return []
        return [
            Table(self.folder, value, self.problems, f"{self._prefix}{key}[{index}].")
            for index, value in enumerate(values)
        ]

    def tensors(self, key: str, *, batched: bool = True) -> tuple[Tensor, ...]:
        """Read an array of tensors with distinct names; empty if anything is wrong with it."""
        tensors, before = [], len(self.problems)
        for table in self.tables(key):
            shape = table._get("shape", (list,), _SHAPE, _REQUIRED)
            if shape is not None and not all(type(n) is int and (n == -1 or n > 0) for n in shape):
                table.note("shape", _SHAPE, shape)
                shape = None
            name, dtype = table.text("name"), table.choice("dtype", DTYPES)
            tensors.append(Tensor(name, dtype, tuple(shape or ()), batched))
            table.close()
        names = [one.name for one in tensors]
        if len(set(names)) != len(names):
            self.note(key, "names that differ", names)
        return tuple(tensors) if len(self.problems) == before else ()

    def notes(self, key: str) -> dict[str, Any]:
        """Read an optional table with the author's own keys and values that JSON can express."""
        table = self.table(key, default={})
        for name, value in table.values.items():
            scalars = value if isinstance(value, list) else [value]
            if not all(isinstance(one, str) or is_finite(one) for one in scalars):
                table.note(name, "a text, a number, true or false, or a list", repr(value))
        return dict(table.values)

    def numbers(self, key: str) -> dict[str, float]:
        """Read an optional table of numbers with the author's own keys."""
        table = self.table(key, default={})
        return {name: table.number(name) or 0.0 for name in table.values}


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Parse a TOML file.

    Raises:
        ArtefactError: it cannot be read, is not TOML, or could not be quoted in an error message.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        repr(document)  # ints too long to print would break the error message
    except OSError as exc:
        raise ArtefactError(path, expected=what, got=exc.strerror) from exc
    except (ValueError, RecursionError) as exc:  # not UTF-8, not TOML, too long a number, too deep
        raise ArtefactError(path, expected="TOML in UTF-8", got=exc) from exc
    return document


_SHAPE: Final = "a list of sizes, -1 for any"


def is_finite(value: object) -> bool:
    """Whether `value` is a number (or true or false) that a float64 can hold."""
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # a whole number beyond float64
        return False
