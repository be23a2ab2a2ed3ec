"""What skl2onnx gets wrong or leaves to others, mended while a model is converted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np


@contextmanager
def mended(steps: Sequence[Any]) -> Iterator[None]:
    """Mend it for a model of these steps, as long as the context lasts."""
    _register()
    with ExitStack() as stack:
        stack.enter_context(_flags_as_numbers())
        stack.enter_context(_imputers_of_doubles())
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
def _imputers_of_doubles() -> Iterator[None]:
    """Fill missing float64 by plain operators: ONNX Runtime's Imputer takes float32 only."""
    from skl2onnx.common import _registration as registry
    from skl2onnx.common.data_types import DoubleTensorType

    name = "SklearnSimpleImputer"
    usual = registry.get_converter(name)

    def convert(scope: Any, operator: Any, container: Any) -> None:
        imputer, (matrix, *others) = operator.raw_operator, operator.inputs
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


def _is_nan(imputer: Any) -> bool:
    """Whether it fills NaN, and does nothing else."""
    value = imputer.missing_values
    return isinstance(value, float) and np.isnan(value) and not imputer.add_indicator


@contextmanager
def _flags_as_numbers() -> Iterator[None]:
    """Let skl2onnx write booleans where ONNX has numbers, which protobuf 7 refuses.

    Without it no HistGradientBoosting model of scikit-learn can be converted.
    """
    from skl2onnx.common._container import ModelComponentContainer as Container

    add_node = Container.add_node

    def add(self: Any, *arguments: Any, **attributes: Any) -> Any:
        plain = {
            key: [int(one) if isinstance(one, bool | np.bool_) else one for one in value]
            if isinstance(value, list)
            else value
            for key, value in attributes.items()
        }
        return add_node(self, *arguments, **plain)

    Container.add_node = add
    try:
        yield
    finally:
        Container.add_node = add_node


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
                getattr(module, name), name, shape, convert, options=known, overwrite=True
            )
