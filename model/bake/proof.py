"""Prove a conversion: the ONNX file answers as the original does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from model.bake.errors import BakeError
from model.bake.runtime import Arrays
from model.bake.sources.base import Original
from model.bake.trial import difference_of
from model.tensors import Feeds

MOST: Final = 1e-3
"""The furthest that a conversion may be from the original, relative to the largest number."""


def prove(original: Original, feeds: Sequence[Feeds], runs: Sequence[Arrays]) -> float | None:
    """Ask the original the same.

    Args:
        original: the model as it was brought.
        feeds: inputs.
        runs: what the ONNX file answers to each.

    Returns:
        The largest difference, relative to the largest number; None: nothing was converted.

    Raises:
        BakeError: it is too large, or a label differs.
    """
    if original.run is None:
        return None
    allowed = MOST if original.hints.tolerance is None else original.hints.tolerance
    largest = 0.0
    for one, run in zip(feeds, runs, strict=True):
        for name, expected in original.run(one).items():
            got = run[name]
            if expected.dtype.kind not in "fiu" or got.dtype.kind not in "fiu":
                differs = np.asarray(got).astype(str).ravel().tolist() != (
                    np.asarray(expected).astype(str).ravel().tolist()
                )
                largest = max(largest, 1.0 if differs else 0.0)
            elif got.size != expected.size:
                raise BakeError(
                    f"the conversion's {name} has shape {list(got.shape)}, the original's "
                    f"{list(expected.shape)}",
                    _DO,
                )
            else:
                largest = max(largest, difference_of(got.reshape(expected.shape), expected))
    if largest > allowed:
        raise BakeError(
            f"the conversion answers otherwise than {original.summary}: {largest:.1g} of the "
            f"largest number, and {allowed:g} is allowed",
            _DO,
        )
    return largest


_DO: Final = (
    "Convert it another way and bake the ONNX file; or replace the step that is converted wrongly."
)
