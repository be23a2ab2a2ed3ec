"""Tiny ONNX models, made in milliseconds: one or two operators each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Stated = Mapping[str, tuple[str, Sequence[int | str | None]]]
"""Tensors by name: ONNX's type, and the shape."""


def model_of(
    path: Path, nodes: Sequence[Any], inputs: Stated, outputs: Stated,
    constants: Mapping[str, Any] = {}, *, metadata: Mapping[str, str] = {}, domain: str = "",
) -> Path:  # fmt: skip
    """Write a model of some nodes."""
    graph = helper.make_graph(
        list(nodes), "tiny", _values(inputs), _values(outputs),
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    opsets += [helper.make_opsetid(domain, 1)] if domain else []
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    helper.set_model_props(model, dict(metadata))
    onnx.save_model(model, path)
    return path


def _values(stated: Stated) -> list[Any]:
    return [
        helper.make_tensor_value_info(name, getattr(TensorProto, kind), shape)
        for name, (kind, shape) in stated.items()
    ]


def rows_model(path: Path, *last: str, width: int = 3, **how: Any) -> Path:
    """Write x [N, width] times the unit matrix, and operators on it: y [N, width]."""
    names = ["x0", *(f"y{number}" for number in range(len(last))), "y"]
    nodes = [helper.make_node("MatMul", ["x", "w"], [names[1] if last else "y"])]
    for number, operator in enumerate(last, 1):
        target = "y" if number == len(last) else names[number + 1]
        nodes.append(helper.make_node(operator, [names[number]], [target]))
    floats: Stated = {"x": ("FLOAT", ["N", width])}
    return model_of(
        path, nodes, floats, {"y": ("FLOAT", ["N", width])},
        {"w": np.eye(width, dtype=np.float32) * 2}, **how,
    )  # fmt: skip


def picture_model(path: Path, *, batch: int | str = "N", channels: int = 1) -> Path:
    """Write a classifier of [N, C, 4, 4]: is it bright? The true scaling is 0..1."""
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "column"], ["m"]),
        helper.make_node("MatMul", ["m", "w"], ["scores"]),
        helper.make_node("Add", ["scores", "b"], ["shifted"]),
        helper.make_node("Softmax", ["shifted"], ["y"]),
    ]
    constants = {
        "axes": np.array([1, 2, 3]),
        "column": np.array([-1, 1]),
        "w": np.array([[-40, 40]], np.float32),
        "b": np.array([20, -20], np.float32),
    }
    return model_of(
        path, nodes, {"x": ("FLOAT", [batch, channels, 4, 4])}, {"y": ("FLOAT", [batch, 2])},
        constants,
    )  # fmt: skip


def endless_model(path: Path) -> Path:
    """Write a loop that goes round for as long as nobody stops it."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Sin", ["before"], ["after"]),
        ],
        "body",
        _values({"turn": ("INT64", []), "go": ("BOOL", []), "before": ("FLOAT", ["N", 2])}),
        _values({"on": ("BOOL", []), "after": ("FLOAT", ["N", 2])}),
    )
    nodes = [helper.make_node("Loop", ["most", "yes", "x"], ["y"], body=body)]
    constants = {"most": np.array(2**62), "yes": np.array(True)}
    return model_of(path, nodes, {"x": ("FLOAT", ["N", 2])}, {"y": ("FLOAT", ["N", 2])}, constants)
