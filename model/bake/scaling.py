"""Settle how a model's float pixels are scaled, or ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from model.bake.errors import Question
from model.bake.infer import Guess, Taken
from model.bake.pixels import ASK, SCALINGS, scaling_named, scalings_for, stands_out, table_of
from model.bake.samples import Sample
from model.bake.vectors import is_answered
from model.tasks.base import Answer
from model.tensors import NamedInputs

Ask = Callable[[Mapping[str, Any], Sequence[Sample]], list[Answer]]
"""Asks the model with these settings of [picture]."""

_FLAG = "--pixels=0..1, -1..1, 0..255, imagenet, caffe"


def settled(taken: Taken, wished: str, samples: Sequence[Sample], ask: Ask) -> tuple[Taken, Guess]:
    """Return what the model takes with the scaling of its pixels.

    Args:
        taken: with [picture].
        wished: --pixels; empty: not given.
        samples: real ones; some labelled or arrays, where nothing states the scaling.
        ask: asks the model.

    Raises:
        BakeError: they do not tell the scaling.
    """
    picture = taken.settings["picture"]
    colours = picture["colours"]
    if wished:
        scaling, guess = scaling_named(wished, colours), Guess("pixels", wished)
    elif "scale" in picture:
        scaling, guess = (
            {},
            Guess(
                "pixels",
                _text(picture),
                "stated with the model" if _is_float(taken) else "whole numbers",
                _FLAG,
            ),
        )
    elif (found := _range_of(samples)) is not None:
        why = "the range of the samples"
        scaling, guess = scaling_named(found, colours), Guess("pixels", found, why, _FLAG)
    else:
        labelled = _labelled(samples)
        name, why = stands_out(colours, _shares(picture, labelled, ask),
                               [one.name for one in labelled])  # fmt: skip
        scaling, guess = scaling_named(name, colours), Guess("pixels", name, why, _FLAG)
    settings = {**taken.settings, "picture": {**picture, **scaling}}
    return replace(taken, settings=settings), guess


def asked(taken: Taken, wished: str, samples: Sequence[Sample]) -> Iterator[Question]:
    """Ask for the scaling of a model's pixels where nothing states or shows it.

    Raises:
        BakeError: the one wished is none of these pictures.
    """
    picture = taken.settings.get("picture")
    if picture and wished:
        scaling_named(wished, picture["colours"])
    stated = picture is None or bool(wished) or "scale" in picture
    if not stated and not _labelled(samples) and _range_of(samples) is None:
        yield Question(
            "no file says how a model wants its pixels, and a wrong guess answers wrongly without "
            "an error",
            f"{ASK}. If it takes no pictures: --takes tensors",
        )


def _labelled(samples: Sequence[Sample]) -> list[Sample]:
    return [one for one in samples if one.answer is not None and isinstance(one.instance, bytes)]


def tried(picture: Mapping[str, Any], samples: Sequence[Sample], ask: Ask) -> str:
    """Write how the scalings answer labelled pictures, for a scaling that does not."""
    if not (labelled := _labelled(samples)):
        return ""
    share_of = _shares(picture, labelled, ask)
    shares = {name: share_of(one) for name, one in scalings_for(picture["colours"]).items()}
    return f"How sure each scaling is of what was expected:\n{table_of(shares)}"


def _is_float(taken: Taken) -> bool:
    return taken.inputs[0].dtype.startswith("float")


def _shares(
    picture: Mapping[str, Any], samples: Sequence[Sample], ask: Ask
) -> Callable[[Mapping[str, Any]], list[float]]:
    def share_of(scaling: Mapping[str, Any]) -> list[float]:
        answers = ask({**picture, **scaling}, samples)
        return [
            share_in(answer, one.answer or "") for one, answer in zip(samples, answers, strict=True)
        ]

    return share_of


def share_in(answer: Answer, expected: str) -> float:
    """Return how probable the expected label is; where there are none, 1 if the answer is right."""
    if "probabilities" in answer:
        return float(answer["probabilities"].get(expected, 0.0))
    return 1.0 if is_answered(expected, answer) else 0.0


def _range_of(samples: Sequence[Sample]) -> str | None:
    """Tell the scaling by samples that are arrays already, as a training script has them."""
    arrays = [
        np.asarray(value)
        for one in samples
        if isinstance(one.instance, NamedInputs)
        for value in one.instance.values.values()
    ]
    if not arrays:
        return None
    low = min(float(one.min()) for one in arrays)
    high = max(float(one.max()) for one in arrays)
    if low >= 0 and high > 1:
        return "0..255" if high <= 255 else None
    if low >= 0:
        return "0..1"
    return "-1..1" if low >= -1 and high <= 1 else None


def _text(picture: Mapping[str, Any]) -> str:
    """Write a scaling as a person would: "0..255", "x - 128", "x * 0.01712 - 2.118, …"."""
    scale, shift = picture["scale"], picture.get("shift", 0.0)
    for name, one in SCALINGS.items():
        if (one["scale"], one["shift"]) == (scale, shift) and "colours" not in one:
            return name
    scales, shifts = (one if isinstance(one, list) else [one] for one in (scale, shift))
    length = max(len(scales), len(shifts))
    pairs = zip(scales * (length // len(scales)), shifts * (length // len(shifts)), strict=True)
    return ", ".join(
        f"x{'' if a == 1 else f' * {a:.4g}'} {'-' if b < 0 else '+'} {abs(b):.4g}" for a, b in pairs
    )
