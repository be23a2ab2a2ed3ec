"""XGBoost's JSON and UBJSON files; live boosters and scikit-learn's wrappers of them."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from model.bake.converter import convert
from model.bake.errors import BakeError
from model.bake.sources.base import HEAD_BYTES, Hints, Original, Say, class_labels, modules_of
from model.recipes.base import Column

_JSON: Final = (b'{"learner"', b'{"version"')
_UBJSON: Final = (b"{L\0\0\0\0\0\0\0\7learner", b"{L\0\0\0\0\0\0\0\7version")
_PARAMETERS: Final = 136
"""Bytes before the objective's name in the binary format that XGBoost 3.1 dropped."""

_OBJECTIVES: Final = (b"reg:", b"binary:", b"multi:", b"count:", b"rank:", b"survival:")


def recognises(path: Path, head: bytes) -> bool:
    """Tell JSON and UBJSON by their first key, and the old binary by its objective."""
    spaceless = b"".join(head[:64].split())
    learner = spaceless.startswith(_JSON) and (b'"learner"' in head or b'"gradient' in head)
    return learner or head.startswith(_UBJSON) or _is_binary(head)


def _is_binary(head: bytes) -> bool:
    content = head.removeprefix(b"binf")
    if len(content) < _PARAMETERS + 16:
        return False
    (length,) = struct.unpack_from("<Q", content, _PARAMETERS)
    return length < 64 and content[_PARAMETERS + 8 :].startswith(_OBJECTIVES)


def open(path: Path, work: Path, say: Say) -> Original:  # noqa: A001  # the sources' interface
    """Convert an XGBoost model.

    Raises:
        BakeError: it is of the old binary format, or ONNX's trees cannot express it.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if _is_binary(head):
        raise BakeError(
            f"{path}: XGBoost's old binary format, which XGBoost itself reads no more",
            "Open it with XGBoost 2 and save it anew: pip install 'xgboost<3', then "
            "xgboost.Booster(model_file='old').save_model('model.ubj').",
        )
    onnx = work / "model.onnx"
    # XGBoost tells its formats by the ending.
    link = work / ("original.ubj" if head.startswith(_UBJSON) else "original.json")
    link.symlink_to(path.resolve())
    converter = convert("trees", "xgboost_file", link, onnx, say)
    facts = converter.facts
    columns = tuple(Column(one["name"], missing="nan") for one in facts["columns"])
    return Original(
        format="xgboost",
        summary=f"XGBoost {facts['version']}, {facts['objective']}",
        onnx=onnx,
        run=converter.run,
        hints=Hints(columns=columns, task="classify" if facts["classes"] else "regress"),
    )


def recognises_object(model: Any) -> bool:
    """Tell a booster or a wrapper; a scikit-learn pipeline around one is scikit-learn's."""
    return "xgboost" in modules_of(model) and hasattr(model, "save_model")


def open_object(model: Any, samples: Any, work: Path, say: Say) -> Original:
    """Save a live model and convert that; the classes' names are the wrapper's."""
    saved = work / "saved.ubj"
    model.save_model(saved)
    original = open(saved, work, say)
    return replace(original, hints=replace(original.hints, labels=class_labels(model)))
