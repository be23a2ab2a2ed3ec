"""The kinds of models behind every protocol, asked through each front."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from function.doors.http import HttpDoor
from function.http.app import create_app
from function.service import Service
from function.settings import PROTOCOLS, ZOO
from tests.function.conftest import CONTEXT, MAX_BODY_BYTES
from tests.function.doors.fronts import Call, http_api_v2, json_of
from tests.function.kinds import kinds_zoo
from tests.function.zoos import served


@pytest.fixture(scope="package")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Load one model of each kind, and the irises."""
    zoo = kinds_zoo(tmp_path_factory.mktemp("kinds") / "zoo")
    shutil.copytree(ZOO / "iris", zoo / "iris", ignore=shutil.ignore_patterns("__pycache__"))
    return served(zoo)


@pytest.fixture(scope="package")
def every_protocol(kinds: Service) -> Iterator[HttpDoor]:
    """Build the HTTP door with all protocols."""
    door = HttpDoor(create_app(kinds, max_body_bytes=MAX_BODY_BYTES, protocols=PROTOCOLS))
    yield door
    door.close()


@pytest.fixture
def told(every_protocol: HttpDoor) -> Callable[[Call], tuple[int, Any]]:
    """Ask, and take the status and the JSON."""

    def asked(call: Call) -> tuple[int, Any]:
        reply = every_protocol.answer(http_api_v2(call), CONTEXT)
        return reply["statusCode"], json_of(reply)

    return asked
