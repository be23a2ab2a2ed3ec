"""The network: how it is built, and how it is exported to ONNX."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import onnx
from keras import layers

INPUT: Final = "image"
OUTPUT: Final = "probabilities"
SHAPE: Final = (28, 28, 1)
Blocks = Sequence[Sequence[int]]

STUDENT: Final[Blocks] = ((16,), (48, 48), (64, 96))
"""Channels of the served network, block by block; pooling follows each block."""

TEACHER: Final[Blocks] = ((32,), (64, 64), (128, 128))
"""Channels of the teachers: over twice the arithmetic."""

HIDDEN: Final = 128

# ONNX Runtime 1.31 has its fast kernels for these.
OPSET: Final = 15


def built(blocks: Blocks = STUDENT, *, dropout: float = 0.2) -> keras.Sequential:
    """Build an untrained network.

    Pooling comes early and the 5x5 kernel is used only on one channel, so nearly all of the
    arithmetic is done on 14x14 and 7x7 pixels.

    Args:
        blocks: the channels of the convolutions of each of three blocks.
        dropout: the share of the last hidden features that is dropped in training; half of it after
            the third block, a quarter after the second.
    """
    network = keras.Sequential([keras.Input(SHAPE, name=INPUT)], name="digits")
    for number, channels in enumerate(blocks):
        for count in channels:
            network.add(layers.Conv2D(count, 3 if number else 5, padding="same", use_bias=False))
            network.add(layers.BatchNormalization(momentum=0.95))
            network.add(layers.ReLU())
        network.add(layers.MaxPooling2D())
        if number:
            network.add(layers.Dropout(dropout * number / 4))
    network.add(layers.Flatten())
    network.add(layers.Dense(HIDDEN, activation="relu"))
    network.add(layers.Dropout(dropout))
    network.add(layers.Dense(10, activation="softmax", name=OUTPUT))
    return network


def exported(network: keras.Sequential) -> bytes:
    """Export the network as ONNX: `image` float32[N, 28, 28, 1] to `probabilities` [N, 10]."""
    network(np.zeros((1, *SHAPE), dtype=np.float32))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.onnx"
        network.export(path, format="onnx", verbose=False, opset_version=OPSET)
        graph = onnx.load(path)
    content: bytes = tidied(graph).SerializeToString()
    return content


def tidied(model: Any) -> Any:
    """Rename the exported graph's tensors, and replace its Flatten by one without shape arithmetic.

    The exporter writes Flatten as seven nodes that compute the batch size at every call.
    """
    graph = model.graph
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    producers = {name: node for node in graph.node for name in node.output}
    last = producers[graph.output[0].name]
    last.output[0] = graph.output[0].name = OUTPUT
    constants = {constant.name: constant for constant in graph.initializer}
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] not in constants:
            width = _columns_of(graph, constants, node.output[0])
            shape = np.array([-1, width], dtype=np.int64)
            graph.initializer.append(onnx.numpy_helper.from_array(shape, "flattened_shape"))
            node.input[1] = "flattened_shape"
    _drop_unused(graph)
    onnx.checker.check_model(model, full_check=True)
    return model


def _columns_of(graph: Any, constants: dict[str, Any], name: str) -> int:
    """Return how many columns the matrix `name` has, from the weights it is multiplied with."""
    user = next(node for node in graph.node if name in node.input)
    columns: int = constants[user.input[1]].dims[0]
    return columns


def _drop_unused(graph: Any) -> None:
    """Remove nodes and constants that lead to no output."""
    needed = {OUTPUT}
    for node in reversed(list(graph.node)):
        if needed.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            needed.update(node.input)
    for constant in [each for each in graph.initializer if each.name not in needed]:
        graph.initializer.remove(constant)
