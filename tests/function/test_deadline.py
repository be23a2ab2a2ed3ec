"""One more item is begun only if the longest so far would still fit."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from function.deadline import RESERVE_MS, Deadline
from function.errors import DeadlineError


@dataclass
class Clock:
    """Time that a test lets pass."""

    left_ms: int

    def __call__(self) -> int:
        """Say what is left."""
        return self.left_ms


def test_the_first_item_needs_the_reserve_only() -> None:
    """Before the first item nothing is known but the reserve."""
    assert Deadline(Clock(RESERVE_MS + 1)).allows_another()
    assert not Deadline(Clock(RESERVE_MS)).allows_another()


def test_the_longest_item_decides() -> None:
    """A short item after a long one does not make the next one short."""
    clock = Clock(10_000)
    deadline = Deadline(clock)
    assert deadline.allows_another()
    clock.left_ms -= 4_000
    assert deadline.allows_another()
    clock.left_ms -= 10
    assert deadline.allows_another()
    clock.left_ms = RESERVE_MS + 4_000
    assert not deadline.allows_another()
    with pytest.raises(DeadlineError, match=r"^expected time for another row, none was left$"):
        deadline.require("another row")


def test_what_is_left() -> None:
    """The clock itself is handed on to what reads it while it works."""
    clock = Clock(5_000)
    deadline = Deadline(clock)
    clock.left_ms = 3_000
    assert deadline.remaining_ms() == 3_000
