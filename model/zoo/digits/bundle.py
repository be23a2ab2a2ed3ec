"""The bundle: what is baked into it, its samples, its card."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from model.bake import bake
from model.bake.samples import Sample
from model.bundle.manifest import Manifest, read_manifest
from model.zoo.digits import measures, training
from model.zoo.digits.card import card_of
from model.zoo.digits.dataset import CLASSES, Dataset
from model.zoo.digits.training import Schedule
from model.zoo.digits.warp import Strength


def write_bundle(
    folder: Path, onnx: bytes, samples: Sequence[Sample], notes: Mapping[str, Any]
) -> Manifest:
    """Bake the bundle.

    Args:
        folder: of the bundle.
        onnx: the exported network.
        samples: pictures of digits.
        notes: the manifest's training and metrics.
    """
    with TemporaryDirectory() as work:
        path = Path(work) / "digits.onnx"
        path.write_bytes(onnx)
        bake(
            path,
            name=folder.name,
            folder=folder.parent,
            replace=True,
            recipe="digit",
            labels=[str(label) for label in range(CLASSES)],
            samples=samples,
            description="Which digit is it, 0 to 9, by a picture of one handwritten digit.",
            licence="Apache-2.0",
            **notes,
        )
    return read_manifest(folder)


def training_of(data: Dataset, schedule: Schedule, *, minutes: float) -> dict[str, Any]:
    """Describe the training."""
    return {
        "data": data.origin,
        "held_out": "a tenth of every digit, by the seed",
        "epochs": schedule.epochs,
        "fresh_epochs": schedule.fresh,
        "teachers": schedule.teachers,
        "teacher_epochs": schedule.teacher_epochs,
        "further_epochs": schedule.further,
        "seed": schedule.seed,
        "minutes": round(minutes, 1),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "framework": f"keras {keras.__version__} on {keras.backend.backend()}",
        "script": "model/zoo/digits/train.py",
    }


def samples_of(held_out: Dataset, places: NDArray[np.intp]) -> list[Sample]:
    """Return the first held-out digit of each class as a picture.

    Args:
        held_out: digits that were not trained on.
        places: the position of each in the data.
    """
    samples = []
    for label in range(CLASSES):
        at = int(np.flatnonzero(held_out.labels == label)[0])
        content = measures.png_of(np.rint(held_out.digits[at, ..., 0] * 255).astype(np.uint8))
        samples.append(Sample(f"held-out digit {places[at]}", content, file=f"{label}.png"))
    return samples


def write_card(manifest: Manifest, schedule: Schedule, *, parameters: int, learnt: int) -> None:
    """Write CARD.md beside the manifest.

    Args:
        manifest: complete; its metrics are the card's figures.
        schedule: how the network was trained.
        parameters: how many numbers the network has learnt.
        learnt: how many digits it learnt them from.
    """
    strength = Strength()
    facts = {
        "recipe": _spelt(schedule),
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


def _spelt(schedule: Schedule) -> str:
    told = f"The network learns from the labels for {schedule.epochs} epochs."
    if schedule.teachers:
        told = (
            f"First {schedule.teachers} wider networks learn from the labels, "
            f"{schedule.teacher_epochs} epochs each.\n"
            f"The served one learns for {schedule.epochs} epochs, from their averaged answers "
            f"({training.TRUST:.0%}) and the labels."
        )
    if schedule.further:
        told += (
            f"\nThen it learns on for {schedule.further} epochs at a quarter of the rate, "
            "from its own former answers where they were right, and the labels."
        )
    return told
