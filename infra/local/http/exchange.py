"""One request on a connection and the answer to it, whoever answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from http import HTTPStatus
from typing import TYPE_CHECKING

from infra.local.http.message import Head, body_of

if TYPE_CHECKING:
    from infra.local.http.connection import Connection

STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode("ascii") for s in HTTPStatus}
CONTINUE = STATUS_LINES[100] + b"\r\n"


class Exchange(ABC):
    """A connection's view of the request it reads.

    The answer is written with `connection.write`, and its end told to `connection.answered`;
    `answer_started` tells the connection that it can no longer refuse the request.
    """

    __slots__ = ("answer_started", "connection", "head", "reader", "size")

    def __init__(self, head: Head, connection: Connection) -> None:
        self.head = head
        self.connection = connection
        self.reader = body_of(head)
        self.size = 0  # bytes of the body that have arrived
        self.answer_started = False

    @property
    def waiting_bytes(self) -> int:
        """How many bytes of the body are held, not taken yet."""
        return 0

    @abstractmethod
    def start(self) -> None:
        """Begin: the head has been read, but nothing of the body."""

    @abstractmethod
    def feed(self, content: bytes) -> None:
        """Add a part of the body."""

    @abstractmethod
    def end(self) -> bool:
        """Note that the client sends no more. Return whether it still gets an answer."""

    @abstractmethod
    def disconnect(self) -> None:
        """Note that the client is gone, or was refused."""
