"""What the bundle states about itself: the manifest, the golden samples, the card."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from model.bake.write import write_golden
from model.bundle.manifest import Manifest
from model.zoo.digits import measures, training
from model.zoo.digits.card import card_of
from model.zoo.digits.dataset import CLASSES, Dataset
from model.zoo.digits.network import INPUT, OUTPUT, SHAPE
from model.zoo.digits.training import Recipe
from model.zoo.digits.warp import Strength


def manifest_of(data: Dataset, recipe: Recipe, *, seconds: float) -> dict[str, Any]:
    """Describe the bundle, except for its metrics and what `write_manifest` fills in."""
    return {
        "name": "digits",
        "version": "1",
        "task": "classify",
        "description": "Which digit is it, 0 to 9, by a picture of one handwritten digit.",
        "licence": "Apache-2.0",
        "recipe": "digit",
        "artefact": {"file": "digits.onnx"},
        "inputs": [{"name": INPUT, "dtype": "float32", "shape": [-1, *SHAPE]}],
        "outputs": [{"name": OUTPUT, "dtype": "float32", "shape": [-1, CLASSES]}],
        "answer": {"labels": [str(label) for label in range(CLASSES)]},
        "limits": {"instances": 256},
        "training": {
            "data": data.origin,
            "held_out": "a tenth of every digit, by the seed",
            "epochs": recipe.epochs,
            "fresh_epochs": recipe.fresh,
            "teachers": recipe.teachers,
            "teacher_epochs": recipe.teacher_epochs,
            "seed": recipe.seed,
            "minutes": round(seconds / 60, 1),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "framework": f"keras {keras.__version__} on {keras.backend.backend()}",
            "script": "model/zoo/digits/train.py",
        },
    }


def write_samples(folder: Path, held_out: Dataset, places: NDArray[np.intp]) -> None:
    """Write the first held-out digit of each class as a file, with the bundle's answer.

    Args:
        folder: the bundle, complete except for golden.json.
        held_out: digits that were not trained on.
        places: the position of each in the data.
    """
    (folder / "samples").mkdir(exist_ok=True)
    cases = []
    for label in range(CLASSES):
        at = int(np.flatnonzero(held_out.labels == label)[0])
        content = measures.png_of(np.rint(held_out.digits[at, ..., 0] * 255).astype(np.uint8))
        (folder / "samples" / f"{label}.png").write_bytes(content)
        cases.append(({"name": f"held-out digit {places[at]}", "sample": f"{label}.png"}, content))
    write_golden(folder, cases)


def write_card(manifest: Manifest, recipe: Recipe, *, parameters: int, learnt: int) -> None:
    """Write CARD.md beside the manifest.

    Args:
        manifest: complete; its metrics are the card's figures.
        recipe: how the network was trained.
        parameters: how many numbers the network has learnt.
        learnt: how many digits it learnt them from.
    """
    strength = Strength()
    facts = {
        "recipe": _spelt(recipe),
        "rotation": strength.rotation_deg,
        "habits": strength.habit_share,
        "optics": strength.optics_share,
        "rate": training.PEAK_RATE,
        "batch": training.BATCH,
        "parameters": parameters,
        "learnt": learnt,
        "held_out": int(manifest.metrics["validation_digits"]),
    }
    (manifest.folder / "CARD.md").write_text(card_of(manifest, facts), encoding="utf-8")


def _spelt(recipe: Recipe) -> str:
    if not recipe.teachers:
        return f"The network learns from the labels for {recipe.epochs} epochs."
    return (
        f"First {recipe.teachers} wider networks learn from the labels, "
        f"{recipe.teacher_epochs} epochs each.\n"
        f"The served one learns for {recipe.epochs} epochs, from their averaged answers "
        f"({training.TRUST:.0%}) and the labels."
    )
