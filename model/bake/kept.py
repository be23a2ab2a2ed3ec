"""Conversions that were made before, below `build/converters/kept`: a retry converts nothing again.

What is kept of each: the ONNX file, what the converter learnt, and the original's answers. It goes
by the contents of the file, of the environment's lock, and of the converters themselves.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bake.draft import sha256_of
from model.bake.environments import BUILD, LOCKS, made_from
from model.bake.sources.base import Run
from model.recipes.base import Feeds

KEPT: Final = BUILD / "kept"
MOST_BYTES: Final = 10**9
_FACTS, _MODEL = "facts.json", "model.onnx"

Start = Callable[[Path], tuple[dict[str, Any], Run]]
"""Converts into a file: what the converter learnt, and what asks the original."""


class Conversion:
    """A model as ONNX and the original's answers, made now or kept from before.

    Attributes:
        facts: what the converter learnt.
    """

    def __init__(self, folder: Path, onnx: Path, start: Start) -> None:
        """Convert a model, unless that was done before.

        Args:
            folder: where this conversion is kept.
            onnx: the file to write.
            start: converts.

        Raises:
            BakeError: it cannot be converted.
        """
        self._folder, self._start, self._again = folder, start, onnx.with_name("again.onnx")
        self._ask: Run | None = None
        if (folder / _FACTS).is_file():
            shutil.copyfile(folder / _MODEL, onnx)
            os.utime(folder)
            self.facts: dict[str, Any] = json.loads((folder / _FACTS).read_text("utf-8"))
            return
        self.facts, self._ask = start(onnx)
        _keep(folder, onnx, self.facts)

    def run(self, feeds: Feeds) -> dict[str, NDArray[Any]]:
        """Ask the original, with arrays by the names of the ONNX file's tensors."""
        file = self._folder / f"{_hash_of(feeds)}.npz"
        if file.is_file():
            with np.load(file, allow_pickle=False) as found:
                return dict(found)
        if self._ask is None:
            _, self._ask = self._start(self._again)
        answers = self._ask(feeds)
        if self._folder.is_dir():
            half = file.with_name(f".{os.getpid()}.npz")
            np.savez(half, **answers)  # type: ignore[arg-type]  # its stub takes no names
            half.rename(file)
        return answers


def place_of(environment: str, path: Path) -> Path:
    """Return where the conversion of a file or folder is kept."""
    converters = map(sha256_of, sorted(LOCKS.glob("*.py")))
    parts = [made_from(environment), *converters, sha256_of(path.resolve())]
    return KEPT / hashlib.sha256(" ".join(parts).encode()).hexdigest()[:32]


def _keep(folder: Path, onnx: Path, facts: dict[str, Any]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".half-"))
    shutil.copyfile(onnx, half / _MODEL)
    (half / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
    try:
        half.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(half)
    _forget(folder.parent)


def _forget(kept: Path) -> None:
    """Remove the conversions that were used longest ago, until the rest is small enough."""
    total = 0
    for folder in sorted(kept.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True):
        total += sum(file.stat().st_size for file in folder.rglob("*"))
        if total > MOST_BYTES:
            shutil.rmtree(folder, ignore_errors=True)


def _hash_of(feeds: Feeds) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(feeds.items()):
        plain = array.astype(str) if array.dtype.kind == "O" else np.ascontiguousarray(array)
        digest.update(f"{name} {plain.dtype.str} {plain.shape} ".encode() + plain.tobytes())
    return digest.hexdigest()[:32]
