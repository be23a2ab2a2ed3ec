"""A TensorFlow function as an ONNX file, and as what is asked for the original's answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx

from .arrays import Arrays
from .graphs import drop_unread, fix_inputs, nodes_of
from .host import Refused

OPSET = 18
"""The newest that tf2onnx writes."""


def plain_names(names: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Return names that TensorFlow leaves as they are, each once."""
    found: list[str] = []
    for number, name in enumerate(names):
        plain = re.sub(r"[^A-Za-z0-9_.]", "_", name).lstrip("_.") or f"tensor_{number}"
        while plain in found or plain in taken:
            plain += f"_{number}"
        found.append(plain)
    return found


def write(
    call: Callable[..., Sequence[Any]], specs: Sequence[Any], outputs: Sequence[str], path: str
) -> Callable[[Arrays], Arrays]:
    """Write a function as an ONNX file.

    Args:
        call: from tensors, one a spec, to tensors, one an output.
        specs: the inputs' tf.TensorSpec, with the names of the ONNX file.
        outputs: the outputs' names in the ONNX file.
        path: where it is written.

    Returns:
        What asks TensorFlow.

    Raises:
        Refused: an operation has no counterpart in ONNX.
    """

    @tf.function(input_signature=list(specs), autograph=False)  # type: ignore[untyped-decorator]
    def named(*tensors: Any) -> dict[str, Any]:
        return {f"{i:04d}": one for i, one in enumerate(call(*tensors))}

    model, _ = tf2onnx.convert.from_function(
        named,
        input_signature=list(specs),
        opset=OPSET,
        custom_op_handlers={"Erfc": (write_erfc, [])},
    )
    require_known(model)
    drop_unread(model.graph, [one.name for one in specs])
    captures = named.get_concrete_function().graph.captures
    fix_inputs(model.graph, {inner.name: outer.numpy() for outer, inner in captures
                             if outer.dtype != tf.resource})  # fmt: skip
    rename_outputs(model.graph, {f"{i:04d}": name for i, name in enumerate(outputs)})
    onnx.save(model, path)

    def run(feeds: Arrays) -> Arrays:
        # An input that the graph never uses is not in the ONNX file.
        tensors = [
            tf.constant(feeds[one.name], one.dtype) if one.name in feeds else absent(one, feeds)
            for one in specs
        ]
        results = named(*tensors)
        return {name: results[f"{i:04d}"].numpy() for i, name in enumerate(outputs)}

    return run


def write_erfc(graph: Any, node: Any, *_: Any) -> None:
    """Write 1 - erf(x), which is how Keras computes GELU; tf2onnx has no operator for it."""
    one = graph.make_const(
        f"{node.name}_one", np.array(1, tf2onnx.utils.map_onnx_to_numpy_type(node.output_dtypes[0]))
    )
    erf = graph.make_node("Erf", [node.input[0]])
    outputs, shapes, dtypes = node.output, node.output_shapes, node.output_dtypes
    graph.remove_node(node.name)
    graph.make_node(
        "Sub", [one.output[0], erf.output[0]], outputs=outputs, shapes=shapes, dtypes=dtypes
    )


def absent(spec: Any, feeds: Arrays) -> Any:
    """Return zeros for an input that does not matter."""
    count = next((len(one) for one in feeds.values() if one.ndim), 1)
    return tf.zeros([count if size is None else size for size in spec.shape], spec.dtype)


def require_known(model: Any) -> None:
    """Refuse a model with operations that tf2onnx left as TensorFlow has them.

    Raises:
        Refused: names them.
    """
    if unknown := unknown_in(model):
        raise Refused(
            f"ONNX has no counterpart for TensorFlow's {', '.join(unknown)}",
            "Cut what does this off the model (a text or lookup layer, mostly), do it in recipe.py "
            "or in the client, and bake the rest.",
        )


def unknown_in(model: Any) -> list[str]:
    """Return the operations that tf2onnx left as they were, sorted."""
    return sorted(
        {
            node.op_type
            for node in nodes_of(model.graph)
            if node.domain == "" and not onnx.defs.has(node.op_type)
        }
    )


def rename_outputs(graph: Any, names: dict[str, str]) -> None:
    """Give a graph's outputs their names, in the order of these."""
    for node in nodes_of(graph):
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(name, name) for name in tensors]
    outputs = {one.name: one for one in graph.output}
    ordered = [outputs[old] for old in names]
    for one in ordered:
        one.name = names[one.name]
    del graph.output[:]
    graph.output.extend(ordered)
