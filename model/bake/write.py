"""Write a bundle's golden vectors and its drift reference; nothing that serves imports it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bundle.golden import GOLDEN_FILE
from model.bundle.manifest import read_manifest
from model.bundle.reference import ANSWERS, INPUTS, REFERENCE_FILE, Histogram, read_reference
from model.bundle.reference import SCHEMA as REFERENCE_SCHEMA
from model.predictor import Predictor
from model.tasks.base import Answer
from model.tensors import Feeds, NamedInputs

TOLERANCE: Final = 1e-5
BINS: Final = 10
FEW: Final = 1000
"""With fewer instances, half as many bins: chance moves small bins most."""

WHY: Final = "float32 arithmetic differs by machine in the sixth decimal; answers are rounded there"


def write_golden(
    folder: Path,
    cases: Sequence[tuple[dict[str, Any], Any]],
    *,
    tolerance: float = TOLERANCE,
    why: str = WHY,
    seeded: bool = False,
) -> list[Answer]:
    """Predict some inputs with the bundle and write down the answers.

    Args:
        folder: the bundle, complete except for golden.json.
        cases: each input as golden.json names it ({"name", "sample"}, {"name", "row"}, …), with the
            instance itself, or NamedInputs of one.
        tolerance: how far a number may be off, relative to the largest of its answer.
        why: the tolerance's reason.
        seeded: whether the inputs are made up, so that the answers prove nothing.

    Returns:
        The answers.
    """
    predictor = Predictor.load(folder)
    answers = []
    for _, instance in cases:
        together = instance if isinstance(instance, NamedInputs) else [instance]
        (answer,), _ = predictor.predict(together)
        answers.append(answer)
    head = {"tolerance": tolerance, "why": why, **({"seeded": True} if seeded else {})}
    # A case a line: indented, a picture of numbers would have a line a number.
    lines = ",\n".join(
        json.dumps({**named, "answer": answer}, ensure_ascii=False)
        for (named, _), answer in zip(cases, answers, strict=True)
    )
    text = json.dumps(head, ensure_ascii=False)[:-1] + f', "cases": [\n{lines}\n]}}\n'
    (folder / GOLDEN_FILE).write_text(text, encoding="utf-8")
    return answers


def write_reference(folder: Path, feeds: Feeds, outputs: Feeds, *, source: str) -> None:
    """Write down what instances and answers normally look like.

    Args:
        folder: the bundle, complete except for reference.json.
        feeds: [N, ...] each, from the recipe: the data that the model was made from.
        outputs: [M, ...] each, from the engine, for instances that the model was not made from: it
            is surer of those it has seen.
        source: the data's origin, in a few words.
    """
    manifest = read_manifest(folder)
    # The task rounds: what it rounds to 1 must fall into the same bin.
    answers = manifest.task.answers(outputs, len(next(iter(outputs.values()))))
    document = {
        "schema": REFERENCE_SCHEMA,
        "source": source,
        INPUTS: _histograms_of(manifest.recipe.features(feeds)),
        ANSWERS: _histograms_of(manifest.task.watched(answers), len(manifest.task.labels)),
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    (folder / REFERENCE_FILE).write_text(text, encoding="utf-8")
    read_reference(manifest)


def _histograms_of(features: Feeds, classes: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            **(_counts_of(values, classes) if values.dtype.kind == "i" else _histogram_of(values)),
        }
        for name, values in features.items()
    ]


def _counts_of(numbers: NDArray[Any], classes: int) -> dict[str, list[float]]:
    """Count whole numbers, one bin per number."""
    counts = np.bincount(numbers, minlength=classes)
    return {"edges": (np.arange(len(counts) - 1) + 0.5).tolist(), "counts": counts.tolist()}


def _histogram_of(values: NDArray[Any]) -> dict[str, list[float]]:
    """Count values in bins of about equal counts; in fewer bins where values repeat."""
    bins = BINS if len(values) >= FEW else BINS // 2
    values = values[~np.isnan(values)]
    different = np.unique(values.astype(np.float64))
    above = np.searchsorted(different, np.quantile(values, np.arange(1, bins) / bins), side="right")
    above = np.unique(above[above < len(different)])
    # Halfway between two values: where they are tenths, another ruler may say 0.2 or 0.21.
    edges = (different[above - 1] + different[above]) / 2
    edges = np.array([float(f"{edge:.6g}") for edge in edges])
    histogram = Histogram("", edges.astype(np.float32), np.zeros(len(edges) + 1))
    return {"edges": edges.tolist(), "counts": histogram.count(values).astype(int).tolist()}
