"""uvicorn's HTTP/1.1, with what it lacks where no platform's front stands before it.

- A deadline for heads: uvicorn waits five seconds for the next request on a connection, but forever
  for the first one, and for the rest of a head that has begun.
- Room for a probe: beyond MAX_CONNECTIONS the one that has kept the server waiting longest is cut.
- An end to tiny chunks: reading one byte a chunk takes a hundred times the processor's time.
- An answer for a client that has closed its side, and one for a request that crosses the shutdown.

Why h11, whose parser is Python: of 1.5 ms a request it takes 0.2 more than httptools, and as little
memory. granian takes a tenth more memory, and five times the CPU time for tiny chunks.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT_S: Final = 10.0
MAX_HEAD_BYTES: Final = 16 * 1024
"""API Gateway takes 10,240 bytes of headers, a load balancer 64 KB."""

MAX_CONNECTIONS: Final = 512
"""Below the 1,024 files that a process may open by default."""

MAX_FRAMING_BYTES: Final = 64 * 1024
"""What a request may have besides its body and a sixteenth of it: its head, and its chunks' sizes,
which are five bytes or more a chunk."""

LAST_REQUEST_S: Final = 0.5
"""How long a shutdown waits for a request that is on its way on an open connection."""


class Wire(H11Protocol):
    """One connection, which is closed if a head takes too long."""

    _head_by: float | None = None
    _since = 0.0
    _framing = 0
    _at_end = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first head; where there are too many connections, end one."""
        super().connection_made(transport)
        self._since = self.loop.time()
        if len(self.connections) > MAX_CONNECTIONS:
            self._make_room()
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Read some bytes; any of them end uvicorn's own waiting."""
        cycle, held = self.cycle, len(self.cycle.body) if self.cycle else 0
        super().data_received(data)
        if self.cycle is not cycle:
            self._since, self._framing, held = self.loop.time(), 0, 0
        if self.cycle is not None and not self.cycle.response_complete:
            self._head_by = None
            self._framing += len(data) - (len(self.cycle.body) - held) * 17 // 16
            if self.cycle.more_body and self._framing > MAX_FRAMING_BYTES:
                self._refuse()
        elif self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self._expect_head()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a client that sends no more, if its request is whole."""
        self._at_end = True
        return not self._waits()

    def on_response_complete(self) -> None:
        """Go on with what was pipelined; after the last of a client that sends no more, close."""
        super().on_response_complete()
        if self._at_end and self._waits():
            self.transport.close()

    def shutdown(self) -> None:
        """End the connection; if nothing is under way, after a moment for what may be coming."""
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(LAST_REQUEST_S, self._end)
        else:
            super().shutdown()

    def _end(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

    def _make_room(self) -> None:
        wires = [one for one in self.connections if isinstance(one, Wire)]
        waiting = [one for one in wires if one._waits() and not one.transport.is_closing()]
        if waiting:
            min(waiting, key=lambda one: one._since).transport.abort()

    def _refuse(self) -> None:
        if self.cycle.response_started:
            self.transport.abort()
        else:
            self.send_400_response("Chunks are too small.")
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _waits(self) -> bool:
        """Whether the client has to send before the server can go on."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _expect_head(self) -> None:
        self._head_by = self._head_by or self.loop.time() + HEAD_TIMEOUT_S
        self.timeout_keep_alive_task = self.loop.call_at(
            self._head_by, self.timeout_keep_alive_handler
        )
