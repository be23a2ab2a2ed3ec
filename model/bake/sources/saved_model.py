"""SavedModel folders, as TensorFlow and Keras write them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from model.bake.converter import convert
from model.bake.sources.base import Hints, Original, Say

GRAPH: Final = "saved_model.pb"


def recognises(path: Path, head: bytes) -> bool:
    """Tell the folder, or the graph in it, which people name as well."""
    return (path / GRAPH).is_file() or (path.name == GRAPH and (path.parent / "variables").is_dir())


def open(path: Path, work: Path, say: Say) -> Original:  # noqa: A001  # the sources' interface
    """Convert a SavedModel's default signature.

    Raises:
        BakeError: it has none, or TensorFlow cannot load it.
    """
    folder, onnx = path if path.is_dir() else path.parent, work / "model.onnx"
    converter = convert("keras", "saved_model", folder.resolve(), onnx, say)
    others = ", ".join(converter.facts["others"])
    return Original(
        format="saved-model",
        summary=f"SavedModel, signature {converter.facts['signature']}",
        onnx=onnx,
        run=converter.run,
        hints=Hints(notes=(f"the other signatures are left out: {others}",) if others else ()),
    )
