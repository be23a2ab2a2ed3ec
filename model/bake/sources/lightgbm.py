"""LightGBM's text files; live boosters and scikit-learn's wrappers of them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from model.bake.categories import matrix_of, take_texts
from model.bake.converter import convert
from model.bake.sources.base import Hints, Original, Run, Say, class_labels, modules_of
from model.recipes.base import Column, Feeds

HEADER: Final = re.compile(rb"tree\r?\nversion=v\d")


def recognises(path: Path, head: bytes) -> bool:
    """Tell by the first two lines."""
    return bool(HEADER.match(head))


def open(path: Path, work: Path, say: Say) -> Original:  # noqa: A001  # the sources' interface
    """Convert a LightGBM model.

    Raises:
        BakeError: ONNX's trees cannot express it.
    """
    onnx = work / "model.onnx"
    converter = convert("trees", "lightgbm_file", path.resolve(), onnx, say)
    facts = converter.facts
    columns = tuple(map(_column_of, facts["columns"]))
    run: Run = converter.run
    if any(one.choices for one in columns):
        take_texts(onnx, columns)

        def run(feeds: Feeds) -> dict[str, NDArray[Any]]:
            return converter.run({"input": matrix_of(feeds, columns)})

    hints = Hints(
        columns=columns,
        task="classify" if facts["classes"] else "regress",
        notes=tuple(filter(None, map(_note_of, facts["columns"]))),
    )
    return Original(
        format="lightgbm",
        summary=f"LightGBM {facts['version']}, {facts['objective']}",
        onnx=onnx,
        run=run,
        hints=hints,
    )


def _column_of(stated: dict[str, Any]) -> Column:
    if stated["texts"]:
        return Column(stated["name"], "string", "nan", choices=tuple(stated["categories"]))
    least, most = stated["range"] or (None, None)
    return Column(stated["name"], missing="nan", minimum=least, maximum=most)


def _note_of(stated: dict[str, Any]) -> str:
    """Say which number stands for which category, as pandas numbered them in training."""
    known = [] if stated["texts"] else stated["categories"]
    codes = ", ".join(f"{code} is {name}" for code, name in enumerate(known))
    return f"{stated['name']} takes the categories' numbers: {codes}" if codes else ""


def recognises_object(model: Any) -> bool:
    """Tell a booster, or a fitted wrapper."""
    return "lightgbm" in modules_of(model) and hasattr(model, "predict")


def open_object(model: Any, samples: Any, work: Path, say: Say) -> Original:
    """Save a live model and convert that; the classes' names are the wrapper's."""
    saved = work / "saved.txt"
    getattr(model, "booster_", model).save_model(str(saved))
    original = open(saved, work, say)
    return replace(original, hints=replace(original.hints, labels=class_labels(model)))
