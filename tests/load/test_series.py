"""The judgement of a soak, on series made up for it."""

from __future__ import annotations

import random

import pytest

from tests.load.series import Sample, slope_per_minute, verdict

SECONDS = 300


def series(
    *, mb_per_minute: float = 0.0, noise_mb: float = 0.0, descriptors_per_minute: float = 0.0
) -> list[Sample]:
    """Make up a sample a second, with a warm-up that grows fast, and passing connections."""
    dice = random.Random(5)
    return [
        Sample(
            time_s,
            40 + min(time_s, 60) / 6 + mb_per_minute * time_s / 60 + dice.gauss(0, noise_mb),
            20 + int(descriptors_per_minute * time_s / 60) + (dice.random() < 0.2),
        )
        for time_s in range(SECONDS)
    ]


@pytest.mark.parametrize("mb_per_minute", [-3.0, 0.0, 0.5, 1.0, 7.25])
def test_the_slope_is_that_of_the_line(mb_per_minute: float) -> None:
    """Least squares find a straight line exactly, in MB a minute."""
    line = [Sample(t, 50 + mb_per_minute * t / 60, 9) for t in range(0, 90, 2)]
    assert slope_per_minute(line) == pytest.approx(mb_per_minute, abs=1e-9)


@pytest.mark.parametrize("samples", [[], [Sample(1, 5, 1)], [Sample(1, 5, 1), Sample(1, 9, 1)]])
def test_too_little_has_no_slope(samples: list[Sample]) -> None:
    """No division by zero."""
    assert slope_per_minute(samples) == 0


@pytest.mark.parametrize("noise_mb", [0.0, 0.5, 2.0])
def test_a_steady_process_does_not_leak(noise_mb: float) -> None:
    """Noise, a warm-up and passing connections are no leak."""
    assert verdict("calm", series(noise_mb=noise_mb), warm_up_s=60).leaks == []


@pytest.mark.parametrize("noise_mb", [0.0, 0.5, 2.0])
def test_a_planted_leak_of_memory_is_found(noise_mb: float) -> None:
    """3 MB a minute, hidden in noise; little less than the limit is no leak."""
    found = verdict("mine", series(mb_per_minute=3, noise_mb=noise_mb), warm_up_s=60)
    expected = "mine: expected memory to grow by less than 1 MB a minute, got "
    assert found.leaks == [f"{expected}{found.slope_mb_per_minute:.2f}"]
    assert found.slope_mb_per_minute == pytest.approx(3, abs=0.3)
    assert verdict("mine", series(mb_per_minute=0.99), warm_up_s=60).leaks == []


def test_a_planted_leak_of_descriptors_is_found() -> None:
    """One a minute is enough; passing connections do not hide it."""
    (leak,) = verdict("mine", series(descriptors_per_minute=1), warm_up_s=60).leaks
    assert leak == "mine: expected constant file descriptors, got 21, then 23"


def test_the_warm_up_is_not_judged() -> None:
    """The same series with the warm-up in it grows."""
    assert verdict("calm", series(), warm_up_s=0).leaks != []


def test_a_verdict_needs_samples() -> None:
    """A soak that is over before its warm-up proves nothing, and says so."""
    with pytest.raises(
        ValueError, match=r"^mine: expected 3 samples after 298 s of warm-up, got 2$"
    ):
        verdict("mine", series(), warm_up_s=298)
