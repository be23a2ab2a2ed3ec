"""A zoo for the playground: the two models of the house, and tiny ones of the other kinds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from onnx import TensorProto, helper

from function.settings import ZOO
from tests.model.bundle.bundles import write_bundle

PLANTED: Final = "<img src=x onerror=\"document.title='planted'\"><script>planted()</script>"
"""A description that must never be HTML."""

_ROW: Final = {"a": 1, "b": 2, "c": 3}
_COMMON: Final[dict[str, Any]] = {"schema": 2, "version": "1", "limits": {"instances": 4}}

_TYPES: Final = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}


def write_playground_zoo(zoo: Path) -> Path:
    """Write the bundles."""
    for name in ("digits", "iris"):
        (zoo / name).symlink_to(ZOO / name, target_is_directory=True)
    _write_tensors(zoo / "scaled")
    _write_regress(zoo / "areas")
    _write_embed(zoo / "faces")
    return zoo


def _write(folder: Path, nodes: list[Any], case: dict[str, Any], **more: Any) -> None:
    """Write a bundle of a network without weights; its tensors are those of its manifest."""
    document = _COMMON | {"name": folder.name, "artefact": {"file": "m.onnx"}} | more
    values = [
        [
            helper.make_tensor_value_info(one["name"], _TYPES[one["dtype"]], one["shape"])
            for one in [
                {**tensor, "shape": ["N" if axis < 0 else axis for axis in tensor["shape"]]}
                for tensor in document[side]
            ]
        ]
        for side in ("inputs", "outputs")
    ]
    graph = helper.make_graph(nodes, folder.name, *values)
    opsets = [helper.make_opsetid("", 18)]
    content = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    write_bundle(folder, document, content=content)
    golden = {"tolerance": 1e-4, "cases": [case]}
    (folder / "golden.json").write_text(json.dumps(golden), encoding="utf-8")


def _write_tensors(folder: Path) -> None:
    _write(
        folder,
        [
            helper.make_node("Cast", ["ids"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["floats", "rate"], ["scaled"]),
        ],
        {
            "name": "two ids",
            "inputs": {"ids": [[3, 4]], "rate": 0.5},
            "answer": {"outputs": {"scaled": [1.5, 2.0]}},
        },
        description=PLANTED,
        task="tensors",
        inputs=[
            {"name": "ids", "dtype": "int64", "shape": [-1, 2]},
            {"name": "rate", "dtype": "float32", "shape": []},
        ],
        outputs=[{"name": "scaled", "dtype": "float32", "shape": [-1, 2]}],
    )


def _write_regress(folder: Path) -> None:
    _write(
        folder,
        [
            helper.make_node("Constant", [], ["columns"], value_ints=[1]),
            helper.make_node("ReduceProd", ["rows", "columns"], ["area"], keepdims=1),
        ],
        {"name": "a field", "row": [2, 3], "answer": {"value": 6.0}},
        description="The area of a field.",
        task="regress",
        answer={"unit": "m²"},
        inputs=[{"name": "rows", "dtype": "float32", "shape": [-1, 2]}],
        outputs=[{"name": "area", "dtype": "float32", "shape": [-1, 1]}],
        rows={"columns": [{"name": "width_m", "unit": "m"}, {"name": "length_m", "unit": "m"}]},
    )


def _write_embed(folder: Path) -> None:
    _write(
        folder,
        [helper.make_node("Sin", ["rows"], ["code"])],
        {"name": "waves", "inputs": {"rows": [[0.0] * 64]}, "answer": {"embedding": [0.0] * 64}},
        description="Sixty-four numbers as sixty-four others.",
        task="embed",
        inputs=[{"name": "rows", "dtype": "float32", "shape": [-1, 64]}],
        outputs=[{"name": "code", "dtype": "float32", "shape": [-1, 64]}],
    )
