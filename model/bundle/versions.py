"""The versions of one model, side by side, and their labels.

zoo/digits/model.toml                       one version
zoo/digits/1/model.toml, 2/model.toml …     several: each in a folder of the version's name
zoo/digits/labels.toml                      optional in both layouts: stable = "1"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model.bundle.manifest import MANIFEST_FILE, Manifest
from model.bundle.table import NAME, read_toml
from model.errors import ArtefactError
from model.predictor import Predictor

LABELS_FILE: Final = "labels.toml"

LATEST: Final = "latest"
"""The label of the highest version, always present; nothing else may have this name."""


@dataclass(frozen=True, slots=True)
class Versions:
    """One loaded model: its versions in natural order, and their labels."""

    predictors: Mapping[str, Predictor]
    labels: Mapping[str, str]

    @classmethod
    def load(cls, folder: Path, *, max_pixels: int) -> Versions:
        """Load every version of a model.

        Args:
            folder: the model's, in the zoo.
            max_pixels: the largest picture, in pixels.

        Raises:
            ArtefactError: a bundle must not be served, both layouts are mixed, a manifest names
                another model or version than its folder, or the labels are wrong.
        """
        predictors: dict[str, Predictor] = {}
        for bundle in _bundles_in(folder):
            predictor = Predictor.load(bundle, max_pixels=max_pixels)
            manifest = predictor.manifest
            _check_folder(folder, manifest)
            predictors[manifest.version] = predictor
        labels = read_labels(folder, known=list(predictors))
        return cls(predictors, labels)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.latest.manifest.name

    @property
    def latest(self) -> Predictor:
        """The highest version."""
        return self.predictors[list(self.predictors)[-1]]

    @property
    def names(self) -> list[str]:
        """All names that a caller may ask for: versions, then labels."""
        return [*self.predictors, LATEST, *self.labels]

    def labelled(self) -> dict[str, list[str]]:
        """Return the labels of each version."""
        labels = {LATEST: self.latest.manifest.version, **self.labels}
        return {
            version: [label for label, labelled in labels.items() if labelled == version]
            for version in self.predictors
        }

    def find(self, name: object) -> Predictor | None:
        """Return the version with this name or label; the latest for None."""
        if name is None or name == LATEST:
            return self.latest
        return self.predictors.get(self.labels.get(name, name)) if isinstance(name, str) else None


def natural_order(version: str) -> tuple[tuple[str | int, ...], str]:
    """Return a sort key that puts 10 after 9, and 1.10 after 1.9.

    It alternates strings and numbers, so one is never compared with the other. It knows no
    pre-releases: 1.0-rc sorts after 1.0.
    """
    parts = re.split(r"([0-9]+)", version)
    return tuple(int(part) if part.isdecimal() else part for part in parts), version


def _bundles_in(folder: Path) -> list[Path]:
    """Return the folders of a model's versions in natural order, or its own if it is a bundle."""
    nested = [path.parent for path in folder.glob(f"*/{MANIFEST_FILE}")]
    if not nested:
        return [folder]  # if its manifest is missing, reading it says so
    if (folder / MANIFEST_FILE).exists():
        expected = f"one {MANIFEST_FILE}, or one in each version's folder"
        raise ArtefactError(folder, expected=expected, got="both")
    return sorted(nested, key=lambda path: natural_order(path.name))


def _check_folder(folder: Path, manifest: Manifest) -> None:
    """Compare what a bundle states about itself with where it lies."""
    path = manifest.folder / MANIFEST_FILE
    version = manifest.version if manifest.folder == folder else manifest.folder.name
    if (manifest.name, manifest.version) != (folder.name, version):
        expected = f"name = {folder.name!r} and version = {version!r}, as the folders"
        raise ArtefactError(path, expected=expected, got=f"{manifest.name} and {manifest.version}")
    if manifest.version == LATEST:
        expected = f"a version other than {LATEST!r}, which means the highest one"
        raise ArtefactError(path, expected=expected, got=repr(LATEST))


def read_labels(folder: Path, *, known: list[str]) -> dict[str, str]:
    """Read the labels of a model; empty without labels.toml.

    Args:
        folder: the model's.
        known: its versions.

    Returns:
        Versions by label, in the order of the labels.

    Raises:
        ArtefactError: not TOML, or a label that is malformed, taken, or of an unknown version.
    """
    path = folder / LABELS_FILE
    document = read_toml(path, "labels") if path.exists() else {}
    for label, version in document.items():
        if not NAME.fullmatch(label):
            raise ArtefactError(path, expected=f"labels like {NAME.pattern}", got=repr(label))
        if label == LATEST or label in known:
            expected = "labels that are no version's name and not 'latest'"
            raise ArtefactError(path, expected=expected, got=repr(label))
        if version not in known:
            expected = f"{label} = one of {', '.join(map(repr, known))}"
            raise ArtefactError(path, expected=expected, got=repr(version))
    return dict(sorted(document.items()))
