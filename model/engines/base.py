"""What the predictor asks of an engine, and the checks that every engine shares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from model.errors import ArtefactError

Matrix: TypeAlias = NDArray[np.float32]
Shape: TypeAlias = tuple[int, ...]
"""The size of each axis; -1 for an axis of any size."""


class Engine(Protocol):
    """A loaded model: one tensor in, one tensor of probabilities out."""

    def run(self, tensor: Matrix) -> NDArray[Any]:
        """
        Compute the probabilities.

        Args:
            tensor: float32[N, ...], the shape that the manifest states.

        Returns:
            [N, C], one row an instance, one column a label.
        """
        ...


def shape_of(axes: Sequence[Any]) -> Shape:
    """Spell a runtime's idea of a shape as ours: names, None and zero stand for any size."""
    return tuple(axis if isinstance(axis, int) and axis > 0 else -1 for axis in axes)


def require_shape(path: Path, what: str, *, expected: Shape, got: Shape) -> None:
    """
    Stop the load where a tensor of the model file is not shaped as the manifest says.

    The file may leave free what the manifest fixes, but not the other way round: a model made for
    batches of 1 would fail at the first batch of 2.

    Raises:
        ArtefactError: another number of axes, or another size on a fixed axis.
    """
    fits = len(expected) == len(got) and all(
        theirs in (-1, ours) for ours, theirs in zip(expected, got, strict=True)
    )
    if not fits:
        raise ArtefactError(path, expected=f"{what} of shape {list(expected)}", got=list(got))


def require(path: Path, what: str, *, expected: object, got: object) -> None:
    """
    Stop the load where a property of the model file is not what the manifest says.

    Raises:
        ArtefactError: the two differ.
    """
    if expected != got:
        raise ArtefactError(path, expected=f"{what} {expected}", got=got)
