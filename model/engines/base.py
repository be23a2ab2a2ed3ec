"""What an engine is: the runtime that runs a model file; and what every engine shares.

An engine is one file here, named as the manifest names it or as the model file ends, with a
function `load`:

    load(manifest: Manifest) -> Engine

The hash of the model file is checked already. A model file that cannot be read, or with other
tensors than the manifest's, is an ArtefactError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from model.errors import ArtefactError
from model.tensors import Tensor

Array = NDArray[Any]


class RefusedError(Exception):
    """The runtime refuses the arrays; their sizes or values are at fault, as only a run can tell.

    The text is the runtime's reason, for the log.
    """


class OperatorError(Exception):
    """An operator of the model fails on these arrays; they may be at fault, or the model.

    The text is the runtime's reason, for the log.
    """


class Engine(Protocol):
    """A loaded model: named arrays in, named arrays out, of any element type."""

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the outputs named in the manifest.

        Args:
            feeds: by tensor name, as the manifest states them.

        Raises:
            RefusedError, OperatorError: the arrays do not fit the model.
        """
        ...


class InBatches:
    """An engine that runs a few instances at a time: one, for a model whose batch is one.

    Args:
        engine: runs them.
        most: how many at a time.
        inputs: the manifest's; those without a batch axis go whole into every run.
        exact: whether the engine cannot run fewer; a batch is then filled up with copies of its
            last instance.
    """

    def __init__(
        self, engine: Engine, most: int, inputs: Sequence[Tensor], *, exact: bool = False
    ) -> None:
        self._engine = engine
        self._most = most
        self._exact = exact
        self._divided = {one.name for one in inputs if one.has_batch}

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the outputs batch by batch and join them along the first axis."""
        count = max((len(feeds[name]) for name in self._divided), default=1)
        if count == self._most or (count < self._most and not self._exact):
            return self._engine.run(feeds)
        parts = [self._engine.run(self._batch(feeds, at)) for at in range(0, count, self._most)]
        return {
            name: _joined([part[name] for part in parts], self._most, count) for name in parts[0]
        }

    def _batch(self, feeds: Mapping[str, Array], start: int) -> dict[str, Array]:
        batch = dict(feeds)
        for name in self._divided:
            part = feeds[name][start : start + self._most]
            if self._exact and len(part) < self._most:
                copies = np.repeat(part[-1:], self._most - len(part), axis=0)
                part = np.concatenate([part, copies])
            batch[name] = part
        return batch


def _joined(parts: Sequence[Array], most: int, count: int) -> Array:
    """Join the outputs of batches; an output without a batch axis gets one."""
    has_batch = parts[0].shape[:1] == (most,)
    return np.concatenate(parts)[:count] if has_batch else np.stack(parts)


def require_tensors(
    path: Path, what: str, *, expected: Sequence[Tensor], got: Mapping[str, Tensor]
) -> None:
    """Refuse to load if the model file lacks a tensor of the manifest or has it with another type.

    Raises:
        ArtefactError: names the tensor.
    """
    for tensor in expected:
        if tensor.name not in got:
            raise ArtefactError(path, expected=f"an {what} {tensor.name!r}", got=list(got))
        dtype = got[tensor.name].dtype
        if dtype != tensor.dtype:
            expected_type = f"an {what} {tensor.name!r} of {tensor.dtype}"
            raise ArtefactError(path, expected=expected_type, got=dtype)


def require_shape(path: Path, expected: Tensor, got: Tensor) -> None:
    """Refuse to load if an input of the model file has not the shape that the manifest states.

    The file may leave free what the manifest fixes, but not the reverse: a model made for batches
    of 1 would fail at the first batch of 2.

    Raises:
        ArtefactError: another number of axes, or another size on a fixed axis.
    """
    ours, theirs = expected.shape, got.shape
    fits = len(ours) == len(theirs) and all(
        their in (-1, our) for our, their in zip(ours, theirs, strict=True)
    )
    if not fits:
        shape = f"an input {expected.name!r} of shape {list(ours)}"
        raise ArtefactError(path, expected=shape, got=list(theirs))
