"""The kinds of models behind every protocol, asked through each front."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from function.doors.http import HttpDoor
from function.http.app import create_app
from function.service import Service
from function.settings import PROTOCOLS
from tests.function.conftest import MAX_BODY_BYTES
from tests.function.kinds import kinds_service


@pytest.fixture(scope="package")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Load one model of each kind."""
    return kinds_service(tmp_path_factory.mktemp("kinds") / "zoo")


@pytest.fixture(scope="package")
def every_protocol(kinds: Service) -> Iterator[HttpDoor]:
    """Build the HTTP door with all protocols."""
    door = HttpDoor(create_app(kinds, max_body_bytes=MAX_BODY_BYTES, protocols=PROTOCOLS))
    yield door
    door.close()
