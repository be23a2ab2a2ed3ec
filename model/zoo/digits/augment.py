"""Make new digits from existing ones.

Every batch is drawn anew, in four stages:

1. **habits.py**: some digits as other people write them, such as a 7 with a bar;
2. **pens.py**: a thinner or thicker pen;
3. **warp.py**: rotation, shear, aspect and elastic fields, then MNIST's own normalisation;
4. **optics.py**: for some of the digits, the effects of a photograph.

The first stage and the pens are drawn once; the rest is vectorised over the batch: one core makes
about 10,000 digits a second.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.zoo.digits.dataset import Dataset
from model.zoo.digits.habits import angular, barred, footed, with_upstroke
from model.zoo.digits.optics import photographed
from model.zoo.digits.pens import ENLARGEMENT, PEN_STEPS, pen_levels
from model.zoo.digits.warp import Strength, warped

HABITS: Final = {1: (footed, with_upstroke), 7: (barred, angular)}
"""The other ways of writing a digit; of each as many."""

CHUNK: Final = 1000
"""How many digits are drawn with all pens together; more take more memory."""

Floats = NDArray[np.float32]


class Augmenter:
    """Draws changed copies of a fixed set of digits."""

    def __init__(self, data: Dataset, *, seed: int, strength: Strength | None = None) -> None:
        """Draw each digit with seven pens, and each 1 and 7 in the other habits too.

        Args:
            data: the digits to change.
            seed: of the habits' lengths and slants.
            strength: how far to change them.
        """
        self._strength = strength or Strength()
        random = np.random.default_rng(seed)
        written = np.flatnonzero(np.isin(data.labels, list(HABITS)))
        others = [
            write(data.digits[at, ..., 0], random)
            for at in written
            for write in HABITS[data.labels[at]]
        ]
        digits = np.concatenate([data.digits[..., 0], np.reshape(others, (-1, 28, 28))])
        starts = range(0, len(digits), CHUNK)
        parts = [pen_levels(digits[at : at + CHUNK].astype(np.float32)) for at in starts]
        self._pens = np.concatenate(parts, axis=1)
        # Each digit's places in the other habits; its own place if there are none.
        self._others = np.tile(np.arange(len(data.labels))[:, np.newaxis], (1, 2))
        self._others[written] = len(data.labels) + np.arange(len(others)).reshape(-1, 2)

    def draw(self, indices: NDArray[np.intp], random: np.random.Generator) -> Floats:
        """Return changed copies of the digits at `indices`.

        Args:
            indices: intp[B], the digits.
            random: the only source of chance; the same state gives the same pixels.

        Returns:
            float32[B, 28, 28, 1] in 0..1.
        """
        strength = self._strength
        habit = random.random(len(indices)) < strength.habit_share
        others = self._others[indices, random.integers(0, 2, len(indices))]
        inked = self._with_pen(np.where(habit, others, indices), random)
        images = warped(inked, strength, random)
        chosen = np.flatnonzero(random.random(len(indices)) < strength.optics_share)
        if chosen.size:
            images[chosen] = photographed(images[chosen], random)
        return images[..., np.newaxis]

    def _with_pen(self, indices: NDArray[np.intp], random: np.random.Generator) -> Floats:
        """Return float32[B, 56, 56]: enlarged digits, each with a pen of another width."""
        steps = self._strength.pen_px * ENLARGEMENT
        level = np.clip(random.normal(0.0, steps, len(indices)), -PEN_STEPS, PEN_STEPS) + PEN_STEPS
        lower = np.minimum(level.astype(np.intp), 2 * PEN_STEPS - 1)
        part = (level - lower).astype(np.float32)[:, np.newaxis, np.newaxis] / 255
        thin, thick = self._pens[lower, indices], self._pens[lower + 1, indices]
        inked: Floats = thin * (np.float32(1 / 255) - part) + thick * part
        return inked
