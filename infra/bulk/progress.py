"""The progress of a run, and the time left."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Objects as the map's run counts them; the total grows while the bucket is listed."""

    total: int = 0
    done: int = 0
    running: int = 0
    lost: int = 0  # their batch failed as a whole; part of done


def progress_line(counts: Counts, *, before: int, elapsed_s: float) -> str:
    """Return one line: `120 of 600 objects, 40 under way, 12.0/s, 40 s left`."""
    parts = [f"{counts.done} of {counts.total} objects", f"{counts.running} under way"]
    if counts.lost:
        parts.append(f"{counts.lost} in failed batches")
    if counts.done > before and elapsed_s > 0:
        rate = (counts.done - before) / elapsed_s
        parts += [f"{rate:.1f}/s", f"{_span((counts.total - counts.done) / rate)} left"]
    return ", ".join(parts)


def _span(seconds: float) -> str:
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{round(whole / 60)} min"
    return f"{whole / 3600:.1f} h"
