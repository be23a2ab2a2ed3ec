"""
What a recipe is: the way from instances, as a caller sends them, to the arrays of a model.

A recipe is one file or folder here, named as the manifest names it, with a function `load`:

    load(manifest: Manifest) -> Recipe

Nothing else knows it by name: what a form, a slider, a document or a protocol needs to know of a
model's input stands in `Description`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from model.tensors import Tensor

Takes = Literal["image", "row", "text", "tensors"]
Feeds = dict[str, NDArray[Any]]
"""Arrays by tensor name; the first axis of each is the batch."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a row: its name, and its unit and usual range where they are known."""

    name: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """
    What a recipe takes and makes, in words that every door, protocol and page understands.

    Attributes:
        takes: what payloads call one instance.
        subject: what the kind of model is named after: "image" as in "image-classification".
        schema: the JSON schema of one instance in a JSON payload.
        example: one instance in a JSON payload that the recipe accepts.
        media_types: what may be sent as a body or in a form field; none: JSON only.
        columns: of a row, in order, each a slider where its range is known.
        tensors: the arrays that the recipe makes.
        features: the numbers that drift watches.
    """

    takes: Takes
    subject: str
    schema: Mapping[str, Any]
    example: Any
    tensors: tuple[Tensor, ...]
    media_types: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    features: tuple[str, ...] = ()


class Recipe(Protocol):
    """The preparation of one model's instances."""

    @property
    def takes(self) -> Takes:
        """What payloads call one instance."""
        ...

    def tensors(self, instances: Sequence[Any], *, max_pixels: int) -> Feeds:
        """
        Prepare instances for the engine.

        Args:
            instances: N of them, N >= 0: bytes of pictures, rows, texts.
            max_pixels: most pixels of one picture, and of all together as they are decoded.

        Raises:
            InputError: instances that are wrong; says which and how.
        """
        ...

    def describe(self) -> Description:
        """Describe what this recipe takes and makes."""
        ...

    def features(self, feeds: Feeds) -> Feeds:
        """
        Compute what drift watches.

        Args:
            feeds: what `tensors` made of N instances.

        Returns:
            Each [N], by the names in the description and in their order.
        """
        ...
