"""Settings are read once, and a malformed one stops the start."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest

from function.settings import ZOO, Settings, SettingsError
from model.predictor import DEFAULT_MAX_PIXELS

DEFAULTS = Settings(
    zoo=ZOO,
    models=(),
    max_pixels=DEFAULT_MAX_PIXELS,
    max_body_bytes=6 * 1024 * 1024,
    base_path="",
    docs=True,
    preload_http=True,
)


def keys() -> dict[str, str]:
    """Read each field's key from its annotation."""
    hints = get_type_hints(Settings, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(Settings)}


def test_defaults() -> None:
    """Without a setting every key has its default, and the zoo is the one beside."""
    assert Settings.from_env({}) == DEFAULTS
    assert (ZOO / "digits" / "model.toml").is_file()


def test_empty_values_are_defaults() -> None:
    """A key that is empty is as good as absent."""
    assert Settings.from_env(dict.fromkeys(keys().values(), "")) == DEFAULTS


def test_every_key_is_documented() -> None:
    """Each field names its key and what it does, in a sentence."""
    hints = get_type_hints(Settings, include_extras=True)
    for field in fields(Settings):
        key, sentence = hints[field.name].__metadata__
        assert key == f"LAMBAKE_{field.name.upper()}"
        assert sentence.endswith(".")


def test_every_key_is_read() -> None:
    """Each key changes its own field."""
    values = {
        "LAMBAKE_ZOO": "/models",
        "LAMBAKE_MODELS": " iris, digits,",
        "LAMBAKE_MAX_PIXELS": "1",
        "LAMBAKE_MAX_BODY_BYTES": "1000000",
        "LAMBAKE_BASE_PATH": "/ml/v1/",
        "LAMBAKE_DOCS": "off",
        "LAMBAKE_PRELOAD_HTTP": "off",
    }
    assert set(values) == set(keys().values())
    assert Settings.from_env(values) == Settings(
        zoo=Path("/models"),
        models=("iris", "digits"),
        max_pixels=1,
        max_body_bytes=1_000_000,
        base_path="/ml/v1",
        docs=False,
        preload_http=False,
    )


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("LAMBAKE_MAX_PIXELS", "0", "a whole number from 1"),
        ("LAMBAKE_MAX_PIXELS", "-1", "a whole number from 1"),
        ("LAMBAKE_MAX_PIXELS", "1e6", "a whole number from 1"),
        ("LAMBAKE_MAX_BODY_BYTES", "9" * 16, "a whole number from 1"),
        ("LAMBAKE_MAX_BODY_BYTES", "٣", "a whole number from 1"),
        ("LAMBAKE_DOCS", "true", "on or off"),
        ("LAMBAKE_PRELOAD_HTTP", "ON", "on or off"),
        ("LAMBAKE_BASE_PATH", "ml", "a path such as /ml"),
        ("LAMBAKE_BASE_PATH", "//ml", "a path such as /ml"),
        ("LAMBAKE_BASE_PATH", '/"><script>', "a path such as /ml"),
    ],
)
def test_malformed(key: str, value: str, expected: str) -> None:
    """A malformed value is refused with its key, itself, and the form expected."""
    message = f"{key}: expected {expected}, got {value.rstrip('/')!r}"
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        Settings.from_env({key: value})


def test_malformed_names() -> None:
    """A name that is no model's is refused by itself."""
    message = "LAMBAKE_MODELS: expected names separated by commas, got '../etc'"
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        Settings.from_env({"LAMBAKE_MODELS": "iris, ../etc"})


def test_nothing_else_is_read() -> None:
    """Keys of others are not looked at."""
    assert Settings.from_env({"MAX_PIXELS": "x", "AWS_REGION": "x"}) == DEFAULTS
