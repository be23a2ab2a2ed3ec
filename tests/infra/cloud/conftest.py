"""Clouds that the tests of several modules share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from moto.moto_api._internal.models import moto_api_backend

from infra.cloud.cloud import Cloud, cloud
from infra.settings.function import FunctionConfig
from tests.infra.cloud.clouds import Client, client_of, moto_server


@pytest.fixture(scope="module")
def echoing(config: FunctionConfig) -> Iterator[Cloud]:
    """A cloud whose functions tell what they got."""
    with cloud(config.replace(handler="echo.handler"), port=0) as made:
        yield made
    assert not made.ca.exists()


@pytest.fixture(scope="module")
def client(echoing: Cloud) -> Client:
    """Make clients of it."""
    return lambda service: client_of(service, echoing.url)


@pytest.fixture
def patched(request: pytest.FixtureRequest) -> Iterator[Client]:
    """Make clients of an empty moto server to which a module does what its PATCHES says."""
    moto_api_backend.reset()
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(moto_server())
        stack.enter_context(request.module.PATCH())
        yield lambda service: client_of(service, url)
    moto_api_backend.reset()
