"""
Notice when what comes in, or what goes out, is no longer what the model was made from.

A window counts what is served as the bundle's reference counts what all was made from, and the
population stability index (PSI) says how far the two are apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Final

import numpy as np

from model.bundle.manifest import Manifest
from model.bundle.reference import Counts, Histogram, read_reference
from model.recipes.base import Feeds, Recipe
from model.tasks.classify import Prediction

MODERATE: Final = 0.1
LARGE: Final = 0.25
"""
From 0.1 on a shift is worth a look, from 0.25 on it is one to act on.

Source: N. Siddiqi, "Credit Risk Scorecards", 2006, chapter 7, which states both as the custom.
"""

LEAST: Final = 300
"""
So few instances give no index: chance alone makes it (B - 1) (1 / N + 1 / M) for B bins, N
instances and a reference of M. That is 0.03 of 10 bins and 300, and one in a thousand reaches 0.1.

Source: B. Yurdakul, "Statistical Properties of Population Stability Index", 2018: the index is
about (1 / N + 1 / M) times chi-squared with B - 1 degrees of freedom.
"""

SPAN: Final = 500
"""At twice as many instances all counts are halved: what is older weighs less and less."""

EVERY: Final = 100
"""So many instances are kept, then counted at once: one call in a hundred pays, some 0.2 ms."""


def psi(reference: Counts, counts: Counts) -> float:
    """
    Measure how far two distributions over the same bins are apart.

    Args:
        reference, counts: float64[B], not normalised, not negative.

    Returns:
        The sum of (p - q) ln(p / q): 0 for equal shares, symmetric, never negative.

    Source: the index as in Siddiqi's "Credit Risk Scorecards"; half an instance is added to every
    bin (Jeffreys' prior, as R. Krichevsky and V. Trofimov estimate shares, 1981), for an empty bin
    would make it infinite.
    """
    p = (reference + 0.5) / (reference.sum() + len(reference) / 2)
    q = (counts + 0.5) / (counts.sum() + len(counts) / 2)
    return float(((p - q) * np.log(p / q)).sum())


class Window:
    """The latest instances of one model, counted; threads may share it."""

    def __init__(self, manifest: Manifest, recipe: Recipe, reference: Sequence[Histogram]) -> None:
        self._recipe = recipe
        self._labels = {label: number for number, label in enumerate(manifest.labels)}
        self._reference = reference
        self._counts = [np.zeros_like(histogram.counts) for histogram in reference]
        self._total = 0.0
        self._kept: list[tuple[Feeds, Sequence[Prediction]]] = []
        self._kept_instances = 0
        self._news: dict[str, float] = {}
        self._lock = Lock()

    @classmethod
    def of(cls, manifest: Manifest, recipe: Recipe) -> Window | None:
        """
        Open a window on a model; None if its bundle has no reference.

        Raises:
            ArtefactError: a reference that cannot be used.
        """
        reference = read_reference(manifest, recipe.describe().features)
        return None if reference is None else cls(manifest, recipe, reference)

    def observe(self, feeds: Feeds, predictions: Sequence[Prediction]) -> None:
        """
        Take in what was asked and answered; the arrays are kept for a while, not copied.

        Args:
            feeds: what the recipe made of N instances.
            predictions: N answers.
        """
        with self._lock:
            self._kept.append((feeds, predictions))
            self._kept_instances += len(predictions)
            if self._kept_instances >= EVERY:
                self._count()
                self._news = self._indices()

    def news(self) -> dict[str, float]:
        """Return the indices if they were computed since this was last asked."""
        # Without the lock, which every call would pay: at worst two threads tell the same news.
        news = self._news
        if news:
            self._news = {}
        return news

    def indices(self) -> dict[str, float]:
        """
        Return the index of each input feature, of the labels and of the confidences.

        Returns:
            By the names in the reference; empty while there are too few instances.
        """
        with self._lock:
            return self._indices()

    def _count(self) -> None:
        kept, predictions = zip(*self._kept, strict=True)
        feeds = {name: np.concatenate([one[name] for one in kept]) for name in kept[0]}
        self._kept, self._kept_instances = [], 0
        answers = [answer for some in predictions for answer in some]
        columns = [
            *self._recipe.features(feeds).values(),
            np.array([self._labels[answer.label] for answer in answers]),
            np.array([answer.confidence for answer in answers]),
        ]
        for counts, histogram, values in zip(self._counts, self._reference, columns, strict=True):
            counts += histogram.count(values)
        self._total += len(answers)
        while self._total >= 2 * SPAN:
            self._total /= 2
            for counts in self._counts:
                counts /= 2

    def _indices(self) -> dict[str, float]:
        if self._total < LEAST:
            return {}
        return {
            histogram.name: psi(histogram.counts, counts)
            for histogram, counts in zip(self._reference, self._counts, strict=True)
        }
