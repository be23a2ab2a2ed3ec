"""The engine's matrix to labels, confidences and probabilities."""

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
        N predictions. Each instance's probabilities are divided by their sum, which float32 leaves
        beside 1 (a forest of 100 trees adds up to 0.9999993), and rounded. Among those equal
        after that the first label wins, as argmax does: which of 0.42 and 0.42 float32 made larger
        is chance, and other machines draw otherwise.

    Raises:
        EngineError: another shape, NaN, Infinity, or rows that are no probabilities.
    """
    expected = (count, len(labels))
    if probabilities.shape != expected:
        raise EngineError(f"expected an output of shape {expected}, got {probabilities.shape}")
    exact = probabilities.astype(np.float64)
    if not _are_probabilities(exact):
        raise EngineError("expected probabilities from 0 to 1 that sum to 1, got something else")
    rounded = np.round(exact / exact.sum(axis=1, keepdims=True), DECIMALS)
    return [
        Prediction(labels[top], row[top], dict(zip(labels, row, strict=True)))
        for top, row in zip(rounded.argmax(axis=1).tolist(), rounded.tolist(), strict=True)
    ]


def _are_probabilities(rows: NDArray[np.float64]) -> bool:
    # min and max carry NaN through, so this refuses NaN and Infinity as well; the sums come after
    # it, since NumPy warns of Infinity less Infinity.
    within = rows.min() >= 0 and rows.max() <= 1 + SUM_TOLERANCE
    return bool(within and np.abs(rows.sum(axis=1) - 1).max() <= SUM_TOLERANCE)
