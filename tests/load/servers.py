"""A moto server for many requests."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from tests.infra.cloud.clouds import moto_server


@contextlib.contextmanager
def quiet_server() -> Iterator[str]:
    """Be one that does not log each request, at the address given."""
    logger = logging.getLogger("werkzeug")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with moto_server() as endpoint:
            yield endpoint
    finally:
        logger.setLevel(level)
