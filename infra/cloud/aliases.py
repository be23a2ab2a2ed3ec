"""
Which version an invocation of an alias runs: moto keeps an
alias's weights, and does not draw.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

from moto.awslambda.exceptions import UnknownAliasException

_NAME = re.compile(r"(?P<name>(?:.*:)?function:[^:]+|[^:]+)(?::(?P<qualifier>[^:]+))?")


def named(text: str) -> tuple[str, str | None]:
    """Cut the qualifier off a function's name or ARN, where it carries one: NAME:live."""
    found = _NAME.fullmatch(text)
    return (found["name"], found["qualifier"]) if found else (text, None)


def function_behind(
    backend: Any,
    name: str,
    qualifier: str | None,
    draw: Callable[[], float] = random.random,
) -> Any:
    """
    Find the function that a qualifier stands for, by the alias's weights where it has some.

    Args:
        backend: moto's, of an account and region.
        name: the function's name or ARN.
        qualifier: a version, an alias, or none.
        draw: a number from 0 to below 1, anew for each invocation.
    """
    found = backend.get_function(name, qualifier)
    if not qualifier:
        return found
    try:
        alias = backend.get_alias(qualifier, found.function_name)
    except UnknownAliasException:
        return found
    drawn = draw()
    weights = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
    for version, weight in weights.items():
        drawn -= float(weight)
        if drawn < 0:
            return backend.get_function(found.function_name, str(version))
    return found
