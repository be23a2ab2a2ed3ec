"""Reach a container that has no network: listen here, connect inside its network namespace."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def connected_inside(pid: int, port: int) -> socket.socket:
    """Connect to 127.0.0.1 as a process sees it. Needs root: a
    thread enters its network namespace.
    """

    def connect() -> socket.socket:
        with open(f"/proc/{pid}/ns/net", "rb") as namespace:
            if _libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return socket.create_connection(("127.0.0.1", port), timeout=30)

    # A thread of its own, which ends there: its namespace ends with it, the connection does not.
    with ThreadPoolExecutor(1) as one:
        return one.submit(connect).result()


def wait_for_port(pid: int, port: int, *, patience_s: float = 60.0) -> None:
    """Wait until something listens there.

    Raises:
        TimeoutError: nothing does.
    """
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            connected_inside(pid, port).close()
            return
        time.sleep(0.05)
    raise TimeoutError(f"expected a listener on port {port} of the container, got none")


class Bridge:
    """A port here that leads to one inside."""

    def __init__(self, pid: int, port: int) -> None:
        self._pid = pid
        self._port = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._server.accept()
                there = connected_inside(self._pid, self._port)
                threading.Thread(target=_relay, args=(here, there), daemon=True).start()


def _relay(here: socket.socket, there: socket.socket) -> None:
    """Copy both ways until both have ended."""
    with here, there:
        back = threading.Thread(target=_copy, args=(there, here), daemon=True)
        back.start()
        _copy(here, there)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
