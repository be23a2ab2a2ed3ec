"""Categories by name: texts before a model that learnt from their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model.recipes.base import Column, Feeds


def take_texts(path: Path, columns: Sequence[Column]) -> None:
    """Give an ONNX file of one matrix an input a column: a text where a column has choices.

    A choice becomes its number, any other text and "" NaN.

    Args:
        path: of a model of float32 [N, F].
        columns: F of them.
    """
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(path)
    graph = model.graph
    (matrix,) = graph.input
    nodes, names = [], []
    for at, one in enumerate(columns):
        names.append(one.name)
        if one.choices:
            names[-1] = f"code_{at}"
            codes = {"keys_strings": list(one.choices), "default_float": float("nan"),
                     "values_floats": list(map(float, range(len(one.choices))))}  # fmt: skip
            nodes.append(
                helper.make_node(
                    "LabelEncoder", [one.name], [names[-1]], domain="ai.onnx.ml", **codes
                )
            )
    nodes.append(helper.make_node("Concat", names, [matrix.name], axis=1))
    nodes += graph.node
    del graph.node[:], graph.input[:]
    graph.node.extend(nodes)
    for one in columns:
        kind = TensorProto.STRING if one.choices else TensorProto.FLOAT
        graph.input.append(helper.make_tensor_value_info(one.name, kind, [None, 1]))
    for opset in model.opset_import:
        if opset.domain == "ai.onnx.ml":
            opset.version = max(opset.version, 2)  # of LabelEncoder
    onnx.save(model, path)


def matrix_of(feeds: Feeds, columns: Sequence[Column]) -> np.ndarray[Any, Any]:
    """Return the matrix, float32 [N, F], that take_texts makes of its inputs."""
    found = []
    for one in columns:
        values = feeds[one.name].reshape(-1)
        if one.choices:
            codes = {text: float(code) for code, text in enumerate(one.choices)}
            values = np.array([codes.get(str(text), np.nan) for text in values])
        found.append(values)
    return np.stack(found, axis=1).astype(np.float32)
