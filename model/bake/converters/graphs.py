"""ONNX graphs, whatever wrote them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from onnx import numpy_helper


def drop_unread(graph: Any, keep: Collection[str]) -> None:
    """Take away inputs that no node reads: tensors that a function captured and tf2onnx froze."""
    read = {name for node in nodes_of(graph) for name in node.input}
    kept = [one for one in graph.input if one.name in read or one.name in keep]
    del graph.input[:]
    graph.input.extend(kept)


def fix_inputs(graph: Any, values: Mapping[str, Any]) -> None:
    """Turn inputs into weights: tensors that a function captured, as Normalization's mean.

    Args:
        graph: an ONNX graph.
        values: NumPy arrays by the inputs' names; other names are passed over.
    """
    free = [one for one in graph.input if one.name not in values]
    fixed = [one.name for one in graph.input if one.name in values]
    graph.initializer.extend(numpy_helper.from_array(values[name], name) for name in fixed)
    del graph.input[:]
    graph.input.extend(free)


def nodes_of(graph: Any) -> Iterator[Any]:
    """Yield every node, those of the bodies of loops and branches too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for body in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from nodes_of(body)
