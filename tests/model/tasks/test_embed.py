"""Vectors: as they are, or made of those of the tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.bundle.table import Table
from model.errors import EngineError
from model.tasks.embed import Embed, load
from model.tensors import Tensor

OUTPUT = Tensor("v", "float32", (-1, -1))


def task_of(**settings: Any) -> Embed:
    """Open the task with these settings, all of them read."""
    table = Table(Path(), settings, [])
    task = load(table, (OUTPUT,))
    table.close()
    assert table.problems == []
    return task


def vectors(array: Any, task: Embed, **inputs: Any) -> list[list[float]]:
    """Return the embeddings of a batch."""
    outputs = {"v": np.asarray(array, np.float32), **inputs}
    return [one["embedding"] for one in task.answers(outputs, len(array))]


def test_vectors_are_given_as_they_are() -> None:
    """[N, D] and [N, 1, D] are N vectors, of length one where that is asked for."""
    assert vectors([[0.1, 2], [3, 4]], task_of()) == [[0.1, 2.0], [3.0, 4.0]]
    assert vectors([[[0.1, 2]]], task_of()) == [[0.1, 2.0]]
    assert vectors([[3, 4], [0, 0]], task_of(normalise=True)) == [[0.6, 0.8], [0.0, 0.0]]
    task = task_of()
    assert (task.labels, task.features, task.watched([])) == ((), (), {})
    assert list(task.schema()["properties"]) == ["embedding"]


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [("mean", [2.0, 3.0]), ("max", [3.0, 4.0]), ("first", [1.0, 2.0])],
)
def test_tokens_are_pooled(pooling: str, expected: list[float]) -> None:
    """What the mask leaves out does not count, however far padding goes."""
    tokens = [[[1, 2], [3, 4], [99, 99]], [[1, 2], [3, 4], [5, 6]]]
    mask = np.array([[1, 1, 0], [1, 1, 1]])
    first, _ = vectors(tokens, task_of(pooling=pooling, mask="mask"), mask=mask)
    assert first == expected
    assert vectors(np.array(tokens)[:1, :2], task_of(pooling=pooling)) == [expected]


@pytest.mark.parametrize(
    ("shape", "settings", "expected"),
    [
        (
            (1, 2, 3),
            {},
            "the output v of shape [1, 2, 3] has a vector per token: "
            'pooling = "mean", "max" or "first" makes one of them',
        ),
        ((1, 3), {"pooling": "mean"}, "expected an output v of shape [1, T, D], got [1, 3]"),
        (
            (1, 2, 3),
            {"pooling": "mean", "mask": "m"},
            "expected an input m of shape [1, 2], the mask, got [0]",
        ),
    ],
)
def test_other_outputs_are_the_engines_fault(
    shape: tuple[int, ...], settings: dict[str, Any], expected: str
) -> None:
    """What is no vector is told by its shape, with the setting that makes one of it."""
    with pytest.raises(EngineError) as caught:
        vectors(np.zeros(shape), task_of(**settings))
    assert str(caught.value) == expected
