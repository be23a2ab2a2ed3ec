"""The task `classify`: a label, its confidence, and the probability of each label.

[answer]
output = "probabilities"     optional if the model has one output
apply = "none"               none, softmax, exp (of a LogSoftmax) or sigmoid
labels = ["x", "y"]          or the name of a text file, one label per line; absent: "0", "1", …
many = false                 true: labels are independent; the answer is all from 0.5 up
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import EngineError
from model.tasks.base import Answer

if TYPE_CHECKING:
    from model.bundle.table import Table
    from model.tensors import Tensor

DECIMALS: Final = 6
"""The digits that a float32 probability really has; the golden vectors' tolerance is 1e-5."""

SUM_TOLERANCE: Final = 1e-3
"""How far the probabilities of one instance may sum from 1 before the engine is at fault."""

MOST_LABELS: Final = 20
BEST: Final = 10
"""With more labels only the best are returned: 1,001 of them are 30 kB an instance."""

Scores = NDArray[np.float64]


def _softmax(scores: Scores) -> Scores:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Scores = powers / powers.sum(axis=1, keepdims=True)
    return shares


APPLY: Final[dict[str, Callable[[Scores], Scores]]] = {
    "none": lambda scores: scores,
    "softmax": _softmax,
    "exp": np.exp,
    "sigmoid": lambda scores: 1 / (1 + np.exp(-scores)),
}


@dataclass(frozen=True, slots=True)
class Classify:
    """The answers of a classifier."""

    output: str
    labels: tuple[str, ...]
    apply: str = "none"
    many: bool = False
    noun: str = "classification"

    @property
    def features(self) -> tuple[str, ...]:
        """The labels and the confidences; none if several labels may apply."""
        return () if self.many else ("labels", "confidence")

    def answers(self, outputs: Mapping[str, NDArray[Any]], count: int) -> list[Answer]:
        """Turn the engine's output, [N, C] of any float type, into labels.

        If one label is the answer, each instance's probabilities are divided by their sum, since
        float32 misses 1 (a forest of 100 trees adds up to 0.9999993), and rounded. Of labels that
        are then equal the first wins, as with argmax: which of 0.42 and 0.42 is larger in float32
        is chance, and differs by machine.

        Raises:
            EngineError: another shape, NaN, Infinity, or rows that are not probabilities.
        """
        scores = outputs[self.output]
        labels = self.labels or tuple(map(str, range(scores.shape[-1] if scores.ndim else 0)))
        expected = (count, len(labels))
        if scores.shape != expected:
            raise EngineError(f"expected an output of shape {expected}, got {scores.shape}")
        exact = APPLY[self.apply](scores.astype(np.float64))
        # min and max propagate NaN, so this refuses NaN and Infinity too; the sums are computed
        # after it, since NumPy warns of Infinity minus Infinity.
        if not (exact.min() >= 0 and exact.max() <= 1 + SUM_TOLERANCE):
            raise EngineError(f"expected {self._expected}, got something else")
        if self.many:
            return [self._many(labels, row) for row in np.round(exact, DECIMALS).tolist()]
        sums = exact.sum(axis=1, keepdims=True)
        if np.abs(sums - 1).max() > SUM_TOLERANCE:
            raise EngineError(f"expected {self._expected}, got something else")
        rounded = np.round(exact / sums, DECIMALS)
        return [
            {"label": labels[top], "confidence": row[top], "probabilities": _told(labels, row)}
            for top, row in zip(rounded.argmax(axis=1).tolist(), rounded.tolist(), strict=True)
        ]

    @property
    def _expected(self) -> str:
        return f"probabilities from 0 to 1{'' if self.many else ' that sum to 1'}"

    @staticmethod
    def _many(labels: Sequence[str], row: list[float]) -> Answer:
        chosen = [label for label, share in zip(labels, row, strict=True) if share >= 0.5]
        return {"labels": chosen, "probabilities": _told(labels, row)}

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of one answer."""
        label = {"type": "string", **({"enum": list(self.labels)} if self.labels else {})}
        share = {"type": "number", "minimum": 0, "maximum": 1}
        best: dict[str, Any] = (
            {"labels": {"type": "array", "items": label}}
            if self.many
            else {"label": label, "confidence": share}
        )
        shares = {"type": "object", "additionalProperties": share}
        properties = {**best, "probabilities": shares}
        return {"type": "object", "properties": properties, "required": list(properties)}

    def watched(self, answers: Sequence[Answer]) -> dict[str, NDArray[Any]]:
        """Return the labels as numbers, and the confidences."""
        if self.many:
            return {}
        numbers = {label: number for number, label in enumerate(self.labels)}
        # A label without a name is its number.
        labels = [numbers[one["label"]] if numbers else int(one["label"]) for one in answers]
        confidences = [one["confidence"] for one in answers]
        return {"labels": np.array(labels), "confidence": np.array(confidences)}


def _told(labels: Sequence[str], row: list[float]) -> dict[str, float]:
    """Return the probabilities by label; of many labels only the best, in falling order."""
    if len(labels) <= MOST_LABELS:
        return dict(zip(labels, row, strict=True))
    return dict(sorted(zip(labels, row, strict=True), key=lambda pair: -pair[1])[:BEST])


def load(settings: Table, outputs: tuple[Tensor, ...]) -> Classify:
    """Read the settings of a classifier."""
    names = tuple(one.name for one in outputs)
    output = names[0] if len(names) == 1 and "output" not in settings.values else ""
    if names and not output:
        output = settings.choice("output", names)
    apply = settings.choice("apply", tuple(APPLY), default="none")
    labels = settings.texts("labels", absent=True)
    return Classify(output, labels, apply, settings.flag("many"))
