"""Copy the parts of the models that ship: python collect.py ZOO TARGET

A script with only the standard library: it runs in the first stage of the image's build. From a
bundle it takes the manifest, the model file that the manifest names, and what serving and checking
read; training code, charts and other models stay behind.
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
    """Return the folders of the zoo's bundles: NAME, or NAME/VERSION if there are several."""
    manifests = [*zoo.glob(f"*/{_MANIFEST}"), *zoo.glob(f"*/*/{_MANIFEST}")]
    return sorted(manifest.parent for manifest in manifests)


def collect(zoo: Path, target: Path) -> None:
    """Copy every bundle and the labels of versions.

    Raises:
        FileNotFoundError: a manifest names a model file that does not exist.
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
