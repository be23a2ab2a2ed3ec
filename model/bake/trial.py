"""Try a model: one instance, another, and both together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bake.errors import BakeError
from model.bake.infer import Taken
from model.bake.runtime import Arrays, RunError, Runtime
from model.bake.samples import Sample
from model.errors import InputError
from model.predictor import DEFAULT_MAX_PIXELS
from model.recipes.base import Recipe
from model.tensors import Feeds, NamedInputs, Tensor, to_feeds

CLOSE: Final = 1e-4
"""How far an answer may move when its instance has company, relative to the largest number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of the trial.

    Attributes:
        feeds, runs: the arrays of each instance, and its outputs.
        batch: how many instances the engine may be asked together; None: any number; 0: there is
            no axis for them, though the first is free.
        said: what to tell of it.
        outputs: for the manifest, the first axis free where it is the batch.
    """

    feeds: list[Feeds]
    runs: list[Arrays]
    batch: int | None
    said: str
    outputs: tuple[Tensor, ...]


def feeds_of(recipe: Recipe, sample: Sample, inputs: Sequence[Tensor]) -> Feeds:
    """Prepare one instance.

    Raises:
        BakeError: the model does not take such an instance.
    """
    try:
        if isinstance(sample.instance, NamedInputs):
            return to_feeds(sample.instance.values, inputs)
        return recipe.tensors([sample.instance], max_pixels=DEFAULT_MAX_PIXELS)
    except InputError as exc:
        raise BakeError(f"{sample.name} does not fit the model: {exc}") from exc


def try_model(
    runtime: Runtime, recipe: Recipe, samples: Sequence[Sample], taken: Taken, *, seeded: bool
) -> Tried:
    """Run each instance by itself and the first two together.

    Args:
        runtime: the model.
        recipe: prepares its instances.
        samples: two or more, unless there is only one real one.
        taken: what the model takes.
        seeded: whether the samples are made up.

    Raises:
        BakeError: a run fails, or gives NaN.
    """
    if taken.fixed_batch > 1:
        runtime.fill_up(taken.fixed_batch, taken.inputs)
    feeds = [feeds_of(recipe, sample, taken.inputs) for sample in samples]
    runs = [_run(runtime, one, sample, seeded) for one, sample in zip(feeds, samples, strict=True)]
    batch, said, together = _batch_of(runtime, taken, feeds, runs)
    outputs = runtime.outputs
    if batch != 0:
        outputs = tuple(_shaped(one, runs[0], together, taken) for one in outputs)
    return Tried(feeds=feeds, runs=runs, batch=batch, said=said, outputs=outputs)


def _run(runtime: Runtime, feeds: Feeds, sample: Sample, seeded: bool) -> Arrays:
    ask = (
        "Show it a real input: --sample FILE (a picture, a .csv or .json row, or a .npz of inputs)"
    )
    try:
        outputs = runtime.run(feeds)
    except RunError as exc:
        what = "made-up inputs" if seeded else sample.name
        do = ask if seeded else "Compare it with what the model takes, above."
        raise BakeError(f"it fails on {what}: {exc}", do) from exc
    broken = [name for name, array in outputs.items() if _has_nan(array)]
    if broken:
        what = "made-up inputs" if seeded else sample.name
        do = ask if seeded else "Find out in the framework that it came from why it does."
        raise BakeError(f"it answers {what} with NaN in {', '.join(broken)}", do)
    return outputs


def _has_nan(array: NDArray[Any]) -> bool:
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def _batch_of(
    runtime: Runtime, taken: Taken, feeds: Sequence[Feeds], runs: Sequence[Arrays]
) -> tuple[int | None, str, Arrays | None]:
    """Find out whether two instances together are answered as each alone."""
    if taken.fixed_batch == 1:
        return 1, "the file allows one at a time: the engine is asked one by one", None
    if taken.fixed_batch:
        return (
            taken.fixed_batch,
            f"the file runs {taken.fixed_batch} at a time: fewer are filled up",
            None,
        )
    if not taken.has_batch:
        return None, "no axis for several: one request, one instance", None
    pair = _joinable(feeds, taken.inputs)
    if pair is None:
        return None, "not tried: no two samples of one shape", None
    first, second = pair
    both = _together(feeds[first], feeds[second], taken.inputs)
    try:
        together = runtime.run(both)
    except RunError as exc:
        return 1, f"two together fail, so the engine is asked one by one ({exc})", None
    if _equal(together, runs[first], runs[second]):
        return None, "two together answer as each alone", together
    if not all(one.has_batch for one in taken.inputs) and _are_parts(together):
        return 0, "no axis for several: the first is of parts of one instance", None
    return 1, "two together answer otherwise than each alone: the engine is asked one by one", None


def _joinable(feeds: Sequence[Feeds], inputs: Sequence[Tensor]) -> tuple[int, int] | None:
    """Return two instances that differ and can stand in one batch."""
    for second in range(1, len(feeds)):
        for first in range(second):
            one, other = feeds[first], feeds[second]
            fits = all(
                one[t.name].shape == other[t.name].shape
                and (t.has_batch or np.array_equal(one[t.name], other[t.name]))
                for t in inputs
            )
            if fits and not all(np.array_equal(one[t.name], other[t.name]) for t in inputs):
                return first, second
    return None


def _together(one: Feeds, other: Feeds, inputs: Sequence[Tensor]) -> Feeds:
    return {
        t.name: np.concatenate([one[t.name], other[t.name]]) if t.has_batch else one[t.name]
        for t in inputs
    }


def _equal(together: Arrays, first: Arrays, second: Arrays) -> bool:
    return all(
        both.shape[:1] == (2,)
        and is_close(both[:1], first[name])
        and is_close(both[1:], second[name])
        for name, both in together.items()
    )


def _are_parts(together: Arrays) -> bool:
    """Whether some outputs belong to both instances at once, as the state after a sequence."""
    return any(array.shape[:1] != (2,) for array in together.values())


def is_close(got: NDArray[Any], expected: NDArray[Any], tolerance: float = CLOSE) -> bool:
    """Whether arrays are equal, floating numbers within a share of the largest."""
    if got.shape != expected.shape:
        return False
    if expected.dtype.kind != "f":
        return bool(np.array_equal(got, expected))
    return difference_of(got, expected) <= tolerance


def difference_of(got: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return the largest difference, relative to the largest number (or to 1e-6).

    Of bytes it is relative to all that they can say: one step of a quantised number is little,
    however small the number.
    """
    if not expected.size:
        return 0.0
    ours, theirs = got.astype(np.float64), expected.astype(np.float64)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    finite = np.abs(theirs[np.isfinite(theirs)])
    least = 255.0 if expected.dtype.itemsize == 1 else 1e-6
    largest = max(float(finite.max(initial=0.0)), least)
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(ours - theirs))
    return float(np.nan_to_num(apart, nan=np.inf).max()) / largest


def _shaped(
    output: Tensor, alone: Mapping[str, NDArray[Any]], together: Arrays | None, taken: Taken
) -> Tensor:
    """State an output's shape as it came, the axes that the file leaves free being free."""
    shape = alone[output.name].shape
    known = output.shape if len(output.shape) == len(shape) else (-1,) * len(shape)
    sizes = [size if known[axis] > 0 else -1 for axis, size in enumerate(shape)]
    if sizes:
        has_batch = together is not None or (taken.has_batch and shape[0] == 1)
        sizes[0] = -1 if has_batch else shape[0]
        if len(output.shape) != len(shape):  # a ZipMap: the width is the number of labels
            sizes[1:] = shape[1:]
    return replace(output, shape=tuple(sizes))
