"""
The engine's matrix to labels, confidences and probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import EngineError

DECIMALS: Final = 6
"""What a float32 probability can honestly state; the golden vectors' tolerance is 1e-5."""

SUM_TOLERANCE: Final = 1e-3
"""How far the probabilities of one instance may sum from 1 before the engine is at fault."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One instance's answer; the probabilities are by label, from 0 to 1, and sum to 1."""

    label: str
    confidence: float
    probabilities: dict[str, float]


def to_predictions(
    probabilities: NDArray[Any], labels: Sequence[str], *, count: int
) -> list[Prediction]:
    """
    Label the engine's output.

    Args:
        probabilities: [N, C], any float type.
        labels: C labels, in the order of the output's columns.
        count: N, the number of instances asked for.

    Returns:
        N predictions; among equal probabilities the first label wins, as argmax does.

    Raises:
        EngineError: another shape, NaN, Infinity, or rows that are no probabilities.
    """
    expected = (count, len(labels))
    if probabilities.shape != expected:
        raise EngineError(f"expected an output of shape {expected}, got {probabilities.shape}")
    # min and max carry NaN through, so one comparison refuses NaN, Infinity and stray values.
    sums = probabilities.sum(axis=1)
    if not (
        probabilities.min() >= 0
        and probabilities.max() <= 1 + SUM_TOLERANCE
        and np.abs(sums - 1).max() <= SUM_TOLERANCE
    ):
        raise EngineError("expected probabilities from 0 to 1 that sum to 1, got something else")
    rows = np.round(probabilities.astype(np.float64), DECIMALS).tolist()
    best = probabilities.argmax(axis=1).tolist()
    return [
        Prediction(labels[top], row[top], dict(zip(labels, row, strict=True)))
        for top, row in zip(best, rows, strict=True)
    ]
