"""XGBoost's JSON and UBJSON: boosters and scikit-learn's wrappers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx as onnx_package
import xgboost
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

from .arrays import Arrays, two_columns
from .host import Refused

INPUT = "input"
CLASSES = ("binary:logistic", "multi:softprob", "multi:softmax")
"""Objectives that ONNX answers with a label and probabilities."""

IDENTITY = {"name": "reg:squarederror", "reg_loss_param": {}}
EXPONENT = {"name": "count:poisson", "poisson_regression_param": {"max_delta_step": "0.7"}}
LINKS = {"binary:logitraw": IDENTITY, "survival:cox": EXPONENT}

UNSUPPORTED = "Convert it in the program that trains it, or train it with another booster."


def convert(path: str, onnx: str) -> tuple[dict[str, Any], Callable[[Arrays], Arrays]]:
    """Write an XGBoost model as ONNX: `input` float32[N, F], a missing value NaN.

    Returns:
        {"objective", "version", "columns": [{"name", "type"}], "classes"}, with what asks XGBoost.

    Raises:
        Refused: a kind of booster that ONNX's trees cannot express.
    """
    original = xgboost.Booster(model_file=path)
    document = json.loads(original.save_raw("json"))
    learner = document["learner"]
    names, types = original.feature_names, original.feature_types
    require_trees(learner, types or [])
    objective, count = learner["objective"]["name"], original.num_features()
    # scikit-learn's wrapper stops at its best round, a booster by itself does not.
    if (best := original.attr("best_iteration")) and original.attr("scikit_learn"):
        original = original[: int(best) + 1]
    # The converter knows no other names than f0, f1 …
    original.feature_names = original.feature_types = None
    model = convert_xgboost(
        simplified(original), initial_types=[(INPUT, FloatTensorType([None, count]))]
    )
    onnx_package.save(model, onnx)
    outputs = [one.name for one in model.graph.output]

    def run(feeds: Arrays) -> Arrays:
        matrix = xgboost.DMatrix(feeds[INPUT], missing=np.nan)
        predicted = original.predict(matrix)
        if objective not in CLASSES:
            return {outputs[0]: predicted.reshape(len(feeds[INPUT]), -1)}
        if objective == "multi:softmax":
            predicted = softmax(original.predict(matrix, output_margin=True))
        both = two_columns(predicted) if objective == "binary:logistic" else predicted
        return {outputs[0]: both.argmax(1), outputs[1]: both}

    columns = zip(names or [f"f{i}" for i in range(count)], types or ["float"] * count, strict=True)
    version = ".".join(map(str, document["version"]))
    facts = {
        "objective": objective,
        "version": version,
        "columns": [{"name": name, "type": kind} for name, kind in columns],
        "classes": objective in CLASSES
        and max(2, int(learner["learner_model_param"]["num_class"])),
    }
    return facts, run


def simplified(booster: Any) -> Any:
    """Return a booster with the same margins that the converter reads.

    It knows no DART, whose weights go into the leaves, and takes objectives that it does not know
    for classifiers: LINKS has one that it knows with the same link from margin to prediction.
    """
    document = json.loads(booster.save_raw("json"))
    learner = document["learner"]
    if learner["gradient_booster"]["name"] == "dart":
        dart = learner["gradient_booster"]
        model = dart["gbtree"]["model"]
        for tree, weight in zip(model["trees"], dart["weight_drop"], strict=True):
            for node, left in enumerate(tree["left_children"]):
                if left == -1:
                    tree["split_conditions"][node] *= weight
        learner["gradient_booster"] = {**dart["gbtree"], "name": "gbtree"}
    name = learner["objective"]["name"]
    if name == "multi:softmax":
        learner["objective"]["name"] = "multi:softprob"
    elif name.startswith("rank:") or name in LINKS:
        learner["objective"] = LINKS.get(name, IDENTITY)
    changed = xgboost.Booster()
    changed.load_model(bytearray(json.dumps(document).encode()))
    return changed


def softmax(margins: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return probabilities, [N, C]."""
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def require_trees(learner: dict[str, Any], types: list[str]) -> None:
    """Refuse what ONNX's tree ensembles cannot express.

    Raises:
        Refused: says what.
    """
    kind = learner["gradient_booster"]["name"]
    if kind == "gblinear":
        raise Refused("the XGBoost model is linear (gblinear), not made of trees", UNSUPPORTED)
    if "c" in types:
        raise Refused(
            "the XGBoost model splits on categories (enable_categorical), as ONNX's trees cannot",
            "Train it on numbers instead: one-hot or ordinal codes.",
        )
    if learner["objective"]["name"] == "binary:hinge":
        raise Refused(
            "the XGBoost model learnt with binary:hinge, which has no probabilities",
            "Train it with binary:logistic.",
        )
    if int(learner["learner_model_param"].get("num_target", 1)) > 1:
        raise Refused("the XGBoost model predicts several targets", "Bake one model a target.")
