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
CLASSES = ("binary", "multiclass", "multiclassova")
"""Objectives that ONNX answers with a label and probabilities."""


def convert(path: str, onnx: str) -> tuple[dict[str, Any], Callable[[Arrays], Arrays]]:
    """Write a LightGBM model as ONNX: `input` float32[N, F], a missing value NaN.

    Returns:
        {"objective", "version", "columns": [{"name", "info", "categories"}], "classes"}: `info` is
        LightGBM's own, "[minimum:maximum]" or "none"; with what asks LightGBM.

    Raises:
        Refused: linear trees.
    """
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    if "\nis_linear=1" in text:
        raise Refused(
            "the LightGBM model has linear trees (linear_tree), which ONNX's trees cannot express",
            "Train it without linear_tree.",
        )
    booster = lightgbm.Booster(model_file=path)
    count = booster.num_feature()
    model = convert_lightgbm(
        booster, initial_types=[(INPUT, FloatTensorType([None, count]))], zipmap=False
    )
    onnx_package.save(model, onnx)
    outputs = [one.name for one in model.graph.output]
    objective = (header_of(text, "objective") or "regression").split()[0]
    numbered = dict(enumerate(booster.pandas_categorical or []))

    def run(feeds: Arrays) -> Arrays:
        # Categories are codes here, as they are in the ONNX file.
        booster.pandas_categorical = None
        predicted = np.asarray(booster.predict(feeds[INPUT].astype(np.float64)))
        if objective not in CLASSES:
            return {outputs[0]: predicted.reshape(len(feeds[INPUT]), -1)}
        both = two_columns(predicted) if objective == "binary" else predicted
        return {outputs[0]: both.argmax(1), outputs[1]: both}

    facts = {
        "objective": objective,
        "version": header_of(text, "version"),
        "columns": columns_of(booster.feature_name(), header_of(text, "feature_infos"), numbered),
        "classes": objective in CLASSES and max(2, booster.num_model_per_iteration()),
    }
    return facts, run


def header_of(text: str, key: str) -> str:
    """Return a value of the file's first lines."""
    found = re.search(rf"^{key}=(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def columns_of(
    names: list[str], infos: str, numbered: dict[int, list[Any]]
) -> list[dict[str, Any]]:
    """Return the columns, those of pandas's categories with the meaning of their codes.

    Args:
        names: the columns', in order.
        infos: LightGBM's, a word a column; a category's is its codes: "0:2:1".
        numbered: the categories of each categorical column, in the order of the columns.
    """
    columns, seen = [], 0
    for name, info in zip(names, infos.split() or ["none"] * len(names), strict=True):
        categorical = bool(re.fullmatch(r"-?\d+(:-?\d+)+", info))
        categories = numbered.get(seen, []) if categorical else []
        seen += categorical
        columns.append({"name": name, "info": info, "categories": [str(c) for c in categories]})
    return columns
