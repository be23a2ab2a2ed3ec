"""Where a bundle goes in the zoo: alone, or one of several versions (bundle/versions.py)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model.bake.edits import RECORD_FILE
from model.bake.errors import BakeError
from model.bundle.golden import GOLDEN_FILE, SAMPLES_FOLDER
from model.bundle.manifest import MANIFEST_FILE
from model.bundle.reference import REFERENCE_FILE
from model.bundle.table import NAME, read_toml
from model.errors import ArtefactError

_OF_A_BUNDLE: Final = (
    MANIFEST_FILE, RECORD_FILE, GOLDEN_FILE, REFERENCE_FILE, SAMPLES_FOLDER, "CARD.md",
    "labels.txt", "recipe.py", "tokenizer.json",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a version goes.

    Attributes:
        folder: of its bundle.
        moves: a version that lies there now, to be moved into a folder of its own; None: none.
    """

    folder: Path
    moves: tuple[Path, Path] | None = None

    def make_room(self) -> str:
        """Move the version that lies there now.

        Returns:
            What was done, or nothing.
        """
        if self.moves is None:
            return ""
        old, new = self.moves
        artefact = read_toml(old / MANIFEST_FILE, "a manifest")["artefact"]["file"]
        new.mkdir()
        for name in (artefact, *_OF_A_BUNDLE):
            if (old / name).exists():
                shutil.move(old / name, new / name)
        return f"version {new.name} moved to {new}"


def place_of(zoo: Path, name: str, version: str) -> Place:
    """Find the folder of a version.

    Raises:
        BakeError: a folder of that name is something else, or holds a broken manifest.
    """
    model = zoo / name
    if any(model.glob(f"*/{MANIFEST_FILE}")):
        return Place(model / version)
    if not (model / MANIFEST_FILE).exists():
        return Place(model)
    there = _manifest_in(model)
    if there.get("version") == version:
        return Place(model)
    return Place(model / version, (model, model / str(there.get("version"))))


def require_same(folder: Path, sha256s: Sequence[str], version: str) -> None:
    """Refuse to write over another model's bundle.

    Args:
        folder: of the version.
        sha256s: of the file that was brought, and of its ONNX file.
        version: it would be written as.

    Raises:
        BakeError: a bundle of another file lies there; asks for another version.
    """
    if not (folder / MANIFEST_FILE).exists():
        return
    artefact = _manifest_in(folder).get("artefact", {})
    there = {artefact.get("sha256"), artefact.get("made_from", {}).get("sha256")} - {None}
    if there.isdisjoint(sha256s):
        raise BakeError(
            f"{folder} holds version {version} of this name, baked from another file",
            f"Bake this one beside it, with --version {_next(version)}, or in its place, with "
            "--replace: what was edited stays.",
        )


def _manifest_in(folder: Path) -> dict[str, Any]:
    try:
        return read_toml(folder / MANIFEST_FILE, "a manifest")
    except ArtefactError as exc:
        raise BakeError(str(exc), "Mend it, or remove the folder.") from exc


def _next(version: str) -> str:
    found = re.search(r"(\d+)(?!.*\d)", version)
    if not found:
        return f"{version}-2"
    return version[: found.start()] + str(int(found[1]) + 1) + version[found.end() :]


def name_from(text: str) -> str:
    """Return a bundle's name from a file's: letters, digits, hyphens.

    Raises:
        BakeError: nothing is left of it.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-._").lower()[:64]
    if not NAME.fullmatch(name):
        raise BakeError(f"{text!r}: no name for a model", "Give it one: --name churn")
    return name
