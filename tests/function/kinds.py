"""A zoo with one tiny model of each kind: what it takes, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from onnx import TensorProto, helper

from function.service import Service
from tests.function.zoos import served
from tests.model.bundle.bundles import write_bundle

_TYPES: Final = {
    "float32": TensorProto.FLOAT,
    "int64": TensorProto.INT64,
    "string": TensorProto.STRING,
    "bool": TensorProto.BOOL,
}
_ROW: Final = {"columns": [{"name": "width"}, {"name": "height"}]}
_OF_ROWS: Final = {"name": "rows", "dtype": "float32", "shape": [-1, 2]}


def _tensor(name: str, dtype: str, *shape: int) -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "shape": list(shape)}


KINDS: Final[dict[str, tuple[dict[str, Any], list[Any], dict[str, Any]]]] = {
    "scale": (
        {
            "task": "tensors",
            "inputs": [_tensor("ids", "int64", -1, -1), _tensor("rate", "float32")],
            "outputs": [_tensor("scaled", "float32", -1, -1)],
        },
        [
            helper.make_node("Cast", ["ids"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["floats", "rate"], ["scaled"]),
        ],
        {"inputs": {"ids": [[1, 2]], "rate": 0.5}, "answer": {"outputs": {"scaled": [0.5, 1.0]}}},
    ),
    "mean": (
        {
            "task": "regress",
            "inputs": [_OF_ROWS],
            "outputs": [_tensor("mean", "float32", -1, 1)],
            "rows": _ROW,
        },
        [helper.make_node("ReduceMean", ["rows"], ["mean"], axes=[1], keepdims=1)],
        {"row": [1, 2], "answer": {"value": 1.5}},
    ),
    "vector": (
        {
            "task": "embed",
            "inputs": [_OF_ROWS],
            "outputs": [_tensor("same", "float32", -1, 2)],
            "rows": _ROW,
        },
        [helper.make_node("Identity", ["rows"], ["same"])],
        {"row": [1, 2], "answer": {"embedding": [1.0, 2.0]}},
    ),
    "echo": (
        {
            "task": "tensors",
            "inputs": [_tensor("words", "string", -1, 1)],
            "outputs": [_tensor("same", "string", -1, 1)],
            "text": {},
        },
        [helper.make_node("Identity", ["words"], ["same"])],
        {"text": "a b", "answer": {"outputs": {"same": ["a b"]}}},
    ),
    "people": (
        {
            "task": "tensors",
            "inputs": [_tensor("name", "string", -1, 1), _tensor("age", "float32", -1, 1)],
            "outputs": [
                _tensor("same", "string", -1, 1),
                _tensor("old", "bool", -1, 1),
            ],
            "rows": {
                "columns": [
                    {"name": "Name", "dtype": "string"},
                    {"name": "Age", "missing": "nan"},
                ]
            },
        },
        [
            helper.make_node("Identity", ["name"], ["same"]),
            helper.make_node("Greater", ["age", "age"], ["old"]),
        ],
        {"row": ["Jo", None], "answer": {"outputs": {"same": ["Jo"], "old": [False]}}},
    ),
    "shade": (
        {
            "task": "regress",
            "inputs": [_tensor("pixels", "float32", -1, 1, 4, 4)],
            "outputs": [_tensor("mean", "float32", -1, 1)],
            "picture": {"colours": "gray", "scale": 0.5},
        },
        [
            helper.make_node("ReduceMean", ["pixels"], ["flat"], axes=[2, 3], keepdims=0),
            helper.make_node("Identity", ["flat"], ["mean"]),
        ],
        {"inputs": {"pixels": [[[[2] * 4] * 4]]}, "answer": {"value": 2.0}},
    ),
}
"""By name: the manifest's own part, the graph's nodes, and a golden case."""


def kinds_zoo(zoo: Path) -> Path:
    """Write the zoo; every model takes three instances at most."""
    zoo.mkdir(exist_ok=True)
    for name, (part, nodes, case) in KINDS.items():
        write_kind(zoo / name, part, nodes, case)
    return zoo


def write_kind(
    folder: Path, part: dict[str, Any], nodes: Sequence[Any], case: dict[str, Any]
) -> None:
    """Write a bundle by the manifest's own part, the graph's nodes, and a golden case."""
    document = {"schema": 2, "name": folder.name, "version": "1", **part}
    document |= {"artefact": {"file": "m.onnx"}, "limits": {"instances": 3}}
    content = _onnx(nodes, part["inputs"], part["outputs"])
    write_bundle(folder, document, content=content)
    golden = {"tolerance": 1e-5, "cases": [{"name": "one", **case}]}
    (folder / "golden.json").write_text(json.dumps(golden), encoding="utf-8")


def kinds_service(zoo: Path) -> Service:
    """Write the zoo and load it."""
    return served(kinds_zoo(zoo))


def _onnx(
    nodes: Sequence[Any], inputs: Sequence[dict[str, Any]], outputs: Sequence[dict[str, Any]]
) -> bytes:
    """Spell a graph as a model file."""

    def values(tensors: Sequence[dict[str, Any]]) -> list[Any]:
        return [
            helper.make_tensor_value_info(
                one["name"],
                _TYPES[one["dtype"]],
                [f"axis {n}" if size < 0 else size for n, size in enumerate(one["shape"])],
            )
            for one in tensors
        ]

    graph = helper.make_graph(list(nodes), "kind", values(inputs), values(outputs))
    opsets = [helper.make_opsetid("", 13)]
    content: bytes = helper.make_model(
        graph, opset_imports=opsets, ir_version=8
    ).SerializeToString()
    return content
