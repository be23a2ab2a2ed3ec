"""Outputs as they are: which share each instance gets of which."""

from __future__ import annotations

import numpy as np
import pytest

from model.errors import InputError
from model.tasks.tensors import Tensors
from model.tensors import Tensor


def shares(shape: tuple[int, ...], hint: tuple[int, ...], count: int) -> list[tuple[int, ...]]:
    """Return the shape of each instance's share of one output."""
    task = Tensors((Tensor("y", "float32", hint),))
    answers = task.answers({"y": np.zeros(shape, np.float32)}, count)
    return [np.shape(one["outputs"]["y"]) for one in answers]


@pytest.mark.parametrize(
    ("shape", "hint", "count", "expected"),
    [
        ((3, 2), (-1, 2), 3, [(2,)] * 3),
        ((1, 2), (-1, 2), 1, [(2,)]),
        ((1, 2), (1, 2), 1, [(2,)]),  # a batch of one, asked one by one
        ((3, 2), (1, 2), 3, [(2,)] * 3),
        ((3,), (1,), 3, [()] * 3),  # a hint that is wrong
        ((5, 1, 4), (-1, 1, 4), 1, [(5, 1, 4)]),  # time first
        ((2, 1, 8), (2, -1, 8), 1, [(2, 1, 8)]),  # the states of two layers
        ((), (), 1, [()]),
    ],
)
def test_outputs_are_divided(
    shape: tuple[int, ...],
    hint: tuple[int, ...],
    count: int,
    expected: list[tuple[int, ...]],
) -> None:
    """The first axis is the batch where it can be; one instance gets all that cannot be divided."""
    assert shares(shape, hint, count) == expected


@pytest.mark.parametrize(("shape", "hint"), [((5, 2, 4), (-1, -1, 4)), ((2, 2, 8), (2, -1, 8))])
def test_several_instances_need_a_batch_axis(shape: tuple[int, ...], hint: tuple[int, ...]) -> None:
    """Several instances and an output that is not theirs by the first axis are refused."""
    with pytest.raises(InputError) as caught:
        shares(shape, hint, 2)
    assert str(caught.value) == (
        "instances: expected 1 at a time, since the output y has no axis for them, got 2"
    )
