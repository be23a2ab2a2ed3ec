"""Converters for scikit-learn's steps that skl2onnx does not know, or knows in part."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

Steps = Sequence[tuple[str, float | None]]
"""Operators of ONNX one after the other, each with its second input if it has one."""

FUNCTIONS: Final[dict[str, Steps]] = {
    "absolute": [("Abs", None)], "ceil": [("Ceil", None)], "cos": [("Cos", None)],
    "exp": [("Exp", None)], "expit": [("Sigmoid", None)], "expm1": [("Exp", None), ("Sub", 1.0)],
    "floor": [("Floor", None)], "log": [("Log", None)],
    "log10": [("Log", None), ("Div", math.log(10))], "log1p": [("Add", 1.0), ("Log", None)],
    "log2": [("Log", None), ("Div", math.log(2))], "negative": [("Neg", None)],
    "reciprocal": [("Reciprocal", None)], "rint": [("Round", None)], "sign": [("Sign", None)],
    "sin": [("Sin", None)], "sqrt": [("Sqrt", None)], "square": [("Pow", 2.0)],
    "tanh": [("Tanh", None)],
}  # fmt: skip
"""NumPy's and SciPy's functions of one number, by their names."""


def steps_for(function: Any) -> Steps | None:
    """Return the operators of a function; None: it is none of FUNCTIONS."""
    if function is None:
        return []
    return FUNCTIONS.get(function.__name__) if isinstance(function, np.ufunc) else None


def inverse_of(transformer: Any) -> Steps | None:
    """Return what takes a transformed target back; None: that cannot be written in ONNX."""
    kind = type(transformer).__name__
    if kind == "FunctionTransformer":
        return steps_for(transformer.inverse_func)
    if kind == "StandardScaler" and len(np.atleast_1d(transformer.var_)) == 1:
        spread = transformer.scale_[0] if transformer.with_std else 1.0
        return [("Mul", float(spread)), ("Add", float(transformer.mean_[0]))]
    if kind == "MinMaxScaler" and len(transformer.scale_) == 1:
        return [("Sub", float(transformer.min_[0])), ("Div", float(transformer.scale_[0]))]
    return None


@contextmanager
def added() -> Iterator[None]:
    """Teach skl2onnx these steps as long as the context lasts."""
    from skl2onnx import update_registered_converter
    from skl2onnx.common import _registration as registry
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.feature_selection import RFE, RFECV, SequentialFeatureSelector

    pools = (registry._converter_pool, registry._shape_calculator_pool)
    before = [dict(pool) for pool in pools]
    update_registered_converter(
        TransformedTargetRegressor, "SklearnTransformedTargetRegressor",
        _one_number, _convert_target, overwrite=True,
    )  # fmt: skip
    for kind in (RFE, RFECV, SequentialFeatureSelector):
        update_registered_converter(
            kind, f"Sklearn{kind.__name__}", _all_selected, _convert_selection,
            overwrite=True, parser=_parse_selection,
        )  # fmt: skip
    for name, shape, convert in (
        ("SklearnFunctionTransformer", _all_columns, _convert_function),
        ("SklearnKBinsDiscretizer", _all_bins, _convert_bins),
    ):
        registry.register_shape_calculator(name, shape, overwrite=True)
        registry.register_converter(name, convert, overwrite=True)
    try:
        yield
    finally:
        for pool, content in zip(pools, before, strict=True):
            pool.update(content)


def _numbers(operator: Any, width: int | None) -> Any:
    """Return the type of numbers [N, width], in float64 if the input is."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    double = any(isinstance(one.type, DoubleTensorType) for one in operator.inputs)
    count = operator.inputs[0].get_first_dimension()
    return (DoubleTensorType if double else FloatTensorType)([count, width])


def _all_columns(operator: Any) -> None:
    widths = [one.type.shape[1] for one in operator.inputs]
    if operator.raw_operator.func is None and len(widths) == 1:
        operator.outputs[0].type = operator.inputs[0].type
    else:
        operator.outputs[0].type = _numbers(operator, sum(widths) if all(widths) else None)


def _one_number(operator: Any) -> None:
    operator.outputs[0].type = _numbers(operator, 1)


def _all_bins(operator: Any) -> None:
    model = operator.raw_operator
    width = len(model.n_bins_) if model.encode == "ordinal" else int(sum(model.n_bins_))
    operator.outputs[0].type = _numbers(operator, width)


def _dtype_of(operator: Any) -> int:
    """Return ONNX's number of the output's type."""
    from skl2onnx.common.data_types import guess_proto_type

    return int(guess_proto_type(operator.outputs[0].type))


def _convert_function(scope: Any, operator: Any, container: Any) -> None:
    """Write a FunctionTransformer of one of FUNCTIONS, or of none: all inputs side by side."""
    model, kind = operator.raw_operator, _dtype_of(operator)
    steps = steps_for(model.func)
    if steps is None or model.kw_args:
        name = getattr(model.func, "__name__", type(model.func).__name__)
        raise RuntimeError(f"FunctionTransformer of {name}")
    matrix = _matrix(scope, operator, container, kind)
    _write(scope, container, steps, (matrix, operator.outputs[0].full_name), kind)


def _matrix(scope: Any, operator: Any, container: Any, kind: int) -> str:
    """Return the name of all inputs as one matrix of a type."""
    names = []
    for one in operator.inputs:
        names.append(scope.get_unique_variable_name("number"))
        container.add_node("Cast", [one.full_name], [names[-1]], op_version=13, to=kind)
    matrix = str(scope.get_unique_variable_name("matrix"))
    container.add_node("Concat", names, [matrix], op_version=13, axis=1)
    return matrix


def _write(scope: Any, container: Any, steps: Steps, ends: tuple[str, str], kind: int) -> None:
    """Write operators one after the other, from one name to another."""
    name, last = ends
    for operator, number in [*steps, ("Identity", None)]:
        inputs = [name]
        if number is not None:
            inputs.append(scope.get_unique_variable_name("constant"))
            container.add_initializer(inputs[-1], kind, [1], [number])
        final = operator == "Identity"
        name = last if final else scope.get_unique_variable_name("step")
        container.add_node(operator, inputs, [name], op_version=13)


def _parse_selection(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """Declare a selection of columns as such: skl2onnx takes RFE for the estimator in it."""
    from skl2onnx._supported_operators import _get_sklearn_operator_name
    from skl2onnx.common.data_types import guess_tensor_type

    operator = scope.declare_local_operator(_get_sklearn_operator_name(type(model)), model)
    operator.inputs.extend(inputs)
    kind = guess_tensor_type(inputs[0].type)
    operator.outputs.append(scope.declare_local_variable("selected", kind))
    return operator.outputs


def _all_selected(operator: Any) -> None:
    width = int(operator.raw_operator.get_support().sum())
    operator.outputs[0].type = _numbers(operator, width)


def _convert_selection(scope: Any, operator: Any, container: Any) -> None:
    """Write a selection of columns: those that it keeps, by place."""
    kept = operator.raw_operator.get_support(indices=True)
    matrix = _matrix(scope, operator, container, _dtype_of(operator))
    places = scope.get_unique_variable_name("places")
    container.add_initializer(places, 7, [len(kept)], kept.tolist())
    found = operator.outputs[0].full_name
    container.add_node("Gather", [matrix, places], [found], op_version=13, axis=1)


def _convert_target(scope: Any, operator: Any, container: Any) -> None:
    """Write a TransformedTargetRegressor: its regressor, and the way back."""
    from skl2onnx._parse import _parse_sklearn

    model, kind = operator.raw_operator, _dtype_of(operator)
    steps = inverse_of(model.transformer_)
    if steps is None:
        raise RuntimeError(
            f"TransformedTargetRegressor with {type(model.transformer_).__name__}"
            f"{_named(getattr(model, 'inverse_func', None))}"
        )
    (found, *_) = _parse_sklearn(scope, model.regressor_, operator.inputs, custom_parsers=None)
    number, column, shape = map(scope.get_unique_variable_name, ("number", "column", "shape"))
    container.add_node("Cast", [found.full_name], [number], op_version=13, to=kind)
    container.add_initializer(shape, 7, [2], [-1, 1])  # 7: INT64
    container.add_node("Reshape", [number, shape], [column], op_version=13)
    _write(scope, container, steps, (column, operator.outputs[0].full_name), kind)


def _named(function: Any) -> str:
    return f" of {getattr(function, '__name__', function)}" if function is not None else ""


def _convert_bins(scope: Any, operator: Any, container: Any) -> None:
    """Write a KBinsDiscretizer: a number's bin is how many inner edges it has reached."""
    model, kind = operator.raw_operator, _dtype_of(operator)
    matrix, found = _matrix(scope, operator, container, kind), []
    axes = scope.get_unique_variable_name("axes")
    container.add_initializer(axes, 7, [1], [1])
    for at, edges in enumerate(model.bin_edges_):
        inner = edges[1:-1] if len(edges) > 2 else [np.inf]
        place, column, limits, reached, ones, bin_, bins, same, coded = map(
            scope.get_unique_variable_name,
            ("place", "column", "limits", "reached", "ones", "bin", "bins", "same", "coded"),
        )
        container.add_initializer(place, 7, [1], [at])
        container.add_initializer(limits, kind, [1, len(inner)], list(map(float, inner)))
        container.add_node("Gather", [matrix, place], [column], op_version=13, axis=1)
        container.add_node("GreaterOrEqual", [column, limits], [reached], op_version=16)
        container.add_node("Cast", [reached], [ones], op_version=13, to=kind)
        container.add_node("ReduceSum", [ones, axes], [bin_], op_version=13, keepdims=1)
        found.append(bin_)
        if model.encode != "ordinal":
            count = int(model.n_bins_[at])
            container.add_initializer(bins, kind, [1, count], list(map(float, range(count))))
            container.add_node("Equal", [bin_, bins], [same], op_version=13)
            container.add_node("Cast", [same], [coded], op_version=13, to=kind)
            found[-1] = coded
    container.add_node("Concat", found, [operator.outputs[0].full_name], op_version=13, axis=1)
