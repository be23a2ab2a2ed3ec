"""The task `classify`: a label, its confidence, and the probability of each label.

[answer]
output = "probabilities"     optional if one output has floats; labels alone (int64, string) do, too
apply = "none"               none, softmax, exp (of a LogSoftmax) or sigmoid
scale, shift                 of a quantised output: x * scale + shift, before `apply`
labels = ["x", "y"]          or the name of a text file, one label per line; absent: "0", "1", …
many = false                 true: labels are independent; the answer is all from 0.5 up

One number per instance is the probability of the second of two labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import EngineError
from model.tasks.base import LINKS, Answer, Output, Scores, read_output

if TYPE_CHECKING:
    from model.bundle.table import Table
    from model.tensors import Tensor

DECIMALS: Final = 6
"""The digits that a float32 probability really has; the golden vectors' tolerance is 1e-5."""

SUM_TOLERANCE: Final = 1e-3
"""How far the probabilities of one instance may sum from 1 before they are none."""

HALF_SUM_TOLERANCE: Final = 0.02
"""The same for those in float16."""

ROUNDING: Final = 1e-5
"""How far below 0 a probability may be: a forest's last one is 1 less the others."""

MOST_LABELS: Final = 20
BEST: Final = 10
"""With more labels only the best are returned: 1,001 of them are 30 kB an instance."""

RAW: Final = "the task tensors gives the output as it is"


def _softmax(scores: Scores) -> Scores:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Scores = powers / powers.sum(axis=1, keepdims=True)
    return shares


APPLY: Final[dict[str, Callable[[Scores], Scores]]] = {
    "softmax": _softmax,
    "exp": LINKS["exp"],
    "sigmoid": LINKS["sigmoid"],
}


@dataclass(frozen=True, slots=True)
class Classify:
    """The answers of a classifier."""

    output: Output
    labels: tuple[str, ...]
    apply: str = "none"
    many: bool = False
    noun: str = "classification"

    @property
    def features(self) -> tuple[str, ...]:
        """The labels and the confidences; none if several labels may apply."""
        return () if self.many else ("labels", "confidence")

    def answers(self, outputs: Mapping[str, NDArray[Any]], count: int) -> list[Answer]:
        """Turn the engine's output, [N, C] of any type of number, into labels.

        If one label is the answer, each instance's probabilities are divided by their sum, since
        float32 misses 1 (a forest of 100 trees adds up to 0.9999993), and rounded. Of labels that
        are then equal the first wins, as with argmax: which of 0.42 and 0.42 is larger in float32
        is chance, and differs by machine.

        Raises:
            EngineError: another shape, NaN, Infinity, or rows that are not probabilities.
        """
        exact = self._probabilities(outputs, count)
        labels = self.labels or tuple(map(str, range(exact.shape[1])))
        rows = exact.round(DECIMALS)
        if self.many:
            return [self._many(labels, row) for row in rows.tolist()]
        return [
            {"label": labels[top], "confidence": row[top], "probabilities": _told(labels, row)}
            for top, row in zip(rows.argmax(axis=1).tolist(), rows.tolist(), strict=True)
        ]

    def _probabilities(self, outputs: Mapping[str, NDArray[Any]], count: int) -> Scores:
        """Return float64[N, C]: from 0 to 1, of sum 1 unless many labels may apply."""
        scores = self.output.numbers(outputs, count)
        width = scores.shape[1]
        two = width == 1 and not self.many and len(self.labels) in (0, 2)
        if self.labels and width != len(self.labels) and not two:
            raise EngineError(
                f"expected {len(self.labels)} scores, one a label, got {width} in an output "
                f"{self.output.name} of shape {list(outputs[self.output.name].shape)}"
            )
        if two and self.apply == "softmax":
            raise EngineError(
                f"the output {self.output.name} has one score per instance, whose softmax is "
                f'always 1: apply = "sigmoid"; {RAW}'
            )
        exact = scores
        if self.apply != "none":
            self._require_finite(scores)
            with np.errstate(over="ignore"):
                exact = APPLY[self.apply](scores)
        low = exact.min(initial=0)
        # NaN is in no range. Each look at an array takes microseconds, however small it is.
        if not (low >= -ROUNDING and exact.max(initial=0) <= 1 + SUM_TOLERANCE):
            self._require_finite(scores)
            raise EngineError(self._no_probabilities(scores, two=two))
        if low < 0:
            exact = np.clip(exact, 0, None)
        if two:
            exact = np.clip(exact, 0, 1)
            return np.concatenate([1 - exact, exact], axis=1)
        if self.many:
            return np.clip(exact, 0, 1)
        sums = exact.sum(axis=1, keepdims=True)
        if not _are_sums(sums.ravel().tolist(), outputs[self.output.name].dtype):
            raise EngineError(self._no_probabilities(scores, two=two))
        shares: Scores = exact / sums
        return shares

    def _require_finite(self, scores: Scores) -> None:
        if not np.isfinite(scores).all():
            raise EngineError(f"expected probabilities, got NaN or Infinity in {self.output.name}")

    def _no_probabilities(self, scores: Scores, *, two: bool) -> str:
        """Say what the scores are instead of probabilities, and what would make these of them."""
        low, high = float(scores.min()), float(scores.max())
        head = f"the output {self.output.name}"
        if self.apply != "none":
            return f'{head} gives no probabilities with apply = "{self.apply}"; {RAW}'
        if low >= 0 and high <= 1 + SUM_TOLERANCE:
            sums = scores.sum(axis=1)
            worst = float(sums[np.abs(sums - 1).argmax()])
            return (
                f"{head} has numbers from 0 to 1 that sum to {worst:.4g}, not to 1: if several "
                f"labels may apply, many = true; if they are scores, apply says how; {RAW}"
            )
        if high <= 0 and np.abs(np.exp(scores).sum(axis=1) - 1).max() < SUM_TOLERANCE:
            return f'{head} looks like logarithms of probabilities: apply = "exp"; {RAW}'
        apply = "sigmoid" if two or self.many else "softmax"
        return (
            f"{head} has numbers from {low:.4g} to {high:.4g}, which look like logits: "
            f'apply = "{apply}" makes probabilities of them; {RAW}'
        )

    @staticmethod
    def _many(labels: Sequence[str], row: list[float]) -> Answer:
        chosen = [label for label, share in zip(labels, row, strict=True) if share >= 0.5]
        return {"labels": chosen, "probabilities": _told(labels, row)}

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of one answer."""
        share = {"type": "number", "minimum": 0, "maximum": 1}
        label = _label_schema(self.labels)
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


@dataclass(frozen=True, slots=True)
class Labels:
    """The answers of a classifier whose only output is the label, as text or as a whole number."""

    output: str
    labels: tuple[str, ...]
    noun: str = "classification"
    features: tuple[str, ...] = ()

    def answers(self, outputs: Mapping[str, NDArray[Any]], count: int) -> list[Answer]:
        """Give each label; a number is the place of a label where these are known.

        Raises:
            EngineError: not one per instance, or a number without a label.
        """
        output = outputs[self.output]
        if output.size != count:
            shape = list(output.shape)
            raise EngineError(f"expected {count} labels in {self.output}, got the shape {shape}")
        values = output.reshape(-1).tolist()
        if not self.labels or output.dtype.kind not in "iu":
            return [{"label": str(value)} for value in values]
        wrong = [value for value in values if not 0 <= value < len(self.labels)]
        if wrong:
            raise EngineError(f"expected a label from 0 to {len(self.labels) - 1}, got {wrong[0]}")
        return [{"label": self.labels[value]} for value in values]

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of one answer."""
        properties = {"label": _label_schema(self.labels)}
        return {"type": "object", "properties": properties, "required": ["label"]}

    def watched(self, answers: Sequence[Answer]) -> dict[str, NDArray[Any]]:
        """Return nothing: the labels may be any."""
        return {}


def _are_sums(sums: list[float], dtype: np.dtype[Any]) -> bool:
    """Whether these sums miss 1 by rounding only: a quantised network's by any amount."""
    low, high = min(sums), max(sums)
    if dtype.kind in "iu":
        return low > 0
    allowed = HALF_SUM_TOLERANCE if dtype.itemsize == 2 else SUM_TOLERANCE
    return low >= 1 - allowed and high <= 1 + allowed


def _label_schema(labels: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", **({"enum": list(labels)} if labels else {})}


def _told(labels: Sequence[str], row: list[float]) -> dict[str, float]:
    """Return the probabilities by label; of many labels only the best, in falling order."""
    if len(labels) <= MOST_LABELS:
        return dict(zip(labels, row, strict=True))
    return dict(sorted(zip(labels, row, strict=True), key=lambda pair: -pair[1])[:BEST])


def load(settings: Table, outputs: tuple[Tensor, ...]) -> Classify | Labels:
    """Read the settings of a classifier."""
    output = read_output(settings, outputs)
    apply = settings.choice("apply", ("none", *APPLY), default="none")
    labels = _distinct(settings.texts("labels", absent=True, distinct=False))
    many = settings.flag("many")
    if len(labels) == 1 and not many:
        settings.note("labels", "two, or many = true", "one")
    dtypes = {one.name: one.dtype for one in outputs}
    of_numbers = {"scale", "shift", "apply", "many"} & settings.values.keys()
    if dtypes.get(output.name) in ("string", "int64", "int32") and not of_numbers:
        return Labels(output.name, labels)
    return Classify(output, labels, apply, many)


def _distinct(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Add their places to labels that occur twice: ImageNet has two cranes and two maillots."""
    counts = Counter(labels)
    return tuple(
        f"{label} ({place})" if counts[label] > 1 else label for place, label in enumerate(labels)
    )
