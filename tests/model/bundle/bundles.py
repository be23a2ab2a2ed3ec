"""Bundles of the tests' own making: a manifest and a network of three weights a side."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import tomli_w
from onnx import TensorProto, helper, numpy_helper

from tests import ROOT

ZOO: Final = ROOT / "model" / "zoo"

DOCUMENT: Final[dict[str, Any]] = {
    "schema": 2,
    "name": "tiny",
    "version": "1",
    "task": "classify",
    "description": "Which of three numbers is the largest.",
    "licence": "Apache-2.0",
    "artefact": {"file": "tiny.onnx"},
    "inputs": [{"name": "rows", "dtype": "float32", "shape": [-1, 3]}],
    "outputs": [{"name": "probabilities", "dtype": "float32", "shape": [-1, 3]}],
    "rows": {
        "columns": [
            {"name": name, "unit": "cm", "minimum": 0, "maximum": 9.5} for name in ("a", "b", "c")
        ]
    },
    "answer": {"labels": ["x", "y", "z"]},
    "limits": {"instances": 4},
    "training": {"data": "none", "seed": 7, "layers": [3, 3], "augmented": False},
    "metrics": {"accuracy": 1},
}
"""A valid manifest, but for the hash, which `write_bundle` fills in."""

DOCUMENT_1: Final[dict[str, Any]] = {
    **{key: DOCUMENT[key] for key in ("name", "version", "description", "licence", "limits")},
    **{key: DOCUMENT[key] for key in ("training", "metrics")},
    "schema": 1,
    "kind": "table-classification",
    "artefact": {"file": "tiny.onnx", "engine": "onnx"},
    "input": {"tensor": "rows", "dtype": "float32", "shape": [-1, 3]},
    "preprocessing": {"recipe": "columns"},
    "columns": DOCUMENT["rows"]["columns"],
    "output": {"tensor": "probabilities", "labels": ["x", "y", "z"]},
}
"""The same manifest, as the first schema has it."""

ABSENT: Final = object()
"""In place of a value: the key is left out."""


def changed(where: str, value: Any, document: dict[str, Any] = DOCUMENT) -> dict[str, Any]:
    """Copy a manifest with the value at a dotted key replaced, added or taken out."""
    whole = deepcopy(document)
    *parents, last = [int(part) if part.isdigit() else part for part in where.split(".")]
    table: Any = whole
    for part in parents:
        table = table[part]
    if value is ABSENT:
        del table[last]
    else:
        table[last] = value
    return whole


@dataclass(frozen=True)
class Network:
    """What the manifest can be wrong about in a model file that answers with a softmax."""

    tensor: str = "rows"
    output: str = "probabilities"
    shape: tuple[str | int, ...] = ("batch", 3)
    classes: int = 3
    input_type: int = TensorProto.FLOAT
    output_type: int = TensorProto.FLOAT
    weight: float = 1.0

    def onnx(self) -> bytes:
        """Spell it as ONNX: softmax of the first numbers of an instance, one a class."""
        width = prod(map(int, self.shape[1:]))
        weights = np.eye(width, self.classes, dtype=np.float32) * np.float32(self.weight)
        graph = helper.make_graph(
            [
                helper.make_node("Cast", [self.tensor], ["numbers"], to=TensorProto.FLOAT),
                helper.make_node("Flatten", ["numbers"], ["matrix"], axis=1),
                helper.make_node("MatMul", ["matrix", "weights"], ["logits"]),
                helper.make_node("Softmax", ["logits"], ["softmax"], axis=1),
                helper.make_node("Cast", ["softmax"], [self.output], to=self.output_type),
            ],
            "tiny",
            [helper.make_tensor_value_info(self.tensor, self.input_type, self.shape)],
            [
                helper.make_tensor_value_info(
                    self.output, self.output_type, (self.shape[0], self.classes)
                )
            ],
            [numpy_helper.from_array(weights, "weights")],
        )
        opsets = [helper.make_opsetid("", 18)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content


def write_bundle(
    folder: Path, document: dict[str, Any] = DOCUMENT, *, content: bytes | None = None
) -> Path:
    """Write a model file (three numbers' softmax, unless given) and its manifest."""
    folder.mkdir(exist_ok=True)
    content = Network().onnx() if content is None else content
    (folder / document["artefact"]["file"]).write_bytes(content)
    whole = deepcopy(document)
    whole["artefact"].setdefault("sha256", hashlib.sha256(content).hexdigest())
    write_toml(folder, whole)
    return folder


def write_toml(folder: Path, document: dict[str, Any]) -> Path:
    """Write a manifest as it is, valid or not; return the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "model.toml").write_text(tomli_w.dumps(document), encoding="utf-8")
    return folder
