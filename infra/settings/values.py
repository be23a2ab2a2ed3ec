"""The forms of values: validators with errors like `KEY: expected a whole number, got 'x'`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from infra.settings.errors import ConfigError

_WORDS = {
    "missing": "a value",
    "model_type": "a mapping",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "list_type": "a list",
    "string_type": "a string",
}


class Frozen(BaseModel):
    """One part of the settings: it never changes, and refuses unknown keys."""

    # Built on first use: a part is rarely used alone, and each takes some 10 ms.
    model_config = ConfigDict(frozen=True, strict=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _require_known(cls, given: Any) -> Any:
        if isinstance(given, dict):
            for key in given:
                if key not in cls.model_fields:
                    known = {"key": str(key), "known": _keys_like(str(key), cls.model_fields)}
                    raise PydanticCustomError("unknown", "{known}", known)
        return given


def _keys_like(key: str, known: Iterable[str]) -> str:
    """Name the key that was probably meant; all of them if none is alike."""
    from difflib import get_close_matches  # imported late: only an error needs it

    names = sorted(known)
    alike = get_close_matches(key, names, n=1)
    return f"{alike[0]} or another known key" if alike else f"one of {', '.join(names)}"


def explained(error: ValidationError) -> ConfigError:
    """Return the first error of pydantic as a ConfigError."""
    first = error.errors(include_url=False)[0]
    keys = [*first["loc"], *([first["ctx"]["key"]] if first["type"] == "unknown" else [])]
    where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    got = {"missing": None, "unknown": keys[-1]}.get(first["type"], first["input"])
    return ConfigError(where.removeprefix("."), _WORDS.get(first["type"], first["msg"]), got)


def refuse(expected: str) -> NoReturn:
    """Refuse the value that is being validated."""
    raise PydanticCustomError("form", "{expected}", {"expected": expected})


def form(fits: Callable[[Any], bool], expected: str) -> BeforeValidator:
    """Accept values that fit."""

    def check(value: object) -> object:
        return value if fits(value) else refuse(expected)

    return BeforeValidator(check)


def text(pattern: str, expected: str) -> BeforeValidator:
    """Accept strings that a pattern matches as a whole."""
    return form(
        lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value)), expected
    )


def one_of(*known: object) -> BeforeValidator:
    """Accept one of some values."""
    return form(
        lambda value: not isinstance(value, bool) and value in known,
        f"one of {', '.join(map(str, known))}",
    )


def whole(lowest: int, highest: int | None = None) -> BeforeValidator:
    """Accept whole numbers of a range, which may be open-ended."""
    return _within((int,), "a whole number", lowest, highest)


def number(lowest: float, highest: float | None = None) -> BeforeValidator:
    """Accept numbers of a range."""
    return _within((int, float), "a number", lowest, highest)


def above_0(highest: float | None = None) -> BeforeValidator:
    """Accept numbers above 0."""
    upto = "" if highest is None else f" and at most {highest:g}"
    return form(
        lambda value: _is((int, float), value) and 0 < value <= (highest or value),
        f"a number above 0{upto}",
    )


def _within(
    kinds: tuple[type, ...], name: str, lowest: float, highest: float | None
) -> BeforeValidator:
    words = f", {lowest:g} or more" if highest is None else f" from {lowest:g} to {highest:g}"
    return form(
        lambda value: (
            _is(kinds, value) and lowest <= value <= (value if highest is None else highest)
        ),
        f"{name}{words}",
    )


def _is(kinds: tuple[type, ...], value: object) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list | tuple) else refuse("a list of strings")


def _mapped(value: object) -> object:
    if value is None:
        return {}
    return value if isinstance(value, dict) else refuse("a mapping of names to strings")


def _located(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str) and isinstance(info.context, Path):
        return (info.context / value).resolve()
    return value if isinstance(value, Path) else refuse("a path")


Text = Annotated[str, text(r"(?s).+", "a string")]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed)]
_Value = Annotated[str, text(r"(?s).*", "a string (quote numbers and booleans)")]
Variables = Annotated[Mapping[str, _Value], BeforeValidator(_mapped)]
"""Names and their values; null means none."""

Location = Annotated[Path, BeforeValidator(_located)]
"""A path; in a file it starts at the file's own folder (`read` passes that as the context)."""

Region = Annotated[str, text(r"[a-z]{2}(-[a-z]+)+-\d", "a region like eu-central-1, or null")]
