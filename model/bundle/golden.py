"""
The golden vectors of a bundle: inputs, and the answers that they must give.

The same vectors are checked when a model is baked, when the function starts (one of them, which
also warms every step up), in the image, and before a new version gets traffic.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model.bundle.manifest import NAME
from model.errors import ArtefactError, ModelError
from model.predictor import Predictor

GOLDEN_FILE: Final = "golden.json"
SAMPLES_FOLDER: Final = "samples"

MAX_TOLERANCE: Final = 0.01
"""Beyond it the vectors would let pass what another model answers."""


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """One input with its answer; the probabilities are in the order of the labels."""

    name: str
    instance: Any
    label: str
    probabilities: Sequence[float]


def read_golden(folder: Path) -> tuple[float, list[GoldenCase]]:
    """
    Read a bundle's golden vectors.

    Returns:
        The tolerance, the largest difference of a probability that is let pass; and the cases.

    Raises:
        ArtefactError: golden.json or a sample is missing, or not of the form expected.
    """
    path = folder / GOLDEN_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        cases = [
            GoldenCase(
                name=case["name"],
                instance=_instance_of(folder, case),
                label=case["label"],
                probabilities=[float(value) for value in case["probabilities"]],
            )
            for case in document["cases"]
        ]
        tolerance = float(document["tolerance"])
    except OSError as exc:
        missing = Path(exc.filename or path)
        raise ArtefactError(missing, expected="a file", got=exc.strerror) from exc
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as exc:
        form = '{"tolerance", "cases": [{"name", "sample" or "row", "label", "probabilities"}]}'
        raise ArtefactError(path, expected=form, got=repr(exc)) from exc
    if not 0 <= tolerance <= MAX_TOLERANCE:  # which NaN is not, either
        expected = f"a tolerance from 0 to {MAX_TOLERANCE}"
        raise ArtefactError(path, expected=expected, got=tolerance)
    if not cases:
        raise ArtefactError(path, expected="at least one case", got="none")
    return tolerance, cases


def _instance_of(folder: Path, case: dict[str, Any]) -> Any:
    if "row" in case:
        return case["row"]
    if not NAME.fullmatch(case["sample"]):
        raise ValueError(f"a sample named {case['sample']!r}, not like {NAME.pattern}")
    return (folder / SAMPLES_FOLDER / case["sample"]).read_bytes()


def verify_golden(predictor: Predictor, *, limit: int | None = None) -> int:
    """
    Predict golden vectors and compare.

    Args:
        predictor: the loaded bundle.
        limit: how many cases to try; None: all.

    Returns:
        How many were tried.

    Raises:
        ArtefactError: an answer is another than the vector says; names the case.
    """
    folder = predictor.manifest.folder
    tolerance, cases = read_golden(folder)
    for case in cases[:limit]:
        path = folder / GOLDEN_FILE
        try:
            prediction = predictor.predict([case.instance])[0][0]
        except ModelError as exc:
            raise ArtefactError(path, expected=f"{case.name!r} to be predicted", got=exc) from exc
        got = list(prediction.probabilities.values())
        close = len(got) == len(case.probabilities) and all(
            abs(ours - golden) <= tolerance
            for ours, golden in zip(got, case.probabilities, strict=True)
        )
        if prediction.label != case.label or not close:
            expected = f"{case.name!r} to be {case.label} with {list(case.probabilities)}"
            raise ArtefactError(path, expected=expected, got=f"{prediction.label} with {got}")
    return len(cases[:limit])
