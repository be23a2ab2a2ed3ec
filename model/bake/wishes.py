"""What the person who bakes says of the model: everything else is inferred."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from model.bake.errors import BakeError, require_file
from model.bake.pixels import SCALINGS
from model.bake.runtime import DEADLINE_S
from model.bundle.table import NAME
from model.recipes.base import Takes

TASKS: Final = ("classify", "regress", "embed", "tensors")
FITS: Final = ("stretch", "crop", "letterbox")
COLOURS: Final = ("gray", "rgb", "bgr")


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """The flags of `lambake bake` and the keywords of `bake`, checked; empty: to be inferred.

    Attributes:
        name, version: of the bundle.
        labels: of the classes, in the order of the scores.
        task, takes: how outputs become answers; what an instance is.
        pixels: a scaling of pixels.SCALINGS.
        picture: keys of [picture] that are set: size, fit, colours, scale, shift.
        recipe: a recipe.py to take over, or the name of one of model/recipes.
        licence, description, training, metrics: notes of the manifest.
        reference: a table of the data that the model learnt from.
        deadline_s: the most seconds that one run may take.
    """

    name: str = ""
    version: str = "1"
    labels: tuple[str, ...] = ()
    task: str = ""
    takes: str = ""
    pixels: str = ""
    picture: Mapping[str, Any] = field(default_factory=dict)
    recipe: str = ""
    licence: str = ""
    description: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    reference: Path | None = None
    deadline_s: float = DEADLINE_S

    def __post_init__(self) -> None:
        """Refuse what can be nothing.

        Raises:
            BakeError: says which.
        """
        require_one_of("--task", self.task, TASKS)
        require_one_of("--takes", self.takes, get_args(Takes))
        require_one_of("--pixels", self.pixels, tuple(SCALINGS))
        require_one_of("--fit", str(self.picture.get("fit", "")), FITS)
        require_one_of("--colours", str(self.picture.get("colours", "")), COLOURS)
        for flag, name in (("--name", self.name), ("--version", self.version)):
            if name and not NAME.fullmatch(name):
                raise BakeError(f"{flag}: expected letters, digits, '.', '_', '-', got {name!r}")
        if self.version == "latest":
            raise BakeError("--version: 'latest' means the highest version; give this one a number")
        if self.reference:
            require_file("--reference", self.reference)
        if not self.deadline_s > 0:
            raise BakeError(f"--deadline: expected more than 0 seconds, got {self.deadline_s:g}")

    def require_pictures(self, takes: str) -> None:
        """Refuse what is said of pictures for a model that takes none.

        Raises:
            BakeError: names the flags.
        """
        said = {"--pixels": self.pixels} | {f"--{key}": self.picture.get(key)
                for key in ("size", "fit", "colours")}  # fmt: skip
        flags = [flag for flag, value in said.items() if value]
        if flags and takes != "image" and not self.recipe:
            raise BakeError(
                f"{', '.join(flags)}: said of pictures, and the model takes {takes} instances",
                "Leave it out, or say --takes image.",
            )


def require_one_of(flag: str, given: str, known: Sequence[str]) -> None:
    """Refuse a word that is none of those known; none at all is fine."""
    if given and given not in known:
        raise BakeError(f"{flag}: expected one of {', '.join(known)}, got {given!r}")


def labels_in(given: str | Path | Sequence[Any] | Mapping[Any, Any]) -> tuple[str, ...]:
    """Read labels.

    Args:
        given: the labels; or "a,b,c"; or a file with one on each line, or with JSON: a list, labels
            by number, or numbers by label, as Keras's class_indices.

    Raises:
        BakeError: the file cannot be read, or a label is empty.
    """
    found = _read_labels(given) if isinstance(given, str | Path) else given
    if isinstance(found, Mapping):
        by_label = all(isinstance(value, int) for value in found.values())
        pairs = [(v, k) for k, v in found.items()] if by_label else list(found.items())
        found = [label for _, label in sorted(pairs, key=lambda pair: int(pair[0]))]
    labels = [str(label).strip() for label in found]
    if not labels or not all(labels):
        raise BakeError(
            f"--labels: expected labels, got an empty one at {(labels or ['']).index('') + 1}"
        )
    return tuple(labels)


def _read_labels(given: str | Path) -> Any:
    path = Path(given)
    if not path.is_file():
        if path.suffix in (".txt", ".json", ".csv") or path.is_dir():
            require_file("--labels", path)
        return str(given).split(",")
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".json":
            return json.loads(text)
    except (OSError, ValueError) as exc:
        raise BakeError(f"--labels: {path} cannot be read: {exc}") from exc
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def size_in(given: str) -> tuple[int, int]:
    """Read a size in pixels: HEIGHTxWIDTH, or one number for both.

    Raises:
        BakeError: it is neither.
    """
    found = re.fullmatch(r"(\d{1,5})(?:[x×,](\d{1,5}))?", given.strip())
    if not found or int(found[1]) * int(found[2] or 1) == 0:
        raise BakeError(f"--size: expected HEIGHTxWIDTH in pixels, as in 224x224, got {given!r}")
    return int(found[1]), int(found[2] or found[1])
