"""The task `tensors`: the model's outputs by name, as they are.

It has no settings: [[outputs]] lists the outputs that are returned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from model.elements import to_json
from model.errors import InputError, Problem
from model.tasks.base import Answer, Unwatched

if TYPE_CHECKING:
    from model.bundle.table import Table
    from model.tensors import Tensor


@dataclass(frozen=True, slots=True)
class Tensors(Unwatched):
    """The answers of a model whose outputs only its owner understands."""

    outputs: tuple[Tensor, ...]
    noun: str = "inference"

    def answers(self, outputs: Mapping[str, NDArray[Any]], count: int) -> list[Answer]:
        """Give each instance its share of every output.

        The batch is the first axis. For one instance, an output without it is given whole: the
        time-major output of a recogniser, a recurrent network's state, a number.

        Args:
            outputs: by tensor name.
            count: N, the number of instances.

        Returns:
            N objects {"outputs": {name: nested lists}}; NaN and Infinity are null.

        Raises:
            InputError: several instances, and an output that cannot be divided among them.
        """
        shares = [self._shares_of(one, outputs[one.name], count) for one in self.outputs]
        return [
            {
                "outputs": {
                    one.name: share[n] for one, share in zip(self.outputs, shares, strict=True)
                }
            }
            for n in range(count)
        ]

    @staticmethod
    def _shares_of(tensor: Tensor, output: NDArray[Any], count: int) -> Sequence[Any]:
        """Divide one output among the instances."""
        # A manifest's shapes are hints, but two states of a recurrent network are no batch of 2.
        has_batch = tensor.batched and (not tensor.shape or tensor.shape[0] in (-1, 1))
        if has_batch and output.shape[:1] == (count,):
            shares: Sequence[Any] = to_json(output)
            return shares
        if count > 1:
            expected = f"1 at a time, since the output {tensor.name} has no axis for them"
            raise InputError([Problem("instances", expected, str(count))])
        return [to_json(output)]

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of one answer; shapes are hints, so it says nothing of them."""
        anything = {"type": ["array", "number", "boolean", "string", "null"]}
        properties = {one.name: anything for one in self.outputs}
        outputs = {"type": "object", "properties": properties, "required": list(properties)}
        return {"type": "object", "properties": {"outputs": outputs}, "required": ["outputs"]}


def load(settings: Table, outputs: tuple[Tensor, ...]) -> Tensors:
    """Open the task, which has no settings."""
    return Tensors(outputs)
