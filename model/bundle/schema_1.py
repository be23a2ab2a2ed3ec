"""The first form of the manifest: one tensor in, probabilities out, two recipes."""

from __future__ import annotations

from typing import Any, Final

SCHEMA: Final = 1
_KINDS: Final = ("image-classification", "table-classification")


def upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """Convert a manifest of schema 1 to schema 2; unknown keys are kept, to be reported."""
    new: dict[str, Any] = {**document, "schema": 2}
    if new.get("kind") in _KINDS:
        del new["kind"]
    new["task"] = "classify"
    tensor, output, preprocessing = (
        dict(value) if isinstance(value := new.pop(key, {}), dict) else {key: value}
        for key in ("input", "output", "preprocessing")
    )
    new["inputs"] = [_named(tensor)]
    labels = output.pop("labels", None)
    width = len(labels) if isinstance(labels, list) else 1
    new["outputs"] = [{"dtype": "float32", "shape": [-1, max(width, 1)], **_named(output)}]
    new["answer"] = {} if labels is None else {"labels": labels}
    recipe = preprocessing.pop("recipe", None)
    if recipe == "columns":
        new["rows"] = {"columns": new.pop("columns", [])}
    elif recipe is not None:
        new["recipe"] = recipe
    return new | preprocessing


def _named(tensor: dict[str, Any]) -> dict[str, Any]:
    """Rename the key of a tensor's name."""
    return {"name" if key == "tensor" else key: value for key, value in tensor.items()}
