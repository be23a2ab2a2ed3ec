"""Put the weights of an ONNX model into its one file: a bundle is one file with one hash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

import onnx
from onnx.external_data_helper import uses_external_data

from model.bake.errors import BakeError

MOST_BYTES: Final = 2**31 - 2**20
"""A protobuf message holds less than 2 GiB; a megabyte is left for the graph itself."""

_SMALLER: Final = (
    "A bundle is one file with one hash: make it smaller, with float16 "
    "(onnxconverter_common.float16) or 8 bits (onnxruntime.quantization)."
)


def inline_weights(model: onnx.ModelProto, path: Path) -> bool:
    """Read the weights that a model keeps in other files into the model itself.

    Args:
        model: as read from `path`, without those weights.
        path: its file; the others lie beside it or below its folder.

    Returns:
        Whether there were any.

    Raises:
        BakeError: a file is missing, too short or outside the folder, or all of it is too large.
    """
    tensors = [one for one in tensors_of(model.graph) if uses_external_data(one)]
    for function in model.functions:
        tensors += [one for one in _tensors_in(function.node) if uses_external_data(one)]
    pieces = [(one, *_place_of(one, path)) for one in tensors]
    total = sum(length for *_, length in pieces)
    if total > MOST_BYTES:
        raise BakeError(f"{path}: {total / 1e9:.1f} GB of weights, more than ONNX holds", _SMALLER)
    for tensor, file, offset, length in pieces:
        with file.open("rb") as content:
            content.seek(offset)
            tensor.raw_data = content.read(length)
        if len(tensor.raw_data) != length:
            raise BakeError(
                f"{file}: expected {offset + length:,} bytes at least, got {file.stat().st_size:,}",
                "Copy the file again, or export the model again.",
            )
        del tensor.external_data[:]
        tensor.data_location = onnx.TensorProto.DEFAULT
    return bool(pieces)


def tensors_of(graph: onnx.GraphProto) -> Iterator[Any]:
    """Yield the constants of a graph and of the graphs within it."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _tensors_in(graph.node)


def _tensors_in(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for graph in (attribute.g, *attribute.graphs):
                yield from tensors_of(graph)


def _place_of(tensor: Any, path: Path) -> tuple[Path, int, int]:
    """Return where a tensor's bytes lie: file, offset, length.

    Raises:
        BakeError: there is no such file, or it is outside the model's folder.
    """
    stated = {entry.key: entry.value for entry in tensor.external_data}
    location = stated.get("location", "")
    parts = PurePosixPath(location.replace("\\", "/"))
    file = path.parent / parts
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise BakeError(
            f"{path}: its weights lie outside its folder, in {location!r}",
            "Copy them beside it, and save the model again with that location.",
        )
    if not file.is_file():
        raise BakeError(
            f"{path}: its weights lie in {location!r}, which is not beside it",
            "Copy that file, which was exported with the model, into the same folder.",
        )
    offset = int(stated.get("offset") or 0)
    return file, offset, int(stated.get("length") or file.stat().st_size - offset)
