"""A source: one format that a model is brought in, and the way from it to ONNX.

A source is one file here, with two functions:

    recognises(path: Path, head: bytes) -> bool
    open(path: Path, work: Path, say: Say) -> Original

`head` is the file's first HEAD_BYTES bytes, empty for a folder: a source goes by these, or by what
lies in the folder, never by a name alone. `open` may write into `work`, an empty folder that lives
as long as the baking. A format that cannot be served is a source too: its `open` raises a BakeError
that says what to do instead.

A source of live objects has two more, and neither needs the other two to be of use:

    recognises_object(model: Any) -> bool
    open_object(model: Any, samples: Any, work: Path, say: Say) -> Original

`recognises_object` imports nothing: it goes by the modules that the object's classes name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.recipes.base import Column, Feeds

HEAD_BYTES: Final = 4096

Say = Callable[[str], None]
"""Reports one line of progress, for what may take more than two seconds."""

Run = Callable[[Feeds], dict[str, NDArray[Any]]]
"""Asks the original: arrays by the names of the ONNX file's inputs -> by those of its outputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a source knows of a model besides its graph; each may be empty.

    Attributes:
        name: what the model is called where it comes from.
        labels: of a classifier, in the order of its scores.
        columns: of a row, in order.
        task: a file of model/tasks.
        picture: keys of the manifest's [picture]: size, fit, colours, scale, shift.
        answer: keys of the manifest's [answer]: scale and shift of a quantised output, apply.
        tokenizer: a tokenizer.json, for a model of token ids.
        samples: instances, as `bake` takes them.
        licence: an SPDX identifier, or what the source says.
        description: one sentence.
        tolerance: how far the ONNX file may be from the original, relative to the largest number;
            None: 1e-3. A quantised model may need more: the difference is told in any case.
        notes: lines for the person who bakes.
    """

    name: str = ""
    labels: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    task: str = ""
    picture: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: Path | None = None
    samples: tuple[Any, ...] = ()
    licence: str = ""
    description: str = ""
    tolerance: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A model as it was brought, and as ONNX.

    Attributes:
        format: as in the manifest's made_from: "keras-hdf5"; "onnx" if nothing was converted.
        summary: for the first line: "Keras 3, HDF5".
        onnx: the ONNX file, the original itself or a conversion in the working folder; its external
            data beside it.
        run: asks the original, so that the conversion can be proven; None: nothing to prove.
        hints: what else the source knows.
    """

    format: str
    summary: str
    onnx: Path
    run: Run | None = None
    hints: Hints = Hints()


def modules_of(model: Any) -> set[str]:
    """Return the packages of an object's classes: {"sklearn"} for one of scikit-learn's."""
    return {one.__module__.partition(".")[0] for one in type(model).__mro__} - {"builtins"}


def class_labels(model: Any) -> tuple[str, ...]:
    """Return the names of a classifier's classes, in the order of its probabilities."""
    classes = getattr(model, "classes_", ())
    return tuple(str(one) for one in classes) if np.ndim(classes) == 1 else ()
