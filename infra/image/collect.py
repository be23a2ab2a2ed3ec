"""
Copy what is shipped of the models: python collect.py ZOO TARGET

A script with the standard library only: it runs while the image is built, in its first stage.
Of a bundle it takes the manifest, the model file that the manifest names, and what serving and
checking read; training code, charts and other models stay behind.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path

_MANIFEST = "model.toml"
_SHIPPED = (_MANIFEST, "golden.json", "reference.json", "CARD.md", "samples")
_LABELS = "labels.toml"


def bundles(zoo: Path) -> list[Path]:
    """
    Give the folders of the zoo that are a bundle: NAME, or
    NAME/VERSION where there are several.
    """
    manifests = [*zoo.glob(f"*/{_MANIFEST}"), *zoo.glob(f"*/*/{_MANIFEST}")]
    return sorted(manifest.parent for manifest in manifests)


def collect(zoo: Path, target: Path) -> None:
    """
    Copy every bundle, and the labels of versions.

    Raises:
        FileNotFoundError: a manifest names a model file that is not there.
    """
    for bundle in bundles(zoo):
        folder = target / bundle.relative_to(zoo)
        folder.mkdir(parents=True)
        manifest = tomllib.loads((bundle / _MANIFEST).read_text(encoding="utf-8"))
        shutil.copy(bundle / manifest["artefact"]["file"], folder)
        labels = manifest.get("answer", {}).get("labels")
        for name in (*_SHIPPED, *([labels] if isinstance(labels, str) else [])):
            if (bundle / name).is_dir():
                shutil.copytree(bundle / name, folder / name)
            elif (bundle / name).exists():
                shutil.copy(bundle / name, folder)
    for file in zoo.glob(f"*/{_LABELS}"):
        shutil.copy(file, target / file.parent.name)


if __name__ == "__main__":
    collect(Path(sys.argv[1]), Path(sys.argv[2]))
