"""
The function's settings: read once from the environment, frozen, passed down.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

ZOO: Final = Path(__file__).parent.parent / "model" / "zoo"
MEBIBYTE: Final = 1024 * 1024


class SettingsError(Exception):
    """A setting that cannot be used: names the key, the value and the form expected."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be set from outside; each field: type, key, what it does."""

    zoo: Annotated[
        Path, "LAMBAKE_ZOO", "Folder of the bundles; each folder in it with a model.toml is one."
    ]
    models: Annotated[
        tuple[str, ...],
        "LAMBAKE_MODELS",
        "Names of the models to serve, separated by commas; empty: all of them.",
    ]
    max_pixels: Annotated[
        int, "LAMBAKE_MAX_PIXELS", "The most pixels one picture may have, width times height."
    ]
    max_body_bytes: Annotated[
        int, "LAMBAKE_MAX_BODY_BYTES", "The most bytes one request's body may have, once decoded."
    ]
    base_path: Annotated[
        str,
        "LAMBAKE_BASE_PATH",
        "Path before every route, as a custom domain's mapping adds it: `/ml`.",
    ]
    docs: Annotated[
        bool, "LAMBAKE_DOCS", "Whether `/docs` and `/openapi.json` are served: `on` or `off`."
    ]
    preload_http: Annotated[
        bool,
        "LAMBAKE_PRELOAD_HTTP",
        "Whether FastAPI is loaded in the init phase: `on`, or `off` where no HTTP is served.",
    ]

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """
        Read the settings; a key that is absent or empty takes its default.

        Raises:
            SettingsError: a value that is malformed.
        """
        return cls(
            zoo=Path(environ.get("LAMBAKE_ZOO") or ZOO),
            models=_names(environ, "LAMBAKE_MODELS"),
            max_pixels=_whole(environ, "LAMBAKE_MAX_PIXELS", 4096 * 4096),
            max_body_bytes=_whole(environ, "LAMBAKE_MAX_BODY_BYTES", 6 * MEBIBYTE),
            base_path=_path(environ, "LAMBAKE_BASE_PATH"),
            docs=_switch(environ, "LAMBAKE_DOCS", default=True),
            preload_http=_switch(environ, "LAMBAKE_PRELOAD_HTTP", default=True),
        )


def _whole(environ: Mapping[str, str], key: str, default: int) -> int:
    value = environ.get(key) or str(default)
    if not re.fullmatch(r"[0-9]{1,15}", value) or int(value) < 1:
        raise SettingsError(f"{key}: expected a whole number from 1, got {value!r}")
    return int(value)


def _switch(environ: Mapping[str, str], key: str, *, default: bool) -> bool:
    value = environ.get(key) or ("on" if default else "off")
    if value not in ("on", "off"):
        raise SettingsError(f"{key}: expected on or off, got {value!r}")
    return value == "on"


def _names(environ: Mapping[str, str], key: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in environ.get(key, "").split(",") if name.strip())
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
            raise SettingsError(f"{key}: expected names separated by commas, got {name!r}")
    return names


def _path(environ: Mapping[str, str], key: str) -> str:
    value = environ.get(key, "").rstrip("/")
    if value and not re.fullmatch(r"(/[A-Za-z0-9_.~-]+)+", value):
        raise SettingsError(f"{key}: expected a path such as /ml, got {value!r}")
    return value
