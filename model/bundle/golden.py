"""The golden vectors of a bundle: inputs, and the answers they must give.

    {"tolerance": 1e-5, "cases": [{"name", "sample" | "row" | "text" | "inputs", "answer"}, …]}

The answer is the one that every door returns; a sample is a file in `samples/`, and
inputs are those of one instance by name. Numbers may differ by the tolerance times the largest
number of the answer.

They are checked when a model is baked, when the function starts (one of them, which also warms
up every step), in the image, and before a new version gets traffic.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model.bundle.table import NAME
from model.errors import ArtefactError, ModelError
from model.predictor import Predictor
from model.tasks.base import Answer
from model.tensors import Instances, NamedInputs

GOLDEN_FILE: Final = "golden.json"
SAMPLES_FOLDER: Final = "samples"

LONGEST: Final = 1_000
"""The most characters of an answer in an error."""

MAX_TOLERANCE: Final = 0.01
"""A larger tolerance would accept another model's answers."""


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """One instance, as it is predicted, with its answer."""

    name: str
    instances: Instances
    answer: Answer


def read_golden(folder: Path, labels: Sequence[str] = ()) -> tuple[float, list[GoldenCase]]:
    """Read a bundle's golden vectors.

    Args:
        folder: the bundle's.
        labels: the model's; the first form of the file lists probabilities in their order.

    Returns:
        The tolerance and the cases.

    Raises:
        ArtefactError: golden.json or a sample is missing or malformed.
    """
    path = folder / GOLDEN_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        cases = [
            GoldenCase(case["name"], _instances_of(folder, case), _answer_of(case, labels))
            for case in document["cases"]
        ]
        tolerance = float(document["tolerance"])
    except OSError as exc:
        missing = Path(exc.filename or path)
        raise ArtefactError(missing, expected="a file", got=exc.strerror) from exc
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as exc:
        form = '{"tolerance", "cases": [{"name", "sample", "row", "text" or "inputs", "answer"}]}'
        raise ArtefactError(path, expected=form, got=repr(exc)) from exc
    if not 0 <= tolerance <= MAX_TOLERANCE:  # which refuses NaN too
        expected = f"a tolerance from 0 to {MAX_TOLERANCE}"
        raise ArtefactError(path, expected=expected, got=tolerance)
    if not cases:
        raise ArtefactError(path, expected="at least one case", got="none")
    return tolerance, cases


def _instances_of(folder: Path, case: dict[str, Any]) -> Instances:
    if "inputs" in case:
        return NamedInputs(case["inputs"])
    for key in ("row", "text"):
        if key in case:
            return [case[key]]
    if not NAME.fullmatch(case["sample"]):
        raise ValueError(f"a sample named {case['sample']!r}, not like {NAME.pattern}")
    return [(folder / SAMPLES_FOLDER / case["sample"]).read_bytes()]


def _answer_of(case: dict[str, Any], labels: Sequence[str]) -> Answer:
    """Read the answer; the first form, for classifiers only, has a label and probabilities."""
    if "answer" in case:
        return dict(case["answer"])
    shares = case["probabilities"]
    if len(shares) != len(labels):
        raise ValueError(f"{len(shares)} probabilities for the manifest's {len(labels)} labels")
    probabilities = dict(zip(labels, map(float, shares), strict=True))
    label = case["label"]
    confidence = probabilities[label]
    return {"label": label, "confidence": confidence, "probabilities": probabilities}


def verify_golden(predictor: Predictor, *, limit: int | None = None) -> int:
    """Predict golden vectors and compare the answers.

    Args:
        predictor: the loaded bundle.
        limit: how many cases to try; None for all.

    Returns:
        The number of cases tried.

    Raises:
        ArtefactError: an answer differs from the vector's; names the case.
    """
    folder = predictor.manifest.folder
    tolerance, cases = read_golden(folder, predictor.task.labels)
    for case in cases[:limit]:
        path = folder / GOLDEN_FILE
        try:
            answers, _ = predictor.predict(case.instances)
        except ModelError as exc:
            raise ArtefactError(
                path, expected=f"{case.name!r} to be predicted", got=f"an error: {exc}"
            ) from exc
        if not alike([case.answer], answers, tolerance * (largest_in(case.answer) or 1)):
            expected = f"{case.name!r} to be answered with {_short(case.answer)}"
            got = _short(answers[0]) if len(answers) == 1 else f"{len(answers)} answers"
            raise ArtefactError(path, expected=expected, got=got)
    return len(cases[:limit])


def _short(answer: Answer) -> str:
    """Spell an answer for an error; of a long one, such as a tensor, the beginning."""
    text = str(answer)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def alike(expected: Any, got: Any, allowed: float) -> bool:
    """Whether two JSON values are equal, numbers within `allowed`."""
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(
            alike(value, got[key], allowed) for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(
            alike(ours, theirs, allowed) for ours, theirs in zip(expected, got, strict=True)
        )
    if isinstance(expected, float) and isinstance(got, int | float):
        return abs(expected - got) <= allowed
    return bool(expected == got)


def largest_in(value: Any) -> float:
    """Return the largest absolute number in a JSON value."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return max(map(largest_in, parts), default=0.0)
    return abs(value) if isinstance(value, int | float) else 0.0
