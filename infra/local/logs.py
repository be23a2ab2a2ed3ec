"""The function's log: its last lines, the tail of an invocation, and its listeners."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from infra.local import contract
from infra.local.clock import Clock
from infra.local.log_lines import PlatformEvent, json_line

# The service splits log events here [DOC]; a function that never ends its line must not fill
# memory.
_LINE_LIMIT_BYTES = 256 * 1024
_KEPT_LINES = 10_000
_KEPT_CHARACTERS = 16 * 1024 * 1024


class LogLine(NamedTuple):
    """One line: its writer, its environment, its invocation."""

    time_s: float
    text: str
    source: str  # "platform" or "function"
    stream: str
    request_id: str | None
    event: PlatformEvent | None = None  # the platform's event, for other renderings


Listener = Callable[[LogLine], None]


class Log:
    """The last lines of every environment; listeners get each line."""

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque()
        self._characters = 0
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call `listener` with each line from now on."""
        self._listeners.append(listener)

    def write(self, line: LogLine) -> None:
        """Keep a line; drop the oldest ones beyond 10,000 lines or 16 million characters."""
        self._lines.append(line)
        self._characters += len(line.text)
        while len(self._lines) > _KEPT_LINES or self._characters > _KEPT_CHARACTERS:
            self._characters -= len(self._lines.popleft().text)
        for listener in self._listeners:
            listener(line)

    def lines(self) -> list[LogLine]:
        """Return the kept lines, oldest first."""
        return list(self._lines)


class LogStream:
    """One environment's part of the log."""

    def __init__(self, name: str, log: Log, clock: Clock, *, as_json: bool = False) -> None:
        self.name = name
        self._log = log
        self._clock = clock
        self._as_json = as_json
        self._partial = bytearray()
        self._request_id: str | None = None
        self._tail: list[bytes] = []
        self._tail_size = 0

    def now(self) -> float:
        """Return the wall clock, in seconds since 1970."""
        return self._clock.now()

    def begin(self, request_id: str) -> None:
        """Begin an invocation: the next lines belong to it and its tail."""
        self.flush()
        self._request_id = request_id
        self._tail = []
        self._tail_size = 0

    def end(self) -> bytes:
        """End the invocation: the next lines belong to none.

        Returns:
            The last 4,096 bytes of the invocation's log.
        """
        self.flush()
        self._request_id = None
        return b"".join(self._tail)[-contract.LOG_TAIL_BYTES :]

    def function_wrote(self, data: bytes) -> None:
        """Add output of the process's stdout or stderr."""
        if self._request_id is not None:
            self._to_tail(data)
        self._partial += data
        *lines, rest = self._partial.split(b"\n")
        self._partial = bytearray(rest)
        for line in lines:
            self._write(line.decode("utf-8", "replace"), "function")
        while len(self._partial) > _LINE_LIMIT_BYTES:
            piece = self._partial[:_LINE_LIMIT_BYTES]
            self._write(piece.decode("utf-8", "replace"), "function")
            del self._partial[:_LINE_LIMIT_BYTES]

    def flush(self) -> None:
        """Write an unfinished line."""
        if self._partial:
            if self._request_id is not None:
                self._to_tail(b"\n")
            self._write(self._partial.decode("utf-8", "replace"), "function")
            self._partial = bytearray()

    def platform(self, event: PlatformEvent) -> None:
        """Write an event of the platform."""
        self.flush()
        text = json_line(event, self._clock.now()) if self._as_json else str(event)
        if text is None:
            return
        if self._request_id is not None:
            self._to_tail(text.encode() + b"\n")
        for line in text.split("\n"):
            self._write(line, "platform", event)

    def _to_tail(self, data: bytes) -> None:
        kept = data[-contract.LOG_TAIL_BYTES :]
        self._tail.append(kept)
        self._tail_size += len(kept)
        if self._tail_size > 4 * contract.LOG_TAIL_BYTES:
            self._tail = [b"".join(self._tail)[-contract.LOG_TAIL_BYTES :]]
            self._tail_size = len(self._tail[0])

    def _write(self, text: str, source: str, event: PlatformEvent | None = None) -> None:
        now = self._clock.now()
        self._log.write(LogLine(now, text, source, self.name, self._request_id, event))
