"""scikit-learn's steps that cannot be written in ONNX: which it is, and what to do instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from model.bake.errors import BakeError
from model.bake.multilabel import is_multilabel, last_step

_EACH: Final = "Bake one model for each target, or put OneVsRestClassifier around its estimator."

_STEPS: Final[dict[str, tuple[Callable[[Any], bool], str, str]]] = {
    "HashingVectorizer": (
        lambda step: True, "hashes words, as ONNX cannot",
        "Use TfidfVectorizer(max_features=10_000), which keeps its words.",
    ),
    "IterativeImputer": (
        lambda step: True, "predicts missing values from round to round, as ONNX cannot",
        "Use SimpleImputer or KNNImputer, or HistGradientBoosting, which takes missing values.",
    ),
    "CountVectorizer": (
        lambda step: step.analyzer == "char_wb", "cuts words into n-grams, as ONNX cannot",
        "Use analyzer='word', or 'char' on short texts.",
    ),
    "HistGradientBoosting": (
        lambda step: getattr(step, "is_categorical_", None) is not None,
        "splits on categories, as ONNX's trees cannot",
        "Fit it without categorical_features, behind an OrdinalEncoder or OneHotEncoder.",
    ),
    "SimpleImputer": (
        lambda step: step.add_indicator,
        "marks missing values in columns of their own (add_indicator), which skl2onnx leaves out",
        "Use add_indicator=False, or HistGradientBoosting, which takes missing values.",
    ),
    "KNeighbors": (
        lambda step: step.weights == "distance",
        "gives a neighbour at distance 0 all the weight, which rounding in ONNX misses",
        "Use weights='uniform', or a RandomForest.",
    ),
    "CalibratedClassifierCV": (
        lambda step: step.method == "isotonic",
        "calibrates by steps (isotonic), on which rounding in ONNX decides otherwise",
        "Use method='sigmoid'.",
    ),
    "TunedThresholdClassifierCV": (
        lambda step: True, "answers by a threshold of its own, and ONNX by the largest probability",
        "Bake its estimator_, and compare the probability with best_threshold_ in the client or in "
        "a recipe.py.",
    ),
    "FixedThresholdClassifier": (
        lambda step: True, "answers by a threshold of its own, and ONNX by the largest probability",
        "Bake its estimator_, and compare the probability with the threshold in the client or in a "
        "recipe.py.",
    ),
    "MultiOutputClassifier": (
        lambda step: not is_multilabel(step),
        "has an output with labels of its own for each target", _EACH,
    ),
    "ClassifierChain": (lambda step: True, "feeds each answer to the next classifier", _EACH),
}  # fmt: skip
"""By the beginning of a class's name: whether a step is refused, why, and what to do instead."""

_ALIKE: Final = {"TfidfVectorizer": "CountVectorizer", "KNNImputer": "SimpleImputer"}

_WITH: Final = {
    "FunctionTransformer": "Use one of NumPy's functions of one number (log1p, sqrt, square …), "
    "or do it before the model, in the client or in a recipe.py.",
    "TransformedTargetRegressor": "Use NumPy's functions (func=np.log1p, inverse_func=np.expm1), "
    "or StandardScaler.",
}
"""What to do where skl2onnx_adds refuses a step by its settings."""


def parts_of(model: Any) -> Iterator[Any]:
    """Yield a model and all that it is made of: steps, transformers and estimators."""
    yield model
    inner: list[Any] = []
    for name in ("steps", "transformers_", "transformer_list"):
        inner += [entry[1] for entry in getattr(model, name, ())]
    for name in ("estimators_", "calibrated_classifiers_"):
        inner += list(getattr(model, name, ()))[:1]
    inner += [getattr(model, name, None) for name in ("estimator_", "estimator", "regressor_")]
    for one in inner:
        if hasattr(one, "get_params") or hasattr(one, "estimator"):
            yield from parts_of(one)


def require_known(model: Any) -> None:
    """Refuse what cannot be written in ONNX.

    Raises:
        BakeError: names the step, and a way out.
    """
    for step in parts_of(model):
        kind = type(step).__name__
        for name, (applies, why, do) in _STEPS.items():
            if _ALIKE.get(kind, kind).startswith(name) and applies(step):
                raise BakeError(f"{kind} {why}", do)


def require_beyond_margin(model: Any, instances: Any) -> None:
    """Refuse instances on the margin of a OneClassSVM, where rounding decides.

    Raises:
        BakeError: says so.
    """
    last = last_step(model)
    if type(last).__name__ != "OneClassSVM":
        return
    margin = 1e-5 * max(1.0, float(abs(last.offset_[0])))
    if (abs(model.decision_function(instances)) < margin).any():
        raise BakeError(
            "a sample lies on the margin of OneClassSVM, where float32 may decide otherwise",
            "Show samples further from it: samples=X[abs(model.decision_function(X)) > 1e-3]",
        )


def refusal_of(model: Any, cause: str, unknown: str) -> BakeError:
    """Return why skl2onnx could not convert a model.

    Args:
        model: it.
        cause: what skl2onnx says, on one line.
        unknown: the class that it does not know; empty: it says something else.
    """
    for name, do in _WITH.items():
        if cause.startswith((f"{name} of ", f"{name} with ")):
            return BakeError(f"{cause}: ONNX has no counterpart for it", do)
    what = unknown or f"{type(model).__name__}: {cause}"
    return BakeError(
        f"skl2onnx cannot convert {what}",
        "Replace the step by one that skl2onnx knows (onnx.ai/sklearn-onnx/supported.html), or do "
        "it before the model, in recipe.py or in the client.",
    )
