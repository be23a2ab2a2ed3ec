"""A function that really fails, behind each front: docs/contract.md 6.5.2, the rows "function
error", "timeout" and "too large".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from infra.local.fronts.front import Failure
from infra.local.gateway import front_of
from infra.settings.function import FunctionConfig
from tests.infra.local.fronts.front_requests import FRONT_NAMES
from tests.infra.local.invoke.calls import Caller, started
from tests.infra.local.plain_http import asked

STATUSES = {
    "http_api": 500,
    "http_api_v1": 500,
    "rest_api": 502,
    "alb": 502,
    "alb_multi": 502,
    "function_url": 502,
}


@pytest.fixture(scope="module", params=FRONT_NAMES)
def behind(request: pytest.FixtureRequest, config: FunctionConfig) -> Iterator[tuple[str, Caller]]:
    """The function behind each front in turn."""
    with started(config) as start_one:
        front: str = request.param
        yield front, start_one(handler="web.handler", front=front, concurrency=1)


def got(lambda_: Caller, path: str) -> tuple[int, bytes]:
    """Send one request to the front."""
    reply = asked(lambda_.local.url, "GET", path)
    return reply.status, reply.body


@pytest.mark.parametrize("path", ["/raise", "/exit", "/large"])
def test_a_failure_is_the_fronts_own_answer(behind: tuple[str, Caller], path: str) -> None:
    """Raised, gone, or more than Lambda passes on: one status, and none of the function's words."""
    front, lambda_ = behind
    expected = (STATUSES[front], front_of(front).failure(Failure.FUNCTION_ERROR).body)
    assert got(lambda_, path) == expected
    assert got(lambda_, "/well") == (200, b"x")


def test_a_mebibyte_is_too_much_for_a_load_balancer_only(behind: tuple[str, Caller]) -> None:
    """A load balancer's own limit is 502, and no other front has it."""
    front, lambda_ = behind
    status, body = got(lambda_, "/mebibyte")
    if front.startswith("alb"):
        assert (status, body) == (502, front_of(front).failure(Failure.BAD_RESULT).body)
    else:
        assert (status, len(body)) == (200, 1024 * 1024)


@pytest.mark.parametrize("front", ["http_api", "alb", "function_url"])
def test_the_functions_own_end_is_a_failure_too(start: Callable[..., Caller], front: str) -> None:
    """A function that times out before its front does is a function error."""
    lambda_ = start(handler="web.handler", front=front, timeout_s=1)
    expected = (STATUSES[front], front_of(front).failure(Failure.FUNCTION_ERROR).body)
    assert got(lambda_, "/slow") == expected
