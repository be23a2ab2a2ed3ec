"""Attributes of moto, replaced for a while: here, and nowhere outside this folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch


@contextlib.contextmanager
def replaced(*replacements: tuple[Any, str, Any], create: bool = False) -> Iterator[None]:
    """
    Replace attributes while the block runs.

    Args:
        replacements: where, the attribute's name, and what it is then.
        create: take names that moto does not have; else one that it has no more is an error.
    """
    with contextlib.ExitStack() as stack:
        for target, name, replacement in replacements:
            stack.enter_context(patch.object(target, name, replacement, create=create))
        yield
