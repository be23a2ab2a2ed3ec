"""The recipe `tensors`: none. The model takes its inputs by name, as `{"inputs": {…}}`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from model.errors import InputError, Problem, kind_of
from model.recipes.base import Description, Feeds, Takes
from model.tensors import Tensor, example_of, schema_of

if TYPE_CHECKING:
    from model.bundle.table import Table


@dataclass(frozen=True, slots=True)
class Tensors:
    """The recipe of a model whose inputs only its owner understands."""

    inputs: tuple[Tensor, ...]
    takes: Takes = "tensors"

    def tensors(self, instances: Sequence[Any], *, max_pixels: int) -> Feeds:
        """Refuse instances: there is nothing that would make tensors of them.

        Raises:
            InputError: always.
        """
        raise InputError([Problem("body", '{"inputs": {…}}', kind_of(instances))])

    def describe(self) -> Description:
        """Describe every input; the schema and the example are those of `inputs`."""
        return Description(
            takes=self.takes,
            subject="tensor",
            schema=schema_of(self.inputs),
            example=example_of(self.inputs),
            tensors=self.inputs,
        )

    def features(self, feeds: Feeds) -> Feeds:
        """Return nothing: no number of a tensor has a meaning of its own."""
        return {}


def load(settings: Table, inputs: tuple[Tensor, ...]) -> Tensors:
    """Open the recipe, which has no settings."""
    return Tensors(inputs)
