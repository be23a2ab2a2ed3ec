"""
What the demonstration prints: numbered steps, what was seen in each, and how long it took.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

_EVERY = 10
_DONE = re.compile(r": (Creation|Modifications|Destruction) complete after")
_PLANNED = re.compile(r"^ +[+] ")


class Narration:
    """
    Print lines; of what comes by the dozen, only how much of it there is.
    """

    def __init__(
        self, out: TextIO | None = None, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = out or sys.stdout
        self._now_s = now_s
        self._steps = 0
        self._done = 0

    def __call__(self, line: str) -> None:
        """
        Print a line.
        """
        if _PLANNED.match(line):
            return
        if _DONE.search(line):
            self._done += 1
            if self._done % _EVERY:
                return
            line = f"    {self._done} resources done …"
        for part in line.split("\n"):
            self._out.write(f"  {part}\n" if self._steps else f"{part}\n")
        self._out.flush()

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """
        Print a numbered title, and in the end how long the step took.
        """
        self._steps += 1
        self._done = 0
        self._out.write(f"\n{self._steps}. {title[:1].upper()}{title[1:]}\n")
        self._out.flush()
        begun = self._now_s()
        yield
        self._out.write(f"  ({self._now_s() - begun:.0f} s)\n")
        self._out.flush()

    def end(self, text: str) -> None:
        """
        Print what follows the last step.
        """
        self._out.write(text)
        self._out.flush()
