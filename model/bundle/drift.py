"""Detect that inputs or answers no longer look like the data that the model was made from.

A window counts what is served in the bins of the bundle's reference; the population stability
index (PSI) measures how far the two are apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Final

import numpy as np

from model.bundle.manifest import Manifest
from model.bundle.reference import (
    ANSWERS,
    INPUTS,
    Counts,
    Histogram,
    Watched,
    read_reference,
)
from model.recipes.base import Feeds
from model.tasks.base import Answer

MODERATE: Final = 0.1
LARGE: Final = 0.25
"""
From 0.1 on look into a shift; from 0.25 on act on it.

Source: N. Siddiqi, "Credit Risk Scorecards", 2006, chapter 7, which calls both customary.
"""

LEAST: Final = 300
"""
With fewer instances there is no index. Chance alone makes it (B - 1) (1 / N + 1 / M) for B bins, N
instances and a reference of M: 0.03 for 10 bins and 300, and one in a thousand reaches 0.1.

Source: B. Yurdakul, "Statistical Properties of Population Stability Index", 2018: the index is
about (1 / N + 1 / M) times chi-squared with B - 1 degrees of freedom.
"""

SPAN: Final = 500
"""At twice as many instances all counts are halved, so older ones weigh less and less."""

EVERY: Final = 100
"""Instances are counted this many at a time: one call in a hundred pays for it, some 0.2 ms."""


def psi(reference: Counts, counts: Counts) -> float:
    """Measure how far two distributions over the same bins are apart.

    Args:
        reference, counts: float64[B], not normalised, not negative.

    Returns:
        The sum of (p - q) ln(p / q): 0 for equal shares, symmetric, never negative.

    Source: the index as in Siddiqi's "Credit Risk Scorecards"; half an instance is added to every
    bin (Jeffreys' prior, as R. Krichevsky and V. Trofimov estimate shares, 1981), since an empty
    bin would make it infinite.
    """
    p = (reference + 0.5) / (reference.sum() + len(reference) / 2)
    q = (counts + 0.5) / (counts.sum() + len(counts) / 2)
    return float(((p - q) * np.log(p / q)).sum())


Drift = dict[Watched, float]
"""The index of each feature, as `(INPUTS, "petal_length_cm")` or `(ANSWERS, "labels")`."""


class Window:
    """The latest instances of one model, counted; threads may share it."""

    def __init__(self, manifest: Manifest, reference: Mapping[Watched, Histogram]) -> None:
        self._recipe = manifest.recipe
        self._task = manifest.task
        self._features = bool(manifest.recipe.describe().features)
        self._reference = reference
        self._counts = {key: np.zeros_like(one.counts) for key, one in reference.items()}
        self._total = 0.0
        self._kept: list[tuple[Feeds, Sequence[Answer]]] = []
        self._kept_instances = 0
        self._news: Drift = {}
        self._lock = Lock()

    @classmethod
    def of(cls, manifest: Manifest) -> Window | None:
        """Open a window on a model, or return None if its bundle has no reference.

        Raises:
            ArtefactError: the reference cannot be used.
        """
        reference = read_reference(manifest)
        return None if reference is None else cls(manifest, reference)

    def observe(self, feeds: Feeds, answers: Sequence[Answer]) -> None:
        """Record inputs and answers; the arrays are kept for a while, not copied.

        Args:
            feeds: the recipe's arrays for N instances.
            answers: the N answers.
        """
        with self._lock:
            self._kept.append((feeds if self._features else {}, answers))
            self._kept_instances += len(answers)
            if self._kept_instances >= EVERY:
                self._count()
                self._news = self._indices()

    def news(self) -> Drift:
        """Return the indices if they were computed since the last call."""
        # Without the lock, which every call would pay for: at worst two threads report the same
        # indices.
        news = self._news
        if news:
            self._news = {}
        return news

    def indices(self) -> Drift:
        """Return the index of each feature of the inputs and the answers.

        Returns:
            In the reference's order; empty while there are too few instances.
        """
        with self._lock:
            return self._indices()

    def _count(self) -> None:
        kept, answered = zip(*self._kept, strict=True)
        self._kept, self._kept_instances = [], 0
        inputs: Feeds = {}
        # Where nothing is watched, the arrays of two requests may differ in shape.
        if any(side == INPUTS for side, _ in self._reference):
            feeds = {name: np.concatenate([one[name] for one in kept]) for name in kept[0]}
            inputs = self._recipe.features(feeds)
        answers = [answer for some in answered for answer in some]
        for side, features in (
            (INPUTS, inputs),
            (ANSWERS, self._task.watched(answers)),
        ):
            for name, values in features.items():
                self._counts[side, name] += self._reference[side, name].count(values)
        self._total += len(answers)
        while self._total >= 2 * SPAN:
            self._total /= 2
            for counts in self._counts.values():
                counts /= 2

    def _indices(self) -> Drift:
        if self._total < LEAST:
            return {}
        return {
            key: psi(histogram.counts, self._counts[key])
            for key, histogram in self._reference.items()
        }
