"""What all engines share: shapes spelt our way, and reasons in a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model.engines import unreadable
from model.engines.base import require, require_shape, shape_of
from model.errors import ArtefactError


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        (["batch", 28, None, 0, -1], (-1, 28, -1, -1, -1)),
        ((None, 3), (-1, 3)),
        ([1], (1,)),
        ([], ()),
    ],
)
def test_shapes_are_spelt_our_way(axes: Any, expected: tuple[int, ...]) -> None:
    """Names, None, nought and less stand for any size."""
    assert shape_of(axes) == expected


@pytest.mark.parametrize("got", [(-1, 3), (-1, -1)])
def test_a_shape_that_fits_is_let_pass(got: tuple[int, ...]) -> None:
    """A file may leave free what the manifest fixes."""
    require_shape(Path("tiny.onnx"), "an input", expected=(-1, 3), got=got)


@pytest.mark.parametrize("got", [(1, 3), (-1, 4), (-1,), (-1, 3, 1), ()])
def test_a_shape_that_does_not_fit_is_refused(got: tuple[int, ...]) -> None:
    """A file may not fix the batch, nor have another size or another number of axes."""
    with pytest.raises(ArtefactError) as caught:
        require_shape(Path("tiny.onnx"), "an input", expected=(-1, 3), got=got)
    assert str(caught.value) == f"tiny.onnx: expected an input of shape [-1, 3], got {list(got)}"


def test_a_property_is_compared() -> None:
    """What is equal passes, what differs is told."""
    require(Path("tiny.onnx"), "the number of inputs", expected=1, got=1)
    with pytest.raises(ArtefactError) as caught:
        require(Path("tiny.onnx"), "the number of inputs", expected=1, got=2)
    assert str(caught.value) == "tiny.onnx: expected the number of inputs 1, got 2"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("broken\nat byte 7", "broken"),
        ("\nbroken", "broken"),
        ("", "ValueError"),
        ("\n", "ValueError"),
    ],
)
def test_an_engines_reason_is_one_line(message: str, reason: str) -> None:
    """Of an engine's complaint the first line is kept; without one, the error's kind."""
    error = unreadable(Path("tiny.onnx"), "LiteRT", ValueError(message))
    assert str(error) == f"tiny.onnx: expected a model that LiteRT reads, got {reason}"
