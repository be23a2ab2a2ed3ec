"""A zoo for the playground: the two models of the house, and a tiny one of each other kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from onnx import helper

from function.settings import ZOO
from tests.function.kinds import KINDS, write_kind

PLANTED: Final = "<img src=x onerror=\"document.title='planted'\"><script>planted()</script>"
"""A description that must never be HTML."""


def _column(name: str, dtype: str) -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "shape": [-1, 1]}


_FARES: Final[dict[str, Any]] = {
    "task": "regress",
    "description": "What a ticket costs.",
    "inputs": [
        _column("age", "float32"),
        _column("bags", "int64"),
        _column("from", "string"),
        _column("return", "bool"),
    ],
    "outputs": [{"name": "fare", "dtype": "float32", "shape": [-1, 1]}],
    "answer": {"unit": "EUR"},
    "rows": {
        "columns": [
            {"name": "age", "minimum": 0, "maximum": 100, "missing": "nan"},
            {"name": "bags"},
            {"name": "from", "choices": ["Southampton", "Cherbourg"]},
            {"name": "return"},
        ]
    },
}


def write_playground_zoo(zoo: Path) -> Path:
    """Write the bundles."""
    for name in ("digits", "iris"):
        (zoo / name).symlink_to(ZOO / name, target_is_directory=True)
    part, nodes, case = KINDS["scale"]
    write_kind(zoo / "scale", part | {"description": PLANTED}, nodes, case)
    write_kind(
        zoo / "fares",
        _FARES,
        [
            helper.make_node("Cast", ["bags"], ["weights"], to=1),
            helper.make_node("Add", ["age", "weights"], ["fare"]),
        ],
        {
            "row": {"age": 30, "bags": 2, "from": "Cherbourg", "return": True},
            "answer": {"value": 32.0},
        },
    )
    text = {"dtype": "string", "shape": [-1]}
    write_kind(
        zoo / "echo",
        {
            "task": "tensors",
            "inputs": [{"name": "text", **text}],
            "outputs": [{"name": "same", **text}],
            "text": {},
        },
        [helper.make_node("Identity", ["text"], ["same"])],
        {"text": "Hello.", "answer": {"outputs": {"same": "Hello."}}},
    )
    return zoo
