"""What a model takes, by its inputs: pictures, rows, texts or tensors, and which batch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from model.bake.columns import columns_of, listed
from model.bake.errors import BakeError, Question
from model.bake.graph import Graph
from model.bake.runtime import Runtime, shape_text, stated
from model.bake.sources.base import Hints
from model.bake.wishes import Wishes
from model.errors import counted
from model.recipes.base import Column, Takes
from model.tensors import Tensor

WIDEST_ROW: Final = 2000
"""A wider matrix is a signal or a flattened picture, unless its columns have names."""
USUAL_SIDE: Final = 224
"""Pixels: what is tried while the size is asked."""
MOST_FIXED: Final = 512
"""A larger fixed first axis is not taken for a batch."""

_PIXELS: Final = ("float32", "float16", "float64", "uint8", "int8")
_TOKENS: Final = re.compile(r"ids?$|token|mask|segment|position", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Guess:
    """Something inferred: what, the value, the reason, and the flag that says otherwise."""

    what: str
    value: str
    why: str = ""
    flag: str = ""
    sure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of a model before it runs."""

    runtime: Runtime
    graph: Graph
    hints: Hints
    wishes: Wishes
    columns: tuple[Column, ...] = ()
    """As --columns or a DataFrame states them."""
    measured: tuple[Column, ...] = ()
    """The ranges of a matrix of samples, by place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a model takes.

    Attributes:
        inputs: for the manifest, the batch axis free.
        settings: the manifest's table of the recipe, by its name; empty: only named tensors.
        fixed_batch: how many instances the file runs at a time, no more and no fewer; 0: any.
        has_batch: an axis for several instances exists.
        guesses: what was inferred.
        questions: what could not be, and was assumed to try the rest.
    """

    takes: Takes
    inputs: tuple[Tensor, ...]
    settings: Mapping[str, Any]
    fixed_batch: int
    has_batch: bool
    guesses: tuple[Guess, ...] = ()
    questions: tuple[Question, ...] = ()


def taken_by(facts: Facts, *, prepared: bool = False) -> Taken:
    """Infer what a model takes.

    Args:
        facts: what is known of it.
        prepared: whether a recipe.py prepares the instances, whatever they are.

    Raises:
        BakeError: something must be said by a flag, or a flag does not fit the inputs.
    """
    wishes, inputs = facts.wishes, facts.runtime.inputs
    freed, fixed, has_batch = _batch_of(inputs, facts.runtime.outputs)
    takes = takes_of(freed, named=bool(facts.columns), tokenizer=facts.hints.tokenizer is not None)
    if wishes.takes and wishes.takes != takes:
        if not prepared:
            _require(wishes.takes, freed, takes)
        takes = wishes.takes  # type: ignore[assignment]
    if prepared:
        guess = Guess("takes", takes, "", "--takes image, row, text or tensors")
        return Taken(takes=takes, inputs=freed, settings={}, fixed_batch=fixed,
                     has_batch=has_batch, guesses=(guess,))  # fmt: skip
    infer = {"image": _picture, "row": _rows, "text": _text, "tensors": _nothing}[takes]
    settings, guesses = infer(facts)
    return Taken(
        takes=takes, inputs=freed, settings=settings, fixed_batch=fixed, has_batch=has_batch,
        guesses=(Guess("takes", _words(takes, settings, inputs), "", _flag_of(takes)), *guesses),
        questions=tuple(_size_asked(facts)) if takes == "image" else (),
    )  # fmt: skip


def takes_of(inputs: Sequence[Tensor], *, named: bool = False, tokenizer: bool = False) -> Takes:
    """Tell pictures, rows, texts and tensors apart by the inputs' types and shapes.

    Args:
        inputs: as the file states them.
        named: whether names of columns are known.
        tokenizer: whether a tokenizer came with the model.
    """
    if tokenizer and all(one.dtype in ("int64", "int32") for one in inputs):
        return "text"
    first = inputs[0]
    if len(inputs) == 1:
        if first.dtype == "string" and len(first.shape) in (1, 2) and first.shape[0] in (-1, 1):
            return "text"
        if _is_picture(first):
            return "image"
        if _is_matrix(first, named=named):
            return "row"
    elif len({one.shape[:1] for one in inputs}) == 1 and all(
        _is_column(one) or _is_group(one) for one in inputs
    ):
        return "row"
    return "tensors"


def _is_picture(tensor: Tensor) -> bool:
    return (
        len(tensor.shape) == 4
        and tensor.dtype in _PIXELS
        and tensor.shape[0] in (-1, 1)
        and channels_axis(tensor) is not None
    )


def channels_axis(tensor: Tensor) -> int | None:
    """Return where a picture's one or three channels stand: 1 or 3; None: nowhere."""
    axes = [axis for axis in (1, 3) if tensor.shape[axis] in (1, 3)]
    # Both in [N, 1, 28, 1]: the other is a side, and no side is as small as 3.
    return axes[0] if axes else None


def _is_matrix(tensor: Tensor, *, named: bool) -> bool:
    if len(tensor.shape) != 2 or tensor.dtype == "string":
        return False
    width = tensor.shape[1]
    whole = tensor.dtype in ("int64", "int32")
    if tensor.shape[0] not in (-1, 1) or (whole and _TOKENS.search(tensor.name)):
        return False
    return width > 0 and (named or width <= WIDEST_ROW)


def _is_group(tensor: Tensor) -> bool:
    """Whether an input holds several columns, as a ColumnTransformer's export has them."""
    if tensor.dtype == "string":
        return len(tensor.shape) == 2 and 0 < tensor.shape[1] <= WIDEST_ROW
    return _is_matrix(tensor, named=False)


def _is_column(tensor: Tensor) -> bool:
    return tensor.shape in ((-1,), (1,), (-1, 1), (1, 1))


def _require(wished: str, inputs: Sequence[Tensor], takes: str) -> None:
    """Refuse a wish that the inputs cannot meet."""
    fits = {
        "image": len(inputs) == 1 and _is_picture(inputs[0]),
        "row": (len(inputs) > 1 and takes == "row") or _is_matrix(inputs[0], named=True),
        "text": takes == "text" or any(one.dtype == "string" for one in inputs),
        "tensors": True,
    }[wished]
    if not fits:
        raise BakeError(
            f"--takes {wished}: expected inputs that {_MAKES[wished]} make, got {stated(inputs)}",
            "Leave the flag out, or prepare them in a recipe.py.",
        )


_MAKES: Final = {
    "image": "pictures (one of four axes, 1 or 3 channels)",
    "row": "rows (a matrix of fixed width, or an input a column)",
    "text": "texts (one of strings)",
}


def _batch_of(
    inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> tuple[tuple[Tensor, ...], int, bool]:
    """Free the batch axis that an export has fixed.

    Returns:
        The inputs for the manifest, how many instances the file runs at a time (0: any number), and
        whether there is an axis for instances at all.
    """
    firsts = {one.shape[0] for one in inputs if one.shape}
    fixed = max(firsts, default=0)
    # A first axis of 8 is a batch where all outputs have it, too; of a vector it is its length.
    shared = firsts == {fixed} and all(one.shape[:1] == (fixed,) for one in outputs)
    wide = all(len(one.shape) > 1 for one in inputs)
    # Beside a free first axis, a fixed one is of something else: a state's layers, a threshold.
    if firsts == {fixed} and (fixed == 1 or (1 < fixed <= MOST_FIXED and shared and wide)):
        freed = tuple(
            replace(one, shape=(-1, *one.shape[1:])) if one.shape else one for one in inputs
        )
        return freed, fixed, True
    return tuple(inputs), 0, -1 in firsts


def _picture(facts: Facts) -> tuple[Mapping[str, Any], list[Guess]]:
    """Settings of [picture], except for the scaling of float pixels."""
    tensor = facts.runtime.inputs[0]
    axis = channels_axis(tensor)
    stated_keys = _stated_picture(facts)
    size = [side or USUAL_SIDE for side in _size_of(facts)]
    wished = list(facts.wishes.picture.get("size", size))
    if wished != size:
        raise BakeError(
            "--size or --like: expected the model's own height and width, "
            f"{size[0]} x {size[1]}, got {wished[0]} x {wished[1]}",
            "Leave it out: every picture is brought to the model's size.",
        )
    channels = tensor.shape[axis or 1]
    colours = "gray" if channels == 1 else stated_keys.get("colours", "rgb")
    if (colours == "gray") != (channels == 1):
        raise BakeError(f"--colours {colours}: the model's pictures have {channels} channels")
    picture = {
        **stated_keys, "size": size, "colours": colours,
        "fit": stated_keys.get("fit", "stretch"),
    }  # fmt: skip
    if tensor.dtype in ("uint8", "int8"):
        picture = {"scale": 1.0, "shift": 0.0 if tensor.dtype == "uint8" else -128.0} | picture
    guesses = [Guess("fit", picture["fit"], "", "--fit crop or letterbox")]
    if channels == 3 and "colours" not in stated_keys:
        guesses.append(Guess("colours", "rgb", "most models' order", "--colours bgr", sure=False))
    return {"picture": picture}, guesses


def _stated_picture(facts: Facts) -> dict[str, Any]:
    """Return the keys of [picture] that are stated anywhere, flags last."""
    return {**_metadata(facts.graph), **facts.hints.picture, **facts.wishes.picture}


def _size_of(facts: Facts) -> tuple[int, ...]:
    """Return height and width; 0: free, and nothing states it."""
    tensor = facts.runtime.inputs[0]
    sides = tensor.shape[2:] if channels_axis(tensor) == 1 else tensor.shape[1:3]
    wished = _stated_picture(facts).get("size", (0, 0))
    return tuple(a if a > 0 else b for a, b in zip(sides, wished, strict=True))


def _size_asked(facts: Facts) -> Iterator[Question]:
    if 0 in _size_of(facts):
        yield Question(
            f"its input {stated(facts.runtime.inputs)} takes pictures of any size",
            "Say the height and width of those that it learnt from: --size 224x224",
        )


def _metadata(graph: Graph) -> dict[str, Any]:
    """Read what WinML's and Ultralytics' exports say of pictures.

    Source: onnx/docs/MetadataProps.md, "Image.BitmapPixelFormat", "Image.NominalPixelRange";
    ultralytics/engine/exporter.py: `names`, `imgsz`, `stride`, pixels from 0 to 1.
    """
    found: dict[str, Any] = {}
    layout = graph.metadata.get("Image.BitmapPixelFormat", "").lower()
    if layout[:3] in ("rgb", "bgr"):
        found["colours"] = layout[:3]
    scale = {
        "NominalRange_0_255": (1.0, 0.0), "Normalized_0_1": (1 / 255, 0.0),
        "Normalized_1_1": (2 / 255, -1.0),
    }.get(graph.metadata.get("Image.NominalPixelRange", ""))  # fmt: skip
    sizes = re.findall(r"\d+", graph.metadata.get("imgsz", ""))
    if len(sizes) == 2 and "stride" in graph.metadata:
        found |= {"size": tuple(map(int, sizes)), "colours": "rgb", "fit": "letterbox"}
        scale = (1 / 255, 0.0)
    if scale:
        found["scale"], found["shift"] = scale
    return found


def _rows(facts: Facts) -> tuple[Mapping[str, Any], list[Guess]]:
    known = facts.columns or facts.hints.columns
    measured = (facts.hints.columns, facts.measured)
    tables, why, sure = columns_of(facts.runtime.inputs, known, facts.graph, measured)
    names = listed([one["name"] for one in tables])
    guess = Guess("columns", names, why, "--columns a,b,c or FILE.csv", sure=sure)
    return {"rows": {"columns": tables}}, [guess]


def _nothing(facts: Facts) -> tuple[Mapping[str, Any], list[Guess]]:
    return {}, []


def _text(facts: Facts) -> tuple[Mapping[str, Any], list[Guess]]:
    tokenizer = facts.hints.tokenizer
    if tokenizer is None:
        return {"text": {}}, []
    digest = hashlib.sha256(tokenizer.read_bytes()).hexdigest()
    return {"text": {"tokenizer": tokenizer.name, "sha256": digest}}, []


def _words(takes: str, settings: Mapping[str, Any], inputs: Sequence[Tensor]) -> str:
    """Say what an instance is, as a person would."""
    if takes == "image":
        picture = settings["picture"]
        kind = "a gray picture" if picture["colours"] == "gray" else "a picture"
        return f"{kind}, {picture['size'][0]} x {picture['size'][1]}"
    if takes == "row":
        return f"a row of {counted(len(settings['rows']['columns']), 'column')}"
    if takes == "text":
        return "a text"
    return "tensors: " + ", ".join(f"{one.name} {shape_text(one.shape)}" for one in inputs)


def _flag_of(takes: str) -> str:
    return "" if takes == "tensors" else "--takes tensors"
