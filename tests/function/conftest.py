"""The function's parts, loaded once: the models, the application, the HTTP door and the handler."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from fastapi import FastAPI
from moto import mock_aws

from function.doors.http import HttpDoor
from function.http.app import create_app
from function.service import Service
from function.settings import ZOO
from model.predictor import DEFAULT_MAX_PIXELS, Predictor
from tests.function.doors.fronts import Call, http_api_v2
from tests.function.zoos import labelled_zoo, served
from tests.infra.cloud.clouds import bucket

MAX_BODY_BYTES = 6 * 1024 * 1024


@dataclass(frozen=True)
class FakeContext:
    """What awslambdaric hands over, as much of it as we read."""

    aws_request_id: str = "3f0e9c52-0000-4000-8000-000000000001"

    def get_remaining_time_in_millis(self) -> int:
        """Say that there is time."""
        return 30_000


CONTEXT = FakeContext()

Answer = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def service() -> Service:
    """Load both models."""
    return Service.load(ZOO, max_pixels=DEFAULT_MAX_PIXELS)


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Load the irises in three versions, with labels."""
    return served(labelled_zoo(tmp_path_factory.mktemp("zoo")))


@pytest.fixture(scope="session")
def digits() -> Predictor:
    """Load the digits model by itself, to compare with."""
    return Predictor.load(ZOO / "digits")


@pytest.fixture(scope="session")
def app(service: Service) -> FastAPI:
    """Build the application."""
    return create_app(service, max_body_bytes=MAX_BODY_BYTES)


@pytest.fixture(scope="session")
def door(app: FastAPI) -> Iterator[HttpDoor]:
    """Build the HTTP door."""
    door = HttpDoor(app)
    yield door
    door.close()


@pytest.fixture(scope="session")
def answer(door: HttpDoor) -> Answer:
    """Answer a call or an event, by the HTTP API 2.0 unless it is an event already."""

    def answered(call: Call | dict[str, Any], **more: Any) -> dict[str, Any]:
        event = (http_api_v2(call) if isinstance(call, Call) else call) | more
        return door.answer(event, CONTEXT)

    return answered


@pytest.fixture(scope="session")
def handler() -> Iterator[Callable[[Any, Any], dict[str, Any]]]:
    """Import the composition root, with the settings' defaults."""
    from function import entry

    yield entry.handler
    if entry._Doors.http:
        entry._Doors.http.close()


@pytest.fixture
def log_lines(capfd: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """Read what was logged since the last call: each line must be JSON, on either stream."""

    def lines() -> list[dict[str, Any]]:
        captured = capfd.readouterr()
        return [json.loads(line) for line in (captured.out + captured.err).splitlines()]

    return lines


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A cloud of buckets, behind the real boto3."""
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def pictures(s3: Any) -> str:
    """Make a new bucket."""
    return bucket(s3)
