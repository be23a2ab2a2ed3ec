"""Replace moto's attributes for a while; nothing outside this folder does so."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch


@contextlib.contextmanager
def replaced(*replacements: tuple[Any, str, Any], create: bool = False) -> Iterator[None]:
    """Replace attributes (where, name, new value) while the block runs.

    Without `create`, a name that moto no longer has is an error.
    """
    with contextlib.ExitStack() as stack:
        for target, name, replacement in replacements:
            stack.enter_context(patch.object(target, name, replacement, create=create))
        yield
