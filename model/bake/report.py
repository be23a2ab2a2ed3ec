"""What is told while a model is baked: one aligned line a step, then what was guessed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from model.bake.infer import Guess

_WIDTH: Final = 10
_PATIENCE_S: Final = 2.0


class Report:
    """Prints lines by a function of the caller's."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def step(self, word: str, text: str) -> None:
        """Tell a step: its word, and what came of it; further lines are indented."""
        first, *others = text.splitlines() or [""]
        self._say(f"{word:<{_WIDTH}} {first}")
        for line in others:
            self._say(" " * (_WIDTH + 1) + line)

    def progress(self, text: str) -> None:
        """Tell what may take a while."""
        self._say(f"{'':<{_WIDTH}} {text}")

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Tell what is going on, if it takes longer than two seconds."""
        timer = threading.Timer(_PATIENCE_S, self.progress, [f"{text} …"])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def guesses(self, guesses: Sequence[Guess]) -> None:
        """Tell what was inferred, and the flag that says otherwise; what is unsure is marked."""
        rows = [one for one in guesses if one.flag or one.why]
        if not rows:
            return
        self._say("")
        values = [_shortened(f"{one.value} ({one.why})" if one.why else one.value) for one in rows]
        width = max(map(len, values))
        for one, value in zip(rows, values, strict=True):
            mark = " " if one.sure else "?"
            wrong = f"wrong? {one.flag}" if one.flag else ""
            self._say(f"{mark} {one.what:<{_WIDTH - 1}}{value:<{width}}  {wrong}".rstrip())
        self._say("")


def _shortened(text: str, most: int = 90) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def size_text(size: int) -> str:
    """Write a size in bytes for people: "897 kB", "0.87 MB"."""
    if size < 100_000:
        return f"{size / 1e3:.1f} kB"
    if size < 1e9:
        return f"{size / 1e6:.2f} MB" if size < 1e8 else f"{size / 1e6:.0f} MB"
    return f"{size / 1e9:.2f} GB"
