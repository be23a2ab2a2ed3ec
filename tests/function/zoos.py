"""A zoo of the tests' own making: the irises in three versions, two of them with labels."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from function.service import Service
from function.settings import ZOO
from model.predictor import DEFAULT_MAX_PIXELS

VERSIONS: Final = ("2", "9", "10")


def write_zoo(zoo: Path, *versions: str) -> Path:
    """Copy the irises' bundle once a version; the labels are written by who wants some."""
    for version in versions or VERSIONS:
        bundle = zoo / "iris" / version
        shutil.copytree(ZOO / "iris", bundle, ignore=shutil.ignore_patterns("__pycache__"))
        manifest = bundle / "model.toml"
        text = manifest.read_text(encoding="utf-8")
        replaced = text.replace('version = "1"', f'version = "{version}"')
        manifest.write_text(replaced, encoding="utf-8")
    return zoo


def labelled_zoo(zoo: Path) -> Path:
    """Write the irises in three versions: `stable` is the first of them, `next` the last."""
    write_zoo(zoo)
    (zoo / "iris" / "labels.toml").write_text('stable = "2"\nnext = "10"\n', encoding="utf-8")
    return zoo


def served(zoo: Path, *names: str) -> Service:
    """Load some models of a zoo, or all."""
    return Service.load(zoo, names, max_pixels=DEFAULT_MAX_PIXELS)
