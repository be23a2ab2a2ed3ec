"""Keras files, of Keras 3 and 2: `.keras` and HDF5, by whatever name; live Keras models."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Final

from model.bake.converter import convert
from model.bake.errors import BakeError
from model.bake.labels_file import labels_beside
from model.bake.sources import open_file
from model.bake.sources.base import Hints, Original, Say, modules_of

HDF5: Final = b"\x89HDF\r\n\x1a\n"
ZIP: Final = b"PK\x03\x04"

PIXELS: Final = {"scale": 1.0, "shift": 0.0}
"""Of a model whose first layer scales: it takes pixels of 0 to 255."""


def recognises(path: Path, head: bytes) -> bool:
    """Tell an HDF5 file, or a zip with Keras's configuration."""
    if head.startswith(HDF5):
        return True
    if not head.startswith(ZIP) or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as file:
        return {"config.json", "model.weights.h5"} <= set(file.namelist())


def open(path: Path, work: Path, say: Say) -> Original:  # noqa: A001  # the sources' interface
    """Convert a Keras file.

    Raises:
        BakeError: it holds code or only weights, or neither Keras 3 nor tf-keras reads it.
    """
    hdf5 = not zipfile.is_zipfile(path)
    # Keras goes by the ending, and the file may have none.
    copy, onnx = work / ("original.h5" if hdf5 else "original.keras"), work / "model.onnx"
    copy.symlink_to(path.resolve())
    converter = convert("keras", "keras_file", copy, onnx, say)
    facts = converter.facts
    hints = Hints(
        labels=labels_beside(path, facts["classes"]),
        picture=PIXELS if facts["rescales"] else {},
        notes=("the model scales pixels itself (a Rescaling layer)",) if facts["rescales"] else (),
    )
    return Original(
        format="keras-hdf5" if hdf5 else "keras",
        summary=f"{facts['library']}, {'HDF5' if hdf5 else '.keras'}",
        onnx=onnx,
        run=converter.run,
        hints=hints,
    )


def recognises_object(model: Any) -> bool:
    """Tell a Keras model, of Keras 3 or 2."""
    return hasattr(model, "save") and bool({"keras", "tf_keras"} & modules_of(model))


def open_object(model: Any, samples: Any, work: Path, say: Say) -> Original:
    """Save a live model and convert that; as a SavedModel where it has code of its own.

    Raises:
        BakeError: it can neither be saved nor exported.
    """
    saved, exported = work / "saved", work / "exported"
    saved.mkdir()
    path = saved / ("model.h5" if "tf_keras" in modules_of(model) else "model.keras")
    model.save(path)
    try:
        return open(path, saved, say)
    except BakeError as exc:
        say("the model has code of its own: exporting it as a SavedModel …")
        try:
            model.export(str(exported))
        except Exception as second:
            raise BakeError(f"{exc.what}; nor can it be exported: {second}") from second
        return open_file(exported, work, say)
