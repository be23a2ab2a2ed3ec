"""TFLite files: float, uint8 and int8, with their types kept."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Final

from model.bake.converter import convert
from model.bake.labels_file import labels_beside, labels_of
from model.bake.sources.base import Hints, Original, Say

IDENTIFIER: Final = b"TFL3"
MOST_DIFFERENT: Final = 0.05
"""Of a quantised model: LiteRT's own kernels differ from each other as much, on noise."""


def recognises(path: Path, head: bytes) -> bool:
    """Tell by the flatbuffer's identifier, at byte 4."""
    return head[4:8] == IDENTIFIER


def open(path: Path, work: Path, say: Say) -> Original:  # noqa: A001  # the sources' interface
    """Convert a TFLite file.

    Raises:
        BakeError: it keeps variables, or has operators that ONNX has not.
    """
    onnx = work / "model.onnx"
    converter = convert("keras", "tflite_file", path.resolve(), onnx, say)
    quantised, outputs = converter.facts["quantised"], converter.facts["outputs"]
    only: dict[str, Any] = outputs[0] if len(outputs) == 1 else {"classes": None, "scale": 0.0}
    hints = Hints(
        labels=_labels_in(path, only["classes"]) or labels_beside(path, only["classes"]),
        answer=_answer_of(only),
        tolerance=MOST_DIFFERENT if quantised else None,
    )
    return Original(
        format="tflite",
        summary=f"TFLite{', quantised' if quantised else ''}",
        onnx=onnx,
        run=converter.run,
        hints=hints,
    )


def _answer_of(output: dict[str, Any]) -> dict[str, float]:
    """Return how a quantised output becomes the number that it stands for."""
    if not output["scale"] or output["dtype"] not in ("int8", "uint8", "int16"):
        return {}
    return {"scale": output["scale"], "shift": -output["zero_point"] * output["scale"]}


def _labels_in(path: Path, classes: int | None) -> tuple[str, ...]:
    """Return the labels that TFLite's metadata pack behind the model, as a zip."""
    if not classes or not zipfile.is_zipfile(path):
        return ()
    with zipfile.ZipFile(path) as file:
        for name in file.namelist():
            if name.endswith(".txt"):
                labels = labels_of(file.read(name).decode("utf-8", "replace"))
                if len(labels) == classes:
                    return labels
    return ()
