"""What the demonstration prints: numbered steps, their output, and how long each took.

While a step prints nothing its seconds are shown: on a terminal in a line that is overwritten,
elsewhere now and then in a line of its own.
"""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, TextIO

_EVERY = 10
_DONE = re.compile(r": (Creation|Modifications|Destruction) complete after")
_PLANNED = re.compile(r"^ +[+] ")
_BEAT_S: Final = 1.0
# Seconds of silence before they are shown, on a terminal and elsewhere; Terraform shows its own.
_SILENT_S: Final = (2.0, 20.0)
_GONE = "\r\x1b[K"


class Narration:
    """Prints lines; of those that Terraform prints by the dozen, only their number."""

    def __init__(
        self, out: TextIO | None = None, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = out or sys.stdout
        self._now_s = now_s
        self._steps = self._done = 0
        self._begun_s = self._last_s = now_s()
        self._beaten = False
        self._lock = threading.Lock()

    def __call__(self, line: str) -> None:
        """Print a line."""
        if _PLANNED.match(line):
            return
        if _DONE.search(line):
            self._done += 1
            if self._done % _EVERY:
                return
            line = f"    {self._done} resources done …"
        indent = "  " if self._steps else ""
        self.write("".join(f"{indent}{part}\n" for part in line.split("\n")))

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print a numbered title, and at the end how long the step took."""
        self._steps += 1
        self._done = 0
        self._begun_s = self._now_s()
        self.write(f"\n{self._steps}. {title[:1].upper()}{title[1:]}\n")
        over = threading.Event()
        thread = threading.Thread(target=self._beat_until, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.write("")  # clears the line of seconds
        self.write(f"  ({self._now_s() - self._begun_s:.0f} s)\n")

    def write(self, text: str) -> None:
        """Print text unchanged, over the line of seconds."""
        with self._lock:
            self._out.write(f"{_GONE}{text}" if self._beaten else text)
            self._out.flush()
            self._beaten = False
            self._last_s = self._now_s()

    def beat(self) -> None:
        """Show the step's seconds if nothing was printed for a while."""
        terminal = self._out.isatty()
        now_s = self._now_s()
        with self._lock:
            if not self._beaten and now_s - self._last_s < _SILENT_S[not terminal]:
                return
            text = f"    … {now_s - self._begun_s:.0f} s"
            self._out.write(f"{_GONE}{text}" if terminal else f"  {text}\n")
            self._out.flush()
            self._beaten = terminal
            self._last_s = now_s

    def _beat_until(self, over: threading.Event) -> None:
        while not over.wait(_BEAT_S):
            self.beat()
