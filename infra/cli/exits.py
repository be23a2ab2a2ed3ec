"""How a command ends: the exit statuses, and the effect of signals."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

DONE: Final = 0
FAILED: Final = 1
"""It ran, and what it tried did not succeed: a refusal, a function error, an unfit image."""

UNUSABLE: Final = 2
"""It did not run: a wrong flag or setting, a port in use, a package or program missing."""

INTERRUPTED: Final = 130
UNHEARD: Final = 141
"""The reader of its output is gone, as with `| head`."""


@contextmanager
def kills_interrupt() -> Iterator[None]:
    """Treat SIGTERM and a closed terminal as Ctrl-C, so that a command ends in an orderly way."""
    taken = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) == signal.SIG_DFL  # nohup stays nohup
    ]
    for number in taken:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into an event while the block runs."""
    stop = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {
        number: signal.signal(number, note)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
