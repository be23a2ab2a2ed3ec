"""ONNX itself: a file, or a folder with one such file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from model.bake.sources.base import HEAD_BYTES, Original, Say

_VARINT, _BYTES = 0, 2
_FIELDS: Final = {1: _VARINT, 5: _VARINT} | dict.fromkeys(
    (2, 3, 4, 6, 7, 8, 14, 20, 25, 26), _BYTES
)
"""
The fields of a model, with their wire types: ONNX has no signature.

Source: onnx/onnx.proto, `message ModelProto`.
"""

_GRAPH, _OPSETS = 7, 8


def recognises(path: Path, head: bytes) -> bool:
    """Whether it is an ONNX model, or a folder with one."""
    if path.is_dir():
        return len(_models_in(path)) == 1
    seen = set()
    at = 0
    while at < len(head):
        tag, at = _varint(head, at)
        field, kind = tag >> 3, tag & 7
        if _FIELDS.get(field) != kind:
            return False
        seen.add(field)
        value, at = _varint(head, at)
        at += value if kind == _BYTES else 0
    return bool(seen & {_GRAPH, _OPSETS})


def open(path: Path, work: Path, say: Say) -> Original:  # noqa: A001 - the word of every source
    """Take the file as it is."""
    onnx = _models_in(path)[0] if path.is_dir() else path
    return Original(format="onnx", summary="ONNX", onnx=onnx)


def _models_in(folder: Path) -> list[Path]:
    """Return the folder's ONNX files, told by what they hold."""
    found = []
    for path in sorted(folder.glob("*.onnx")):
        with path.open("rb") as file:
            if recognises(path, file.read(HEAD_BYTES)):
                found.append(path)
    return found


def _varint(head: bytes, at: int) -> tuple[int, int]:
    """Read a number, seven bits a byte, the lowest first; return it and where it ends."""
    value = shift = 0
    while at < len(head) and shift < 64:
        byte = head[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            break
    return value, at
