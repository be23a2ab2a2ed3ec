"""Whether a series of measurements grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MEMORY_LIMIT_MB_PER_MINUTE = 1.0


@dataclass(frozen=True)
class Sample:
    """One look at a process."""

    time_s: float  # since the start
    memory_mb: float  # resident
    descriptors: int


@dataclass(frozen=True)
class Verdict:
    """How a process grew after the warm-up."""

    name: str
    samples: int
    slope_mb_per_minute: float
    first_mb: float
    last_mb: float
    descriptors: tuple[int, int]  # the least in the first third, and in the last

    @property
    def leaks(self) -> list[str]:
        """A sentence for each leak."""
        found = []
        if self.slope_mb_per_minute >= MEMORY_LIMIT_MB_PER_MINUTE:
            found.append(
                f"{self.name}: expected memory to grow by less than "
                f"{MEMORY_LIMIT_MB_PER_MINUTE:g} MB a minute, got {self.slope_mb_per_minute:.2f}"
            )
        before, after = self.descriptors
        if after > before:
            found.append(
                f"{self.name}: expected constant file descriptors, got {before}, then {after}"
            )
        return found


def slope_per_minute(samples: Sequence[Sample]) -> float:
    """Fit a line to the memory by least squares, and return its slope in MB a minute.

    0 where there are fewer than two different times.
    """
    count = len(samples)
    if count < 2:
        return 0.0
    mean_s = sum(sample.time_s for sample in samples) / count
    mean_mb = sum(sample.memory_mb for sample in samples) / count
    spread = sum((sample.time_s - mean_s) ** 2 for sample in samples)
    if not spread:
        return 0.0
    together = sum((one.time_s - mean_s) * (one.memory_mb - mean_mb) for one in samples)
    return 60 * together / spread


def verdict(name: str, samples: Sequence[Sample], *, warm_up_s: float) -> Verdict:
    """Judge a process by what came after the warm-up.

    Descriptors are compared by the least of each third: a connection that is open at the moment of
    a look adds one to a sample, and a leak adds one to all that follow.

    Raises:
        ValueError: there are fewer than three samples after the warm-up.
    """
    judged = [sample for sample in samples if sample.time_s >= warm_up_s]
    if len(judged) < 3:
        raise ValueError(
            f"{name}: expected 3 samples after {warm_up_s:g} s of warm-up, got {len(judged)}"
        )
    third = len(judged) // 3
    first, last = judged[:third], judged[-third:]
    return Verdict(
        name=name,
        samples=len(judged),
        slope_mb_per_minute=slope_per_minute(judged),
        first_mb=judged[0].memory_mb,
        last_mb=judged[-1].memory_mb,
        descriptors=(
            min(sample.descriptors for sample in first),
            min(sample.descriptors for sample in last),
        ),
    )
