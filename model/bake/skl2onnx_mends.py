"""What skl2onnx gets wrong or leaves to others, mended while a model is converted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np

from model.bake.skl2onnx_adds import added


@contextmanager
def mended(steps: Sequence[Any]) -> Iterator[None]:
    """Mend it for a model of these steps, as long as the context lasts."""
    _register()
    with ExitStack() as stack:
        stack.enter_context(_nodes())
        stack.enter_context(added())
        stack.enter_context(_imputers())
        stack.enter_context(_sublinear_counts())
        for step in steps:
            stack.enter_context(_voting_flat(step))
        yield


@contextmanager
def _voting_flat(step: Any) -> Iterator[None]:
    """Hide a setting of VotingClassifier that skl2onnx refuses, and that changes no prediction."""
    before = getattr(step, "flatten_transform", False)
    if before:
        step.flatten_transform = False
    try:
        yield
    finally:
        if before:
            step.flatten_transform = before


@contextmanager
def _imputers() -> Iterator[None]:
    """Fill missing texts and float64: skl2onnx and ONNX Runtime's Imputer know float32 only.

    A missing text is "" in ONNX, which has no NaN for it.
    """
    from skl2onnx.common import _registration as registry
    from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

    name = "SklearnSimpleImputer"
    usual = registry.get_converter(name)

    def convert(scope: Any, operator: Any, container: Any) -> None:
        imputer, (matrix, *others) = operator.raw_operator, operator.inputs
        if isinstance(matrix.type, StringTensorType) and not isinstance(
            imputer.missing_values, str
        ):
            before, imputer.missing_values = imputer.missing_values, ""
            try:
                usual(scope, operator, container)
            finally:
                imputer.missing_values = before
            return
        fills = np.asarray(getattr(imputer, "statistics_", ()))
        plain = fills.dtype.kind == "f" and not np.isnan(fills).any() and not others
        if not plain or not isinstance(matrix.type, DoubleTensorType) or not _is_nan(imputer):
            usual(scope, operator, container)
            return
        fill, missing = map(scope.get_unique_variable_name, ("fill", "missing"))
        container.add_initializer(fill, 11, [1, len(fills)], fills.tolist())  # 11: DOUBLE
        container.add_node("IsNaN", [matrix.full_name], [missing], op_version=13)
        found = operator.outputs[0].full_name
        container.add_node("Where", [missing, fill, matrix.full_name], [found], op_version=9)

    registry.register_converter(name, convert, overwrite=True, options=usual.get_allowed_options())
    try:
        yield
    finally:
        registry._converter_pool[name] = usual


@contextmanager
def _sublinear_counts() -> Iterator[None]:
    """Damp the counts of TfidfTransformer(sublinear_tf=True) as scikit-learn does.

    skl2onnx takes log(count + 1); scikit-learn 1 + log(count), and leaves 0 as it is.
    """
    from skl2onnx.operator_converters import tfidf_transformer

    usual = tfidf_transformer.apply_log

    def damp(scope: Any, counts_and_one: str, found: str, container: Any) -> None:
        one, counts, least, logs, signs = map(
            scope.get_unique_variable_name, ("one", "counts", "least", "logs", "signs")
        )
        kind = container.initializers[-1].data_type  # of the ones that were added
        container.add_initializer(one, kind, [1], [1])
        container.add_node("Sub", [counts_and_one, one], [counts], op_version=14)
        container.add_node("Max", [counts, one], [least], op_version=13)
        container.add_node("Log", [least], [logs], op_version=13)
        container.add_node("Sign", [counts], [signs], op_version=13)
        container.add_node("Add", [logs, signs], [found], op_version=14)

    tfidf_transformer.apply_log = damp
    try:
        yield
    finally:
        tfidf_transformer.apply_log = usual


def _is_nan(imputer: Any) -> bool:
    """Whether it fills NaN, and does nothing else."""
    value = imputer.missing_values
    return isinstance(value, float) and np.isnan(value) and not imputer.add_indicator


@contextmanager
def _nodes() -> Iterator[None]:
    """Mend nodes as skl2onnx writes them.

    Booleans where ONNX has numbers become numbers: protobuf 7 refuses them, so that without it no
    HistGradientBoosting model can be converted. Trees of float64 keep their thresholds in it.
    """
    from skl2onnx.common import tree_ensemble
    from skl2onnx.common._container import ModelComponentContainer as Container

    add_node, threshold = Container.add_node, tree_ensemble.sklearn_threshold

    def add(self: Any, op_type: str, inputs: Any, outputs: Any, **attributes: Any) -> Any:
        plain = {
            key: [int(one) if isinstance(one, bool | np.bool_) else one for one in value]
            if isinstance(value, list)
            else value
            for key, value in attributes.items()
        }
        if getattr(plain.get("nodes_values"), "dtype", None) == np.float64:
            return _add_trees(partial(add_node, self), op_type, inputs, outputs, plain)
        return add_node(self, op_type, inputs, outputs, **plain)

    def exact(value: float, dtype: Any, mode: str) -> float:
        return value if dtype == np.float64 else float(threshold(value, dtype, mode))

    Container.add_node, tree_ensemble.sklearn_threshold = add, exact
    try:
        yield
    finally:
        Container.add_node, tree_ensemble.sklearn_threshold = add_node, threshold


def _add_trees(
    add_node: Any, op_type: str, inputs: Any, outputs: Any, attributes: dict[str, Any]
) -> None:
    """Write trees of float64: their numbers as tensors, and their scores, float32, cast."""
    from onnx import TensorProto, numpy_helper

    for key, value in list(attributes.items()):
        if getattr(value, "dtype", None) == np.float64:
            del attributes[key]
            if len(value):
                attributes[f"{key}_as_tensor"] = numpy_helper.from_array(value)
    outputs = [outputs] if isinstance(outputs, str) else list(outputs)
    scores = f"{outputs[-1]}_float"
    add_node(op_type, inputs, [*outputs[:-1], scores], **attributes | {"op_version": 3})
    name = f"{scores}_cast"
    add_node("Cast", [scores], outputs[-1:], op_version=13, name=name, to=TensorProto.DOUBLE)


def _register() -> None:
    """Teach skl2onnx the boosters in a pipeline, where onnxmltools is installed."""
    try:
        from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
        from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
        from skl2onnx import update_registered_converter
        from skl2onnx.common import shape_calculator as shapes
    except ImportError:
        return
    choices = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    classes, numbers = (
        shapes.calculate_linear_classifier_output_shapes,
        shapes.calculate_linear_regressor_output_shapes,
    )
    for package, kind, convert in (
        ("xgboost", "XGB", convert_xgboost), ("lightgbm", "LGBM", convert_lightgbm),
    ):  # fmt: skip
        try:
            module = __import__(package)
        except ImportError:
            continue
        for name, shape in ((f"{kind}Classifier", classes), (f"{kind}Regressor", numbers)):
            known = choices if shape is classes else None
            update_registered_converter(
                getattr(module, name), name, shape, _nameless(convert), options=known,
                overwrite=True,
            )  # fmt: skip


def _nameless(convert: Any) -> Any:
    """Hide the columns' names of a booster while it is converted: only f0, f1 … are read."""

    def converted(scope: Any, operator: Any, container: Any) -> None:
        get = getattr(operator.raw_operator, "get_booster", None)  # of XGBoost
        booster = get() if get else None
        before = (booster.feature_names, booster.feature_types) if booster else (None, None)
        if booster:
            booster.feature_names = booster.feature_types = None
        try:
            convert(scope, operator, container)
        finally:
            if booster:
                booster.feature_names, booster.feature_types = before

    return converted
