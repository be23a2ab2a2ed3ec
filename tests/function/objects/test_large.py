"""A table of any size takes no more memory than a batch and a part of its result."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from function.objects.result_object import PART_BYTES
from tests.function.objects.large_table import ROWS, SIZE_BYTES

MOST_MB = 48
"""Two parts of 8 MB, a batch, and what the allocator keeps: 20 MB were measured."""


def ran(mode: str) -> dict[str, Any]:
    """Predict the table in a process of its own, whose memory is nobody else's."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.function.objects.large_table", mode],
        capture_output=True,
        check=True,
        text=True,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_memory_stays_bounded() -> None:
    """200 MB are predicted row by row into several parts, within a few megabytes."""
    told = ran("stream")
    assert SIZE_BYTES == 200_000_000
    assert (told["count"], told["failed"]) == (ROWS, 0)
    assert [size >= PART_BYTES for size in told["parts"]] == [True, False]
    assert told["grown_mb"] < MOST_MB


def test_memory_that_is_not_bounded() -> None:
    """The check above can fail: read in one piece, the same object takes it all."""
    assert ran("whole")["grown_mb"] > SIZE_BYTES / 2**20
