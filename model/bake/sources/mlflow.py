"""MLflow's model folders: the model of another format in it, its signature and its example."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from model.bake.errors import BakeError
from model.bake.sources import open_file
from model.bake.sources.base import Original, Say
from model.recipes.base import Column

DOCUMENT: Final = "MLmodel"

FLAVOURS: Final = ("onnx", "xgboost", "lightgbm", "keras", "tensorflow")
"""Those whose files can be opened, the one preferred first."""

PYTHON: Final = ("sklearn", "pytorch", "catboost", "lightgbm", "xgboost")
"""Flavours that may hold Python's objects, which only mlflow's module of that name loads."""

OBJECTS: Final = (".pkl", ".skops")

KERAS: Final = ("model.keras", "model.h5", "model", "")
"""Where MLflow puts Keras's file, or TensorFlow's folder, in the folder of its data."""


def recognises(path: Path, head: bytes) -> bool:
    """Tell by the document in the folder, which people name as well."""
    return (path / DOCUMENT).is_file() or (path.name == DOCUMENT and b"flavors" in head)


def open(path: Path, work: Path, say: Say) -> Original:  # noqa: A001  # the sources' interface
    """Open the model in the folder, with what MLflow knows of its columns and an example.

    Raises:
        BakeError: it is kept as a pickle, or in no format that can be opened.
    """
    import yaml

    folder = path if path.is_dir() else path.parent
    try:
        document = yaml.safe_load((folder / DOCUMENT).read_text(encoding="utf-8"))
        flavours: Mapping[str, Any] = document["flavors"]
    except (yaml.YAMLError, KeyError, TypeError) as exc:
        raise BakeError(f"{folder / DOCUMENT}: no model of MLflow: {exc}") from exc
    known = {one: _file_of(folder, flavours[one]) for one in FLAVOURS if one in flavours}
    files = [file for file in known.values() if file.suffix not in OBJECTS]
    if not files:
        raise BakeError(*_refusal(folder, flavours))
    original = open_file(files[0], work, say)
    hints = original.hints
    columns = _columns_in(document)
    if columns and (not hints.columns or len(columns) == len(hints.columns)):
        missing = dict(enumerate(one.missing for one in hints.columns))
        columns = tuple(
            replace(one, missing=missing.get(at, one.missing)) for at, one in enumerate(columns)
        )
        hints = replace(hints, columns=columns)
    hints = replace(hints, samples=_samples_in(folder, document))
    return replace(original, summary=f"MLflow, {original.summary}", hints=hints)


def _refusal(folder: Path, flavours: Mapping[str, Any]) -> tuple[str, str]:
    for flavour in PYTHON:
        if flavour in flavours:
            return (
                f"{folder}: MLflow keeps this {flavour} model as a Python object, which may run "
                "code when it is loaded",
                "Where you trust it, load it and bake the object: "
                f"import mlflow.{flavour}; from model.bake import bake; "
                f"bake(mlflow.{flavour}.load_model('{folder}'), name=\"model\", samples=X[:20])",
            )
    found = ", ".join(sorted(flavours))
    return (
        f"{folder}: expected one of MLflow's flavours {', '.join(FLAVOURS)}, got {found}",
        "Log it as ONNX: mlflow.onnx.log_model(onnx_model, name='model'), and bake that folder.",
    )


def _file_of(folder: Path, flavour: Mapping[str, Any]) -> Path:
    """Return where a flavour's model is: a file, or a folder with Keras's."""
    data = folder / str(flavour.get("data") or flavour.get("saved_model_dir") or "")
    if not data.is_dir():
        return data
    return next(data / name for name in KERAS if (data / name).exists())


def _columns_in(document: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the columns that the signature names; none of a signature of tensors."""
    inputs = json.loads((document.get("signature") or {}).get("inputs") or "[]")
    if not all(isinstance(one, dict) and one.get("name") and "type" in one for one in inputs):
        return ()
    if any(one["type"] == "tensor" for one in inputs):
        return ()
    return tuple(
        Column(one["name"], missing="refuse" if one.get("required", True) else "nan")
        for one in inputs
    )


def _samples_in(folder: Path, document: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the rows of the input example; none of an example of another kind."""
    told = document.get("saved_input_example_info") or {}
    file = folder / str(told.get("artifact_path") or "absent")
    if told.get("type") != "dataframe" or not file.is_file():
        return ()
    table = json.loads(file.read_text(encoding="utf-8"))
    if not {"columns", "data"} <= set(table):
        return ()
    return tuple(dict(zip(table["columns"], row, strict=True)) for row in table["data"])
