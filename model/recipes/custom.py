"""The recipe `custom`: the bundle's own recipe.py prepares the model's inputs.

recipe = "custom"

[custom]                   model/bundle/recipe_file.py
file = "recipe.py"
sha256 = "…"
takes = "image"            image, row or text

`prepare` gets a list of instances: pictures as uint8[h, w, 3], decoded as safely as for every other
recipe, upright, in RGB and at full size; rows as the caller sent them, lists or objects; or texts.
It returns the arrays of all of the model's inputs by name. Arrays whose names begin with an
underscore are not the model's: they go to `answer`, as the sizes do that a detector's boxes need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from model.bundle.recipe_file import RECIPE_FILE, Function, owners_code, read_function
from model.errors import EngineError, InputError, Problem, kind_of
from model.pictures.decode import decode_each
from model.pictures.example import EXAMPLE
from model.pictures.shown import shown
from model.recipes.base import Description, Feeds, NotedFeeds, Takes
from model.tensors import Tensor

if TYPE_CHECKING:
    from model.bundle.table import Table

_SUBJECTS: Final = {"image": "image", "row": "table", "text": "text"}
_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "image": {"type": "string", "contentEncoding": "base64"},
    "row": {"anyOf": [{"type": "array"}, {"type": "object"}]},
    "text": {"type": "string"},
}
_EXAMPLES: Final[dict[str, Any]] = {"image": EXAMPLE, "row": {}, "text": "A text."}


@dataclass(frozen=True, slots=True)
class Custom:
    """A recipe of the bundle's own."""

    path: Path
    prepare: Function
    inputs: tuple[Tensor, ...]
    takes: Takes

    def tensors(self, instances: Sequence[Any], *, max_pixels: int) -> Feeds:
        """Hand the instances to `prepare`, and check what it returns.

        Raises:
            InputError: an invalid picture, row or text, or what `prepare` refuses by ValueError.
            EngineError: `prepare` failed, or returned other arrays than the model takes.
        """
        given = self._given(instances, max_pixels)
        with owners_code("prepare", f"{self.takes}s", self.path):
            return self._checked(self.prepare(given), len(given))

    def _given(self, instances: Sequence[Any], max_pixels: int) -> list[Any]:
        if self.takes == "image":
            with closing(decode_each(instances, max_pixels=max_pixels, draft_side=0)) as decoded:
                # Copies, since Pillow's own memory cannot be written to.
                return [np.array(shown(picture, "RGB")) for _, picture in decoded]
        kinds, expected = (str, "a text") if self.takes == "text" else (_ROW, "a list or an object")
        problems = [
            Problem(f"{self.takes}s[{n}]", expected, kind_of(one))
            for n, one in enumerate(instances)
            if not isinstance(one, kinds)
        ]
        if problems:
            raise InputError(problems)
        return list(instances)

    def _checked(self, result: Any, count: int) -> Feeds:
        """Require the arrays that the manifest states; set aside those that are for `answer`."""
        stated = {one.name: one for one in self.inputs}
        given = list(map(str, result)) if isinstance(result, Mapping) else []
        notes = {name for name in given if name.startswith("_")} - set(stated)
        if set(given) - notes != set(stated):
            got = sorted(given) if isinstance(result, Mapping) else type(result).__name__
            raise _wrong(f"arrays by the names {sorted(stated)}", got)
        feeds = NotedFeeds({name: _array(result[name], one, count) for name, one in stated.items()})
        feeds.notes = {name: np.asarray(result[name]) for name in notes}
        return feeds

    def describe(self) -> Description:
        """Describe an instance as far as it is known from outside of the code."""
        return Description(
            takes=self.takes,
            subject=_SUBJECTS[self.takes],
            schema=_SCHEMAS[self.takes],
            example=_EXAMPLES[self.takes],
            tensors=self.inputs,
            media_types=("image/*",) if self.takes == "image" else (),
        )

    def features(self, feeds: Feeds) -> Feeds:
        """Return nothing: what the arrays mean is not known here."""
        return {}


_ROW: Final = (list, tuple, Mapping)


def _array(value: Any, tensor: Tensor, count: int) -> NDArray[Any]:
    """Require an array of the tensor's dtype and shape, for as many instances as were given."""
    if not isinstance(value, np.ndarray):
        raise _wrong(f"an array {tensor.name}", type(value).__name__)
    shape = (count, *tensor.shape[1:]) if tensor.has_batch else tensor.shape
    fits = value.ndim == len(shape) and all(
        ours in (-1, size) for ours, size in zip(shape, value.shape, strict=True)
    )
    is_text = tensor.dtype == "string" and value.dtype.kind in "OU"
    if not fits or not (is_text or value.dtype.name == tensor.dtype):
        got = f"{value.dtype} of shape {list(value.shape)}"
        raise _wrong(f"{tensor.name} of {tensor.dtype} and shape {list(shape)}", got)
    return value.astype(object) if is_text else value


def _wrong(expected: str, got: object) -> EngineError:
    return EngineError(f"{RECIPE_FILE}, prepare: expected {expected}, got {got}")


def load(settings: Table, inputs: tuple[Tensor, ...]) -> Custom:
    """Load recipe.py, and open the recipe that its `prepare` is."""
    takes = settings.choice("takes", tuple(_SUBJECTS))
    prepare = read_function(settings, "prepare")
    # Without the function there is a problem, and the recipe is never used.
    return Custom(
        settings.folder / RECIPE_FILE, prepare or dict, inputs, cast("Takes", takes or "text")
    )
