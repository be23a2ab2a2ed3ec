"""The environments of an account in a region, and how many of them functions reserve.

The limits are AWS's defaults; MOTO_LAMBDA_CONCURRENCY_QUOTA makes an account smaller.
Source: Lambda guide, "Configuring reserved concurrency": 100 stay for functions without a number;
all of them if an account has fewer, as the error for new ones says.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any, Final
from unittest.mock import patch

from moto.awslambda import urls
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend
from moto.awslambda.responses import LambdaResponse

ENVIRONMENTS: Final = 1000
LEFT_FREE: Final = 100

_CODE_SIZES: Final = {
    "TotalCodeSize": 80_530_636_800,
    "CodeSizeUnzipped": 262_144_000,
    "CodeSizeZipped": 52_428_800,
}
_PATH = "{0}/(?P<api_version>[^/]+)/account-settings/?$"
_put = LambdaBackend.put_function_concurrency


@contextlib.contextmanager
def concurrency_limited() -> Iterator[None]:
    """Report the limits and enforce them on functions while the block runs."""
    with (
        patch.dict(urls.url_paths, {_PATH: LambdaResponse.dispatch}),
        patch.object(LambdaResponse, "get_account_settings", _settings, create=True),
        patch.object(LambdaBackend, "put_function_concurrency", _reserve),
    ):
        yield


def _settings(self: Any) -> str:
    functions = list(self.backend.list_functions())
    stored = sum(
        version.code_size
        for function in functions
        for version in self.backend.list_versions_by_function(function.function_name)
    )
    limit = {
        **_CODE_SIZES,
        "ConcurrentExecutions": _environments(),
        "UnreservedConcurrentExecutions": _environments() - _reserved(functions),
    }
    usage = {"FunctionCount": len(functions), "TotalCodeSize": stored}
    return json.dumps({"AccountLimit": limit, "AccountUsage": usage})


def _reserve(self: Any, function_name: str, reserved_concurrency: Any) -> Any:
    name = self.get_function(function_name).function_name
    others = [one for one in self.list_functions() if one.function_name != name]
    left_free = min(LEFT_FREE, _environments())
    if _environments() - _reserved(others) - int(reserved_concurrency) < left_free:
        raise InvalidParameterValueException(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{left_free}]."
        )
    return _put(self, function_name, reserved_concurrency)


def _environments() -> int:
    return int(os.environ.get("MOTO_LAMBDA_CONCURRENCY_QUOTA", ENVIRONMENTS))


def _reserved(functions: list[Any]) -> int:
    return sum(int(one.reserved_concurrency or 0) for one in functions)
