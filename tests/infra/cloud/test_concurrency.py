"""What an account may run at once, told and held to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from moto.awslambda import urls
from moto.moto_api._internal.models import moto_api_backend

from infra.cloud.concurrency import concurrency_limited
from tests.infra.cloud.clouds import Client, client_of, created, moto_server


@pytest.fixture
def client() -> Iterator[Client]:
    """Make clients of an empty cloud with limits."""
    moto_api_backend.reset()
    with moto_server() as url, concurrency_limited():
        yield lambda service: client_of(service, url)
    moto_api_backend.reset()


def free(client: Client) -> int:
    """Give what no function has reserved."""
    limit = client("lambda").get_account_settings()["AccountLimit"]
    return int(limit["UnreservedConcurrentExecutions"])


def test_an_account_without_functions(client: Client) -> None:
    """AWS's defaults."""
    told = client("lambda").get_account_settings()
    assert told["AccountLimit"] == {
        "TotalCodeSize": 75 * 1024**3,
        "CodeSizeUnzipped": 250 * 1024**2,
        "CodeSizeZipped": 50 * 1024**2,
        "ConcurrentExecutions": 1000,
        "UnreservedConcurrentExecutions": 1000,
    }
    assert told["AccountUsage"] == {"FunctionCount": 0, "TotalCodeSize": 0}


def test_what_is_reserved(client: Client) -> None:
    """It is taken off, once a function, and given back; a hundred cannot be reserved."""
    first, second = created(client), created(client)
    functions = client("lambda")
    for name, reserved, left in ((first, 600, 400), (first, 500, 500), (second, 400, 100)):
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
        assert free(client) == left
    with pytest.raises(ClientError) as refused:
        functions.put_function_concurrency(FunctionName=second, ReservedConcurrentExecutions=401)
    assert refused.value.response["Error"] == {
        "Code": "InvalidParameterValueException",
        "Message": "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100].",
    }
    functions.delete_function_concurrency(FunctionName=first)
    assert free(client) == 600
    assert functions.get_account_settings()["AccountUsage"]["FunctionCount"] == 2


def test_a_new_account(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has ten, and none to reserve."""
    monkeypatch.setenv("MOTO_LAMBDA_CONCURRENCY_QUOTA", "10")
    assert free(client) == 10
    with pytest.raises(ClientError, match=r"below its minimum value of \[10\]"):
        client("lambda").put_function_concurrency(
            FunctionName=created(client), ReservedConcurrentExecutions=1
        )


def test_moto_alone_does_not_tell() -> None:
    """Should moto learn it, it can go from here."""
    with moto_server() as url, pytest.raises(ClientError):
        client_of("lambda", url).get_account_settings()


def test_moto_is_itself_again() -> None:
    """Afterwards nothing is left of it."""
    before = dict(urls.url_paths)
    with concurrency_limited():
        assert urls.url_paths != before
    assert urls.url_paths == before
