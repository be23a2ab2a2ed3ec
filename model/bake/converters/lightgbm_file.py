"""LightGBM's text files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx as onnx_package
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from .arrays import Arrays, two_columns
from .host import Refused

INPUT = "input"
WHERE = 9
"""The opset that brought Where; of what the converter writes it changed nothing."""

CLASSES = ("binary", "multiclass", "multiclassova")
"""Objectives that ONNX answers with a label and probabilities."""

INSTEAD = {
    "multiclassova": "Train it with objective='multiclass'.",
    "cross_entropy": "Train it with objective='binary' and weights.",
    "cross_entropy_lambda": "Train it with objective='binary' and weights.",
    "sqrt": "Train it without reg_sqrt, on roots that you take and square yourself.",
}
"""Objectives that it converts wrongly or not at all; `sqrt` is how a file states reg_sqrt."""


def convert(path: str, onnx: str) -> tuple[dict[str, Any], Callable[[Arrays], Arrays]]:
    """Write a LightGBM model as ONNX: `input` float32[N, F], a missing value NaN.

    Returns:
        {"objective", "version", "columns", "classes"}, with what asks LightGBM. A column is
        {"name", "range": [least, most] or None, "codes": whether they stand for categories,
        "categories": what they stand for, if that is known, "texts": whether these are texts}.

    Raises:
        Refused: linear trees, or an objective that the converter gets wrong.
    """
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    require_expressible(text)
    booster = lightgbm.Booster(model_file=path)
    count = booster.num_feature()
    model = convert_lightgbm(
        booster, initial_types=[(INPUT, FloatTensorType([None, count]))], zipmap=False
    )
    objective = (header_of(text, "objective") or "regression").split()[0]
    categories = dict(enumerate(booster.pandas_categorical or []))
    columns = columns_of(booster.feature_name(), header_of(text, "feature_infos"), categories)
    if "\naverage_output" in text:
        average(model, booster.current_iteration())
    floor_codes(model, [one["codes"] for one in columns])
    onnx_package.save(model, onnx)
    outputs = [one.name for one in model.graph.output]

    def run(feeds: Arrays) -> Arrays:
        # Categories are codes here, as they are in the ONNX file.
        booster.pandas_categorical = None
        # 57.78 for the float32 next to it: trees split at such numbers, as they were trained.
        matrix = feeds[INPUT].astype(str).astype(np.float64)
        predicted = np.asarray(booster.predict(matrix))
        if objective not in CLASSES:
            return {outputs[0]: predicted.reshape(len(feeds[INPUT]), -1)}
        both = two_columns(predicted) if objective == "binary" else predicted
        return {outputs[0]: both.argmax(1), outputs[1]: both}

    facts = {
        "objective": objective,
        "version": header_of(text, "version"),
        "columns": columns,
        "classes": objective in CLASSES and max(2, booster.num_model_per_iteration()),
    }
    return facts, run


def require_expressible(text: str) -> None:
    """Refuse what the converter cannot express.

    Raises:
        Refused: says what, and how to train it otherwise.
    """
    if "\nis_linear=1" in text:
        raise Refused(
            "the LightGBM model has linear trees (linear_tree), which ONNX's trees cannot express",
            "Train it without linear_tree.",
        )
    objective = header_of(text, "objective").split()
    for unknown, instead in INSTEAD.items():
        if unknown in objective:
            raise Refused(
                f"the LightGBM model learnt with objective {' '.join(objective)}, which "
                "the converter to ONNX does not know",
                instead,
            )


def average(model: Any, count: int) -> None:
    """Divide the leaves by the number of iterations: boosting="rf" averages what others add."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name in ("class_weights", "target_weights"):
                attribute.floats[:] = [value / count for value in attribute.floats]


def header_of(text: str, key: str) -> str:
    """Return a value of the file's first lines."""
    found = re.search(rf"^{key}=(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def columns_of(
    names: list[str], infos: str, categories: dict[int, list[Any]]
) -> list[dict[str, Any]]:
    """Return the columns, those of pandas's categories with the meaning of their codes.

    Args:
        names: the columns', in order.
        infos: LightGBM's, a word a column: "[0.5:3]", the codes of categories "0:2:1", or "none".
        categories: those of each categorical column, in the order of the columns.
    """
    columns: list[dict[str, Any]] = []
    for name, info in zip(names, infos.split() or ["none"] * len(names), strict=True):
        codes = bool(re.fullmatch(r"-?\d+(:-?\d+)+", info))
        numbers = [float(one) for one in re.findall(r"[-+.\w]+", info)] if info != "none" else []
        meanings = categories.get(sum(one["codes"] for one in columns), []) if codes else []
        columns.append(
            {
                "name": name,
                "range": [max(min(numbers), 0) if codes else min(numbers), max(numbers)]
                if numbers
                else None,
                "codes": codes,
                "categories": [str(one) for one in meanings],
                "texts": bool(meanings) and all(isinstance(one, str) for one in meanings),
            }
        )
    return columns


def floor_codes(model: Any, codes: list[bool]) -> None:
    """Cut the fraction off the codes of categories, as LightGBM does before it compares them."""
    if not any(codes):
        return
    graph = model.graph
    for opset in model.opset_import:
        if opset.domain == "":
            opset.version = max(opset.version, WHERE)
    for node in graph.node:
        node.input[:] = ["floored" if name == INPUT else name for name in node.input]
    graph.initializer.append(onnx_package.numpy_helper.from_array(np.array([codes]), "codes"))
    make = onnx_package.helper.make_node
    for node in (
        make("Where", ["codes", "whole", INPUT], ["floored"]),
        make("Floor", [INPUT], ["whole"]),
    ):
        graph.node.insert(0, node)
