"""Serve the function by plain HTTP, with no Lambda around it.

    python -m function.serve        on $PORT, as Cloud Run, Container Apps and `docker run` want it

The second composition root, beside entry.py. Predictions run in threads, so that the loop answers
others meanwhile. On SIGTERM readiness turns to 503 and answers close their connections; a second
later new connections are refused, and what is under way is answered; at the latest ten seconds
after the signal the process ends.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
from types import FrameType
from typing import Final, NoReturn

import uvicorn

from function.http.app import create_app
from function.http.cors import with_cors
from function.plain.app import PlainHttp
from function.plain.prometheus import PrometheusMetrics
from function.plain.threads import PredictionThreads
from function.plain.wire import MAX_HEAD_BYTES, Wire
from function.service import Service
from function.settings import Settings, SettingsError
from function.telemetry.invocation import MAX_TRACE_CHARS
from function.telemetry.vitals import end_process

NOTICE_S: Final = 1.0
"""How long readiness says no before connections are refused, so that a balancer can move on."""

DRAIN_S: Final = 8
"""With the notice and uvicorn's own polling, below the ten seconds that platforms allow."""


class Server(uvicorn.Server):
    """uvicorn that gives notice before it refuses connections, and does not end by the signal."""

    def __init__(self, config: uvicorn.Config, door: PlainHttp) -> None:
        super().__init__(config)
        self._door = door
        self.status = 0
        door.on_fatal = self._end_without_notice

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start to drain; a second signal cuts the notice short."""
        if self._door.draining:
            self.should_exit = True
        self._door.draining = True
        asyncio.get_running_loop().call_later(NOTICE_S, setattr, self, "should_exit", True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End as uvicorn does, but take in first what the kernel has accepted already."""
        for server in self.servers:
            for listener in server.sockets:
                with socket.fromfd(listener.fileno(), listener.family, listener.type) as same:
                    same.listen(0)
        # The loop sees them in its next round, and calls for them in the one after.
        for _ in range(3):
            await asyncio.sleep(0)
        await super().shutdown(sockets)

    def _end_without_notice(self) -> None:
        self.status = 1
        self.should_exit = True


class JsonLines(logging.Formatter):
    """A formatter that writes uvicorn's few messages as one line of JSON each, like all others."""

    def format(self, record: logging.LogRecord) -> str:
        """Spell a record; with the trace, if it has one."""
        fields = {"level": record.levelname, "message": record.getMessage()}
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)[-MAX_TRACE_CHARS:]
        return json.dumps(fields, ensure_ascii=True)


def server_of(settings: Settings) -> Server:
    """Load the models and build the server around them.

    Raises:
        ArtefactError: there is no bundle, or one must not be served.
    """
    service = Service.load(settings.zoo, settings.models, max_pixels=settings.max_pixels)
    service.watch()
    app = create_app(
        service,
        max_body_bytes=settings.max_body_bytes,
        protocols=settings.protocols,
        docs=settings.docs,
        ask=PredictionThreads(),
    )
    door = PlainHttp(app, PrometheusMetrics(service), base_path=settings.base_path)
    config = uvicorn.Config(
        with_cors(door, settings.cors_origins),
        host=settings.host,
        port=settings.port,
        http=Wire,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
    )
    return Server(config, door)


def main() -> NoReturn:
    """Serve until a signal or a fatal state."""
    argparse.ArgumentParser(
        prog="python -m function.serve",
        description="Serve by plain HTTP on $PORT. It takes no arguments: its settings are"
        " environment variables, listed in docs/settings.md.",
    ).parse_args()
    # While models load, before uvicorn listens: process 1 of a container would ignore it otherwise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        sys.exit(str(error))
    server = server_of(settings)
    gc.freeze()
    server.run()
    # Not by returning: Python would wait for a thread whose prediction never ends.
    end_process(server.status)


if __name__ == "__main__":
    main()
