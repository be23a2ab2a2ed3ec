"""One file per format that a model may be brought in; the folder is the list."""

from __future__ import annotations

from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from model import tenants
from model.bake.errors import BakeError
from model.bake.sources.base import HEAD_BYTES, Original, Say


def open_file(path: Path, work: Path, say: Say) -> Original:
    """Open a model file or folder with the first source that recognises it, in order of names.

    Raises:
        BakeError: there is no such file, no source recognises it, or its source refuses it.
    """
    if not path.exists():
        raise BakeError(f"{path}: no such file or folder")
    head = b"" if path.is_dir() else _head_of(path)
    for source in _sources():
        if hasattr(source, "recognises") and source.recognises(path, head):
            original: Original = source.open(path, work, say)
            return original
    raise BakeError(f"{path}: no format that Lambake knows{_beginning(head)}", _DO)


def open_object(model: Any, samples: Any, work: Path, say: Say) -> Original:
    """Open a live object, such as a fitted scikit-learn pipeline.

    Args:
        model: the object.
        samples: some instances, as `bake` takes them; None if there are none.
        work: an empty folder for the conversion.
        say: reports progress.

    Raises:
        BakeError: no source knows such objects, or its source refuses it.
    """
    model = getattr(model, "best_estimator_", model)  # of a search for parameters
    for source in _sources():
        if hasattr(source, "recognises_object") and source.recognises_object(model):
            original: Original = source.open_object(model, samples, work, say)
            return original
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    raise BakeError(f"an object of {kind}: no kind of model that Lambake knows", _DO)


_DO = "Export it as ONNX, which every framework can, and bake the .onnx file."


def _sources() -> list[ModuleType]:
    names = sorted(one.name for one in iter_modules(__path__) if one.name != "base")
    return [tenants.tenant(__name__, name) for name in names]


def _head_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as exc:
        raise BakeError(f"{path}: cannot be read: {exc.strerror}") from exc


def _beginning(head: bytes) -> str:
    return f"; it begins with {head[:8]!r}" if head else ""
