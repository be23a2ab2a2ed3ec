"""A bundle in the making, in a folder of its own: the zoo sees it when all is well."""

from __future__ import annotations

import filecmp
import hashlib
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import tomli_w

from model.bake.answers import INLINE_LABELS, LABELS_FILE, Answering
from model.bake.edits import RECORD_FILE, record_of, recorded
from model.bake.infer import Taken
from model.bake.wishes import Wishes
from model.bundle.manifest import MANIFEST_FILE, SCHEMA, Manifest, read_manifest
from model.tensors import Tensor

_ROWS, _SMALL, _LARGE = 1000, 256, 64
"""The most instances of one request: of rows, of instances of at most SMALL numbers, of others."""

SMALL: Final = 10_000


class Draft:
    """The folder of a bundle in the making, with its model file."""

    def __init__(self, folder: Path, onnx: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.sha256 = sha256_of(onnx)
        self.artefact = folder / f"{folder.name}.onnx"
        self.artefact.symlink_to(onnx.resolve())

    def write(self, document: Mapping[str, Any]) -> Manifest:
        """Write the manifest and read it as the function does.

        Raises:
            ArtefactError: it would not load.
        """
        text = tomli_w.dumps(dict(document))
        (self.folder / MANIFEST_FILE).write_text(text, encoding="utf-8")
        return read_manifest(self.folder)

    def record(self, document: Mapping[str, Any]) -> None:
        """Write down what bake itself made, and which files: the last step of a draft."""
        made = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        files = {path.relative_to(self.folder).as_posix(): sha256_of(path) for path in made}
        text = record_of(document, files)
        (self.folder / RECORD_FILE).write_text(text, encoding="utf-8")

    def write_labels(self, labels: Sequence[str], target: Path | None = None) -> bool:
        """Write many labels to a file.

        Args:
            labels: of the model; a few stand in the manifest.
            target: the bundle in the zoo; a file there that a person has edited is kept.

        Returns:
            Whether it was.
        """
        if len(labels) <= INLINE_LABELS:
            return False
        path = self.folder / LABELS_FILE
        if target and (target / LABELS_FILE).is_file():
            written = recorded(target)[1].get(LABELS_FILE)
            if sha256_of(target / LABELS_FILE) != written:
                shutil.copyfile(target / LABELS_FILE, path)
                return True
        path.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
        return False

    def publish(self, target: Path) -> int:
        """Bring the draft to its place; what bake wrote last time and no longer does is removed.

        Returns:
            How many files changed.
        """
        changed = 0
        for name in recorded(target)[1]:
            if not (self.folder / name).exists() and (target / name).is_file():
                (target / name).unlink()
                changed += 1
        for path in sorted(self.folder.rglob("*")):
            place = target / path.relative_to(self.folder)
            if path.is_dir() or (place.is_file() and _same(path, place)):
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            half = place.with_name(f".{place.name}.half")
            shutil.copyfile(path, half)
            os.replace(half, place)
            changed += 1
        return changed


def _same(path: Path, place: Path) -> bool:
    if path.name == MANIFEST_FILE:  # a person's comments and order are theirs
        import tomllib

        with path.open("rb") as ours, place.open("rb") as theirs:
            return tomllib.load(ours) == tomllib.load(theirs)
    return filecmp.cmp(path, place, shallow=False)


def sha256_of(path: Path) -> str:
    """Hash a file; of a folder the names and hashes of all its files."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for one in sorted(path.rglob("*")):
        if one.is_file():
            digest.update(f"{one.relative_to(path).as_posix()} {sha256_of(one)}\n".encode())
    return digest.hexdigest()


def document_of(
    wishes: Wishes, artefact: Mapping[str, Any], taken: Taken, answering: Answering,
    outputs: tuple[Tensor, ...], *, batch: int | None,
) -> dict[str, Any]:  # fmt: skip
    """Write a manifest, in the order in which a person reads it.

    Args:
        wishes: names, notes.
        artefact: the table [artefact].
        taken: inputs and the recipe's settings.
        answering: the task and its settings.
        outputs: as they came.
        batch: how many instances the engine may be asked together; None: any number; 0: none.
    """
    answer = dict(answering.settings)
    if len(answer.get("labels", ())) > INLINE_LABELS:
        answer["labels"] = LABELS_FILE
    if len(outputs) == 1:
        answer.pop("output", None)
    document = {
        "schema": SCHEMA,
        "name": wishes.name,
        "version": wishes.version,
        "task": answering.task,
        "description": wishes.description,
        "licence": wishes.licence,
        "artefact": dict(artefact),
        "inputs": list(map(_table_of, taken.inputs)),
        "outputs": list(map(_table_of, outputs)),
        **taken.settings,
        "answer": answer,
        "limits": {"instances": _most_instances(taken) if batch != 0 else 1}
        | ({} if batch is None else {"batch": batch}),
        "training": dict(wishes.training),
        "metrics": dict(wishes.metrics),
    }
    # An empty [text] names its recipe.
    kept = taken.settings.keys()
    return {key: value for key, value in document.items() if value not in ("", {}) or key in kept}


def _most_instances(taken: Taken) -> int:
    if not taken.has_batch:
        return 1
    if taken.takes == "row":
        return _ROWS
    numbers = sum(math.prod(max(size, 1) for size in one.shape) for one in taken.inputs)
    return _SMALL if numbers <= SMALL else _LARGE


def _table_of(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape)}
