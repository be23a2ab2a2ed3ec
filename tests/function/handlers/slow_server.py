"""`function.serve` with short deadlines, and an iris model that takes its time.

    python -m tests.function.handlers.slow_server

A prediction takes as many seconds as the first number of its row says; of a negative one there is
no memory left.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from function import serve
from function.plain import app as plain_http
from function.plain import wire
from model import engines
from model.bundle.manifest import Manifest
from model.engines.base import Array, Engine

SHORT_S = 0.5
DRAIN_S = 3


class Slow:
    """An engine that waits before it answers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(self, feeds: Mapping[str, Array]) -> Any:
        """Wait and answer."""
        seconds = float(feeds["rows"].flat[0])
        if seconds < 0:
            raise MemoryError
        # The golden vector's 5.1 cm are no seconds.
        time.sleep(0 if seconds == feeds["rows"].dtype.type(5.1) else seconds)
        return self._engine.run(feeds)


def opened(manifest: Manifest) -> Engine:
    """Open the real engine, and slow it down; from the start, if told to."""
    if "SLOW_START" in os.environ:
        print('{"level": "INFO", "message": "loading"}', flush=True)
        time.sleep(60)
    engine = engines.open_engine(manifest)
    return Slow(engine) if manifest.name == "iris" else engine


if __name__ == "__main__":
    from model import predictor

    predictor.open_engine = opened  # type: ignore[attr-defined]
    plain_http.BODY_TIMEOUT_S = SHORT_S  # type: ignore[misc]
    wire.HEAD_TIMEOUT_S = SHORT_S  # type: ignore[misc]
    serve.DRAIN_S = DRAIN_S  # type: ignore[misc]
    wire.MAX_CONNECTIONS = int(os.environ.get("CONNECTIONS", "99"))  # type: ignore[misc]
    serve.main()
