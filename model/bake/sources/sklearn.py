"""Live scikit-learn models: estimators and pipelines, with columns of numbers and texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from model.bake.skl2onnx_forms import ask, convert, steps_of
from model.bake.sources.base import Hints, Original, Say, class_labels, modules_of

_OTHERS: Final = {"xgboost", "lightgbm", "catboost", "keras", "tf_keras"}
"""They derive from scikit-learn's classes, and have formats of their own."""


def recognises_object(model: Any) -> bool:
    """Tell an estimator or a pipeline of scikit-learn."""
    found = modules_of(model)
    return "sklearn" in found and not found & _OTHERS and hasattr(model, "get_params")


def open_object(model: Any, samples: Any, work: Path, say: Say) -> Original:
    """Convert a fitted model with skl2onnx, in this process.

    Raises:
        BakeError: skl2onnx is not installed, or cannot convert it.
    """
    onnx = work / "model.onnx"
    model = _in_steps(model)
    converted, form = convert(model, samples, onnx)
    form = form.as_written([one.name for one in converted.graph.input])
    outputs = [one.name for one in converted.graph.output]
    return Original(
        format="scikit-learn",
        summary=f"scikit-learn, {type(steps_of(model)[-1]).__name__}",
        onnx=onnx,
        run=lambda feeds: ask(model, form.instances(feeds), outputs),
        hints=Hints(
            labels=class_labels(model),
            columns=form.columns,
            task=_task_of(model),
        ),
    )


def _in_steps(model: Any) -> Any:
    """Return a model whose last step selects columns and predicts from them, as two steps."""
    *steps, (name, last) = getattr(model, "steps", [("select", model)])
    if not all(hasattr(last, one) for one in ("get_support", "estimator_", "predict")):
        return model
    from sklearn.pipeline import Pipeline

    return Pipeline([*steps, (name, last), ("estimator", last.estimator_)])


def _task_of(model: Any) -> str:
    if hasattr(model, "predict_proba") or hasattr(model, "classes_"):
        return "classify"
    if not hasattr(model, "predict"):
        return "embed"
    from sklearn.base import is_regressor

    return "regress" if is_regressor(model) else ""
