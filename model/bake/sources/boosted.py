"""Live scikit-learn pipelines that end in XGBoost or LightGBM: two conversions, one graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.bake.errors import BakeError
from model.bake.skl2onnx_forms import convert
from model.bake.sources import open_object as open_any
from model.bake.sources.base import Hints, Original, Say, class_labels, modules_of
from model.recipes.base import Feeds

BOOSTERS: Final = {"xgboost", "lightgbm"}
PREFIX: Final = "predicted_"


def recognises_object(model: Any) -> bool:
    """Tell a pipeline with something before its booster."""
    steps: list[Any] = getattr(model, "steps", [])
    return len(steps) > 1 and bool(modules_of(steps[-1][1]) & BOOSTERS)


def open_object(model: Any, samples: Any, work: Path, say: Say) -> Original:
    """Convert what stands before the booster by skl2onnx, in float64, and the booster as its file.

    Both see the numbers that they saw in training: trees split at exactly these.

    Raises:
        BakeError: one of the two cannot be converted.
    """
    (work / "booster").mkdir()
    booster = model[-1]
    trees = open_any(booster, None, work / "booster", say)
    if texts := [one.name for one in trees.hints.columns if one.choices]:
        raise BakeError(
            f"the booster behind the pipeline splits on pandas' categories: {', '.join(texts)}",
            "Bake the booster alone, or encode these columns in the pipeline: OrdinalEncoder.",
        )
    onnx = work / "model.onnx"
    converted, form = convert(model[:-1], samples, onnx, exact=True)
    form = form.as_written([one.name for one in converted.graph.input])
    sparse = samples is not None and hasattr(model[:-1].transform(samples), "toarray")
    names = _join(converted, trees.onnx, zeros_missing=sparse and "xgboost" in modules_of(booster))
    onnx.write_bytes(converted.SerializeToString())

    def run(feeds: Feeds) -> dict[str, NDArray[Any]]:
        instances = form.instances(feeds)
        if len(names) == 1:
            return {names[0]: np.asarray(model.predict(instances))}
        shares = np.asarray(model.predict_proba(instances))
        return {names[0]: shares.argmax(axis=1), names[1]: shares}

    return Original(
        format="scikit-learn",
        summary=f"scikit-learn, {type(booster).__name__}",
        onnx=onnx,
        run=run,
        hints=Hints(
            labels=class_labels(booster),
            columns=form.columns,
            task=trees.hints.task,
        ),
    )


def _join(model: Any, booster: Path, *, zeros_missing: bool) -> list[str]:
    """Put a booster's graph behind a model's first output.

    Args:
        model: gets the booster's nodes and outputs.
        booster: its ONNX file: opset 9 at most, whose operators are the same in the model's.
        zeros_missing: whether zeros are missing values, as XGBoost takes those of a sparse matrix.

    Returns:
        The names of the outputs.
    """
    import onnx
    from onnx import TensorProto, compose, helper, numpy_helper

    graph = model.graph
    tail = compose.add_prefix(onnx.load(booster), PREFIX).graph
    (entry,) = tail.input
    matrix = f"{PREFIX}matrix" if zeros_missing else entry.name
    graph.node.append(
        helper.make_node("Cast", [graph.output[0].name], [matrix], to=TensorProto.FLOAT)
    )
    if zeros_missing:
        for name, value in (("zero", 0.0), ("nan", np.nan)):
            constant = numpy_helper.from_array(np.float32(value), f"{PREFIX}{name}")
            graph.initializer.append(constant)
        zero, is_zero, nan = (f"{PREFIX}{name}" for name in ("zero", "is_zero", "nan"))
        graph.node.append(helper.make_node("Equal", [matrix, zero], [is_zero]))
        graph.node.append(helper.make_node("Where", [is_zero, nan, matrix], [entry.name]))
    graph.node.extend(tail.node)
    graph.initializer.extend(tail.initializer)
    del graph.output[:]
    graph.output.extend(tail.output)
    return [one.name for one in tail.output]
