"""Folders that are lists: an engine, a recipe or a task is a file in one, found by its name."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Final

_NAME: Final = re.compile(r"(?!base$)[a-z][a-z0-9_]*")


def has(package: str, name: str) -> bool:
    """Whether a folder has this tenant, without importing it."""
    return bool(_NAME.fullmatch(name)) and find_spec(f"{package}.{name}") is not None


def names_in(package: str) -> str:
    """Return the names of a folder's tenants, for errors."""
    # Imported late: only an error needs it.
    from pkgutil import iter_modules

    modules = iter_modules(import_module(package).__path__)
    return ", ".join(sorted(one.name for one in modules if one.name != "base"))


def tenant(package: str, name: str) -> ModuleType:
    """Import a tenant.

    Raises:
        ImportError: it exists, but something that it imports is not installed.
    """
    return import_module(f"{package}.{name}")
