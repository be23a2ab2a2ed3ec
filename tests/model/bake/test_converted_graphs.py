"""What is tidied in a graph that a converter wrote."""

from __future__ import annotations

from onnx import TensorProto, helper

from model.bake.converters.graphs import drop_unread


def test_inputs_that_nobody_reads() -> None:
    """A captured tensor that was frozen goes; what a node reads, or the function states, stays."""
    tensors = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
        for name in ("x", "captured", "stated", "y")
    }
    inputs = [tensors[name] for name in ("x", "captured", "stated")]
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    graph = helper.make_graph(nodes, "tiny", inputs, [tensors["y"]])
    drop_unread(graph, ["stated"])
    assert [one.name for one in graph.input] == ["x", "stated"]
