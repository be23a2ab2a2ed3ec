"""What an ONNX file says of itself: tensors, labels, columns, the last operator of each output."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import onnx
from onnx import numpy_helper

from model.bake.errors import BakeError
from model.bake.external import inline_weights

KNOWN_DOMAINS: Final = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"}
"""The domains of operators that the packages of ONNX Runtime implement."""

_SHAPES_ONLY: Final = {
    *("Cast", "DequantizeLinear", "Flatten", "Identity", "QuantizeLinear", "Reshape", "Squeeze"),
    *("Transpose", "Unsqueeze"),
}
"""Operators that leave numbers as they are: what an output means is said by the one before."""

_LABELS: Final = ("names", "labels", "classes", "class_names", "id2label")
_COLUMNS: Final = ("feature_names", "features", "columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The facts of an ONNX model that ONNX Runtime does not tell.

    Attributes:
        opset: the version of ONNX's own operators.
        producer: what exported it.
        metadata: the exporter's own keys.
        last: the operator that computes each output, those left out that only shape.
        labels: of its classifiers, the last one first.
        choices: the known values of inputs of strings, where an encoder lists them.
        imputed: inputs whose missing numbers the model fills in.
        strange: operators of domains that ONNX Runtime does not know, as "domain.Name".
    """

    opset: int
    producer: str
    metadata: Mapping[str, str]
    last: Mapping[str, str]
    labels: tuple[tuple[str, ...], ...]
    choices: Mapping[str, tuple[str, ...]]
    imputed: frozenset[str]
    strange: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of a row's columns, if the metadata has them."""
        return next(filter(None, (_list_of(self.metadata.get(key, "")) for key in _COLUMNS)), ())

    def labels_for(self, count: int) -> tuple[str, ...]:
        """Return the names of `count` classes; empty if the file has none."""
        stated = [_list_of(self.metadata.get(key, "")) for key in _LABELS]
        return next((one for one in (*self.labels, *stated) if len(one) == count), ())


def read_graph(path: Path, work: Path) -> tuple[Graph, Path]:
    """Read an ONNX file, and make it one file if its weights lie in others.

    Args:
        path: the file.
        work: where a new file may be written.

    Returns:
        Its facts, and the file to serve: `path` itself unless weights were moved into it.

    Raises:
        BakeError: not an ONNX file, or weights that are missing, outside or too large.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as exc:
        raise BakeError(
            f"{path}: no ONNX model, or a damaged one: {exc}",
            "Copy the file again, or export the model again.",
        ) from exc
    if inline_weights(model, path):
        path = work / "inlined.onnx"
        onnx.save_model(model, path)
    local = {(one.domain, one.name) for one in model.functions}
    nodes = [*_nodes_in(model.graph.node), *(n for f in model.functions for n in _nodes_in(f.node))]
    strange = {
        f"{node.domain}.{node.op_type}"
        for node in nodes
        if node.domain not in KNOWN_DOMAINS and (node.domain, node.op_type) not in local
    }
    graph = Graph(
        opset=next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 0),
        producer=" ".join(filter(None, (model.producer_name, model.producer_version))),
        metadata={entry.key: entry.value for entry in model.metadata_props},
        last=_last_operators(model.graph),
        labels=tuple(_labels_of(model.graph, nodes)),
        choices=dict(_choices_of(model.graph)),
        imputed=frozenset(_imputed_in(model.graph)),
        strange=tuple(sorted(strange)),
    )
    return graph, path


def _nodes_in(nodes: Sequence[Any]) -> Iterator[Any]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _nodes_in(graph.node)


def _last_operators(graph: onnx.GraphProto) -> dict[str, str]:
    makers = {output: node for node in graph.node for output in node.output}
    last = {}
    for output in graph.output:
        node = makers.get(output.name)
        while node is not None and node.op_type in _SHAPES_ONLY and node.input:
            node = makers.get(node.input[0])
        last[output.name] = node.op_type if node is not None else ""
    return last


def _labels_of(graph: onnx.GraphProto, nodes: Sequence[Any]) -> Iterator[tuple[str, ...]]:
    """Yield the classes that operators state, or that a label is picked from, the last first."""
    constants = {one.name: one for one in graph.initializer}
    for node in reversed(nodes):
        for attribute in node.attribute:
            if attribute.name in ("classlabels_strings", "classlabels_int64s"):
                yield from _not_empty(attribute.strings or attribute.ints)
            if node.op_type == "Constant" and attribute.name == "value":
                constants[node.output[0]] = attribute.t
    for node in reversed(nodes):
        picked = constants.get(node.input[0]) if node.op_type == "ArrayFeatureExtractor" else None
        if picked is not None:
            yield from _not_empty(numpy_helper.to_array(picked).reshape(-1).tolist())


def _choices_of(graph: onnx.GraphProto) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the values that encoders of an input of strings know, by the input's name."""
    for node in graph.node:
        known = [a.strings for a in node.attribute if a.name in ("cats_strings", "keys_strings")]
        if known and known[0]:
            for name in _sources_of(graph, node, {"Imputer", "StringNormalizer"}):
                yield name, tuple(one.decode() for one in known[0])


def _imputed_in(graph: onnx.GraphProto) -> Iterator[str]:
    """Yield the inputs that reach an imputer of floats, or a question for NaN, as they are."""
    for node in graph.node:
        fills = any(a.name == "imputed_value_floats" for a in node.attribute)
        if (node.op_type == "Imputer" and fills) or node.op_type == "IsNaN":
            yield from _sources_of(graph, node, {"Concat", "FeatureVectorizer"})


def _sources_of(graph: onnx.GraphProto, node: Any, passed: set[str]) -> set[str]:
    """Return the inputs that a node's first input comes from, through some operators only."""
    makers = {output: one for one in graph.node for output in one.output}
    inputs = {one.name for one in graph.input}
    found, waiting = set(), [node.input[0]]
    while waiting:
        name = waiting.pop()
        maker = makers.get(name)
        if name in inputs:
            found.add(name)
        elif maker is not None and maker.op_type in _SHAPES_ONLY | passed:
            waiting += maker.input if maker.op_type in ("Concat", "FeatureVectorizer") else (
                maker.input[:1])  # fmt: skip
    return found


def _not_empty(labels: Sequence[Any]) -> Iterator[tuple[str, ...]]:
    if labels:
        yield tuple(one.decode() if isinstance(one, bytes) else str(one) for one in labels)


def _list_of(text: str) -> tuple[str, ...]:
    """Read names from metadata: JSON, Python's own notation, or separated by commas."""
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, dict):
            value = [value[key] for key in sorted(value, key=_number_of)]
        if isinstance(value, list | tuple):
            return tuple(map(str, value))
    return tuple(part.strip() for part in text.split(",")) if "," in text else ()


def _number_of(key: object) -> tuple[int, str]:
    text = str(key)
    return (int(text) if text.isdecimal() else 0), text
