"""
Published versions as the service keeps them: frozen, of a number that is never used again, and not
to be removed from under an alias.

moto's versions share the code of $LATEST, so that an update of it changes them all; and it counts
those that are left, so that after a removal two have the same number.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaStorage

from infra.cloud.aliases import named

_publish = LambdaStorage.publish_version
_delete = LambdaStorage.del_function


@contextlib.contextmanager
def versions_frozen() -> Iterator[None]:
    """Publish and delete so while the block runs."""
    with (
        patch.object(LambdaStorage, "publish_version", _published),
        patch.object(LambdaStorage, "del_function", _deleted),
    ):
        yield


def _published(self: Any, name_or_arn: str, description: str = "") -> Any:
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


def _deleted(self: Any, name_or_arn: str, qualifier: str | None = None) -> None:
    """
    Source: AWS Lambda API, DeleteFunction: no version is deleted that an alias references; the
    message as it is quoted in karl-cardenas-coding/go-lambda-cleanup#45.
    """
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
    weights = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
    return {str(alias.function_version), *weights}
