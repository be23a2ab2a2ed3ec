"""Copy the parts of the models that ship: python collect.py ZOO TARGET > EXTRAS

A script with only the standard library: it runs in the first stage of the image's build. From a
bundle it takes the manifest, the files that the manifest names, and what serving and checking
read; training code, charts and other models stay behind. It prints the requirements files of the
extras that the models need, for pip.

A manifest that cannot be read is copied as it is: the function says what is wrong with it.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

_MANIFEST = "model.toml"
_SHIPPED = (_MANIFEST, "golden.json", "reference.json", "CARD.md", "samples")
# Keys of a manifest whose values name a file beside it.
_NAMING = (("artefact", "file"), ("answer", "labels"), ("text", "tokenizer"), ("custom", "file"))
# Extras of the image, each with the key that a manifest needs it for.
_EXTRAS = {"tokenizers": ("text", "tokenizer")}
_LABELS = "labels.toml"


def bundles(zoo: Path) -> list[Path]:
    """Return the folders of the zoo's bundles: NAME, or NAME/VERSION if there are several."""
    manifests = [*zoo.glob(f"*/{_MANIFEST}"), *zoo.glob(f"*/*/{_MANIFEST}")]
    return sorted(manifest.parent for manifest in manifests)


def strays(zoo: Path) -> list[Path]:
    """Return the zoo's folders that hold no bundle."""
    models = {bundle.relative_to(zoo).parts[0] for bundle in bundles(zoo)}
    folders = sorted(path for path in zoo.iterdir() if path.is_dir())
    return [one for one in folders if one.name not in models and one.name[0] not in "._"]


def extras_of(zoo: Path) -> list[str]:
    """Return the extras that the zoo's models need."""
    manifests = [_manifest_of(bundle) for bundle in bundles(zoo)]
    return [extra for extra, key in _EXTRAS.items() if any(_text(one, *key) for one in manifests)]


def shipped(bundle: Path) -> list[Path]:
    """Return the files and folders of a bundle that go into the image."""
    manifest = _manifest_of(bundle)
    named = (_text(manifest, *key) for key in _NAMING)
    names = dict.fromkeys([*_SHIPPED, *(name for name in named if name == Path(name).name)])
    return [bundle / name for name in names if name and (bundle / name).exists()]


def collect(zoo: Path, target: Path) -> None:
    """Copy every bundle and the labels of versions."""
    for bundle in bundles(zoo):
        folder = target / bundle.relative_to(zoo)
        folder.mkdir(parents=True)
        for path in shipped(bundle):
            if path.is_dir():
                shutil.copytree(path, folder / path.name)
            else:
                shutil.copy(path, folder)
    for file in zoo.glob(f"*/{_LABELS}"):
        shutil.copy(file, target / file.parent.name)


def _manifest_of(bundle: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((bundle / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _text(manifest: dict[str, Any], table: str, key: str) -> str:
    """Return a text of a manifest; empty if it has none there."""
    values = manifest.get(table)
    value = values.get(key) if isinstance(values, dict) else None
    return value if isinstance(value, str) else ""


if __name__ == "__main__":
    collect(Path(sys.argv[1]), Path(sys.argv[2]))
    for name in extras_of(Path(sys.argv[1])):
        sys.stdout.write(f"-r wheels/requirements-{name}.txt\n")
