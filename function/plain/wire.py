"""uvicorn's HTTP/1.1, with what it lacks: a deadline for heads.

uvicorn waits five seconds for the next request on a connection, but forever for the first one, and
for the rest of a head that has begun. Behind a platform's own front that hardly matters; without
one, slow clients could hold every connection of a server.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT_S: Final = 10.0
MAX_HEAD_BYTES: Final = 16 * 1024
"""API Gateway takes 10,240 bytes of headers, a load balancer 64 KB."""


class Wire(H11Protocol):
    """One connection, which is closed if a head takes too long."""

    _head_by: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first head."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Read some bytes; any of them end uvicorn's own waiting."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._head_by = None
        elif self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self._expect_head()

    def _expect_head(self) -> None:
        self._head_by = self._head_by or self.loop.time() + HEAD_TIMEOUT_S
        self.timeout_keep_alive_task = self.loop.call_at(
            self._head_by, self.timeout_keep_alive_handler
        )
