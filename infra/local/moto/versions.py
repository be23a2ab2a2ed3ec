"""
Published versions as the service keeps them: frozen, and of a number that is never used again.

moto's versions share the code of $LATEST, so that an update of it changes them all; and it counts
those that are left, so that after a removal two have the same number.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from moto.awslambda.models import LambdaStorage

_publish = LambdaStorage.publish_version


@contextlib.contextmanager
def versions_frozen() -> Iterator[None]:
    """
    Publish so while the block runs.
    """
    with patch.object(LambdaStorage, "publish_version", _published):
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
