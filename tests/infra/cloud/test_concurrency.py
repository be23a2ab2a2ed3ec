"""What an account may run at once, told and held to."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from infra.cloud.concurrency import concurrency_limited
from tests.infra.cloud.clouds import Client, created

PATCH = concurrency_limited


def free(patched: Client) -> int:
    """Return what no function has reserved."""
    limit = patched("lambda").get_account_settings()["AccountLimit"]
    return int(limit["UnreservedConcurrentExecutions"])


def test_an_account_without_functions(patched: Client) -> None:
    """AWS's defaults."""
    told = patched("lambda").get_account_settings()
    assert told["AccountLimit"] == {
        "TotalCodeSize": 75 * 1024**3,
        "CodeSizeUnzipped": 250 * 1024**2,
        "CodeSizeZipped": 50 * 1024**2,
        "ConcurrentExecutions": 1000,
        "UnreservedConcurrentExecutions": 1000,
    }
    assert told["AccountUsage"] == {"FunctionCount": 0, "TotalCodeSize": 0}


def test_what_is_reserved(patched: Client) -> None:
    """It is taken off, once a function, and given back; a hundred cannot be reserved."""
    first, second = created(patched), created(patched)
    functions = patched("lambda")
    for name, reserved, left in ((first, 600, 400), (first, 500, 500), (second, 400, 100)):
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
        assert free(patched) == left
    with pytest.raises(ClientError) as refused:
        functions.put_function_concurrency(FunctionName=second, ReservedConcurrentExecutions=401)
    assert refused.value.response["Error"] == {
        "Code": "InvalidParameterValueException",
        "Message": "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100].",
    }
    functions.delete_function_concurrency(FunctionName=first)
    assert free(patched) == 600
    assert functions.get_account_settings()["AccountUsage"]["FunctionCount"] == 2


def test_a_new_account(patched: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has ten, and none to reserve."""
    monkeypatch.setenv("MOTO_LAMBDA_CONCURRENCY_QUOTA", "10")
    assert free(patched) == 10
    with pytest.raises(ClientError, match=r"below its minimum value of \[10\]"):
        patched("lambda").put_function_concurrency(
            FunctionName=created(patched), ReservedConcurrentExecutions=1
        )
