"""The task `embed`: a vector per instance.

[answer]
output = "last_hidden_state"     optional if one output has floats
pooling = "none"                 of one vector a token: mean, max or first
mask = "attention_mask"          the input that is 0 for the tokens that pooling must leave out
normalise = false                true: of length one
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from model.elements import to_json
from model.errors import EngineError
from model.tasks.base import Answer, Output, Scores, Unwatched, read_output

if TYPE_CHECKING:
    from model.bundle.table import Table
    from model.tensors import Tensor

POOLINGS: Final = ("none", "mean", "max", "first")


@dataclass(frozen=True, slots=True)
class Embed(Unwatched):
    """The answers of a model that makes vectors."""

    output: Output
    pooling: str = "none"
    mask: str = ""
    normalise: bool = False
    noun: str = "embedding"

    def answers(self, outputs: Mapping[str, NDArray[Any]], count: int) -> list[Answer]:
        """Turn the output, [N, D], or [N, T, D] with pooling, into vectors.

        Returns:
            N objects {"embedding": [D numbers]}; NaN and Infinity are null.

        Raises:
            EngineError: another shape.
        """
        shape = outputs[self.output.name].shape
        if self.pooling == "none" and len(shape) == 3 and 1 not in shape[1:]:
            raise EngineError(
                f"the output {self.output.name} of shape {list(shape)} has a vector per token: "
                'pooling = "mean", "max" or "first" makes one of them'
            )
        if self.pooling == "none":
            vectors = self.output.numbers(outputs, count)
        else:
            vectors = self._pooled(outputs, count)
        if self.normalise:
            lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
            vectors = vectors / np.where(lengths > 0, lengths, 1)
        dtype = np.result_type(np.float32, outputs[self.output.name].dtype)
        rows = to_json(vectors.astype(dtype))
        return [{"embedding": row} for row in rows]

    def _pooled(self, outputs: Mapping[str, NDArray[Any]], count: int) -> Scores:
        """Make one vector of those of the tokens: float64[N, D]."""
        tokens = outputs[self.output.name]
        if tokens.ndim != 3 or len(tokens) != count:
            raise EngineError(
                f"expected an output {self.output.name} of shape [{count}, T, D], "
                f"got {list(tokens.shape)}"
            )
        exact = tokens.astype(np.float64)
        if self.pooling == "first":
            return exact[:, 0]
        mask = outputs.get(self.mask, np.ones(0)) if self.mask else np.ones(tokens.shape[:2])
        if mask.shape != tokens.shape[:2]:
            expected = f"an input {self.mask} of shape {list(tokens.shape[:2])}, the mask"
            raise EngineError(f"expected {expected}, got {list(mask.shape)}")
        kept = (mask != 0)[:, :, None]
        if self.pooling == "max":
            largest: Scores = exact.max(axis=1, where=kept, initial=-np.inf)
            return largest
        counts = np.maximum(kept.sum(axis=1), 1)
        means: Scores = np.where(kept, exact, 0).sum(axis=1) / counts
        return means

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of one answer."""
        vector = {"type": "array", "items": {"type": ["number", "null"]}}
        return {"type": "object", "properties": {"embedding": vector}, "required": ["embedding"]}


def load(settings: Table, outputs: tuple[Tensor, ...]) -> Embed:
    """Read the settings of a model that makes vectors."""
    output = read_output(settings, outputs)
    pooling = settings.choice("pooling", POOLINGS, default="none")
    mask, normalise = settings.text("mask", default=""), settings.flag("normalise")
    return Embed(output, pooling, mask, normalise)
