"""The arrays that converters are asked with and answer with."""

from __future__ import annotations

from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray[Any, Any]]


def two_columns(positive: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the probabilities of both classes, from those of the second: [N] to [N, 2]."""
    flat = positive.reshape(-1)
    return np.stack([1 - flat, flat], axis=1)
