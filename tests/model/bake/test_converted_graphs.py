"""What is tidied in a graph that a converter wrote."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from model.bake.converters.graphs import drop_unread, fix_inputs


def test_inputs_that_nobody_reads() -> None:
    """A captured tensor that was frozen goes, and one that was not is fixed; the others stay."""
    tensors = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
        for name in ("x", "captured", "stated", "y")
    }
    inputs = [tensors[name] for name in ("x", "captured", "stated")]
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    graph = helper.make_graph(nodes, "tiny", inputs, [tensors["y"]])
    drop_unread(graph, ["stated"])
    assert [one.name for one in graph.input] == ["x", "stated"]
    fix_inputs(graph, {"x": np.array([2], "f"), "frozen": np.array([3], "f")})
    assert [one.name for one in graph.input] == ["stated"]
    assert [numpy_helper.to_array(one).tolist() for one in graph.initializer] == [[2.0]]
