"""Versions and aliases as in the service.

A published version is frozen, its number is never reused, and an alias keeps it from being removed.
An alias's weights draw the version that an invocation runs; moto does none of this.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError, UnknownAliasException
from moto.awslambda.models import LambdaStorage

from infra.cloud.replaced import replaced

_NAME = re.compile(r"(?P<name>(?:.*:)?function:[^:]+|[^:]+)(?::(?P<qualifier>[^:]+))?")
_publish = LambdaStorage.publish_version
_delete = LambdaStorage.del_function


def versions_frozen() -> AbstractContextManager[None]:
    """Publish and delete like the service while the block runs."""
    return replaced(
        (LambdaStorage, "publish_version", _publish_version),
        (LambdaStorage, "del_function", _delete_function),
    )


def _publish_version(self: Any, name_or_arn: str, description: str = "") -> Any:
    before = [one for versions in self._functions.values() for one in versions["versions"]]
    made = _publish(self, name_or_arn, description)
    if made is None or any(made is one for one in before):
        return made  # nothing has changed since the last one
    made.code = dict(made.code)
    latest = self._functions[made.function_name]["latest"]
    number = getattr(latest, "newest_version", 0) + 1
    latest.newest_version = number
    self._arns.pop(made.function_arn)
    made.set_version(number)
    for one in self._functions[made.function_name]["versions"]:
        self._arns[one.function_arn] = one
    return made


def _delete_function(self: Any, name_or_arn: str, qualifier: str | None = None) -> None:
    """Refuse while an alias names the version (karl-cardenas-coding/go-lambda-cleanup#45)."""
    name, cut_off = named(name_or_arn)
    version = cut_off or qualifier
    if version is not None:
        aliases = [one.name for one in self.list_aliases(name) if version in _versions_of(one)]
        if aliases:
            refused = LambdaClientError(
                "ResourceConflictException",
                "Unable to delete version because the following aliases reference it: "
                f"[{', '.join(aliases)}]",
            )
            refused.code = 409
            raise refused
    _delete(self, name_or_arn, qualifier)


def _versions_of(alias: Any) -> set[str]:
    return {str(alias.function_version), *_weights(alias)}


def _weights(alias: Any) -> dict[str, Any]:
    return (alias.routing_config or {}).get("AdditionalVersionWeights") or {}


def named(text: str) -> tuple[str, str | None]:
    """Split a function's name or ARN from its qualifier, if it has one: NAME:live."""
    found = _NAME.fullmatch(text)
    return (found["name"], found["qualifier"]) if found else (text, None)


def asked_for(response: Any) -> tuple[str, str | None]:
    """Return the function's name, and the version or alias, that one of moto's requests names."""
    name, cut_off = named(unquote(response.path.split("/functions/")[1].split("/")[0]))
    return name, response.querystring.get("Qualifier", [cut_off])[0]


def function_behind(
    backend: Any,
    name: str,
    qualifier: str | None,
    draw: Callable[[], float] = random.random,
) -> Any:
    """Return the function that a qualifier stands for, drawn by the alias's weights, if any."""
    found = backend.get_function(name, qualifier)
    if not qualifier:
        return found
    try:
        alias = backend.get_alias(qualifier, found.function_name)
    except UnknownAliasException:
        return found
    drawn = draw()
    for version, weight in _weights(alias).items():
        drawn -= float(weight)
        if drawn < 0:
            return backend.get_function(found.function_name, str(version))
    return found
