"""scikit-learn's classifiers of several labels at once: one probability a label, [N, K]."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def last_step(model: Any) -> Any:
    """Return what answers: the last step of a pipeline, or the model."""
    return model[-1] if hasattr(model, "steps") else model


def is_multilabel(model: Any) -> bool:
    """Whether it says of each of several labels whether it is there: 0 or 1."""
    last = last_step(model)
    binarizer = getattr(last, "_label_binarizer", None)  # of MLPClassifier
    if getattr(binarizer, "y_type_", "") == "multilabel-indicator":
        return True
    classes = getattr(last, "classes_", None)
    return isinstance(classes, list) and all(list(one) == [0, 1] for one in classes)


def shares_of(found: Any) -> NDArray[Any]:
    """Return the labels' probabilities, [N, K]: a list has those of 0 and 1, [N, 2], of each."""
    return np.stack([one[:, 1] for one in found], axis=1) if isinstance(found, list) else found


def flatten(converted: Any, count: int) -> None:
    """Make [N, count] of the probabilities that skl2onnx writes.

    They are [K, N, 2], a sequence of [N, 2], or, of MLPClassifier, those of 0 before those of 1.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = converted.graph
    label, shares = graph.output
    name = shares.name

    def add(operator: str, inputs: list[str], output: str, **how: Any) -> str:
        graph.node.append(helper.make_node(operator, inputs, [output], **how))
        return output

    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [f"{one}_of_both" if one == name else one for one in names]
    found = f"{name}_of_both"
    kind, rank = shares.type.WhichOneof("value"), len(shares.type.tensor_type.shape.dim)
    element = shares.type.tensor_type.elem_type or TensorProto.FLOAT
    if kind == "sequence_type":
        element = shares.type.sequence_type.elem_type.tensor_type.elem_type
    if kind == "sequence_type" or rank == 0:
        found = add("ConcatFromSequence", [found], f"{name}_joined", axis=0, new_axis=1)
    if kind == "sequence_type" or rank != 2:
        graph.initializer.append(numpy_helper.from_array(np.int64(1), f"{name}_yes"))
        found = add("Gather", [found, f"{name}_yes"], f"{name}_by_label", axis=2)
        add("Transpose", [found], name, perm=[1, 0])
    else:
        for at, ends in (("from", -count), ("to", 2**31), ("axes", 1)):
            graph.initializer.append(numpy_helper.from_array(np.array([ends]), f"{name}_{at}"))
        add("Slice", [found, *(f"{name}_{at}" for at in ("from", "to", "axes"))], name)
    shares.CopyFrom(helper.make_tensor_value_info(name, element, [None, count]))
    label.CopyFrom(helper.make_tensor_value_info(label.name, TensorProto.INT64, [None, count]))
