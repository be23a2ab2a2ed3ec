"""
Read and check `model.toml`, the manifest of a bundle.

Every key is required, none is ignored: a manifest with a misspelt key must not load.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model.errors import ArtefactError

SCHEMA: Final = 1
MANIFEST_FILE: Final = "model.toml"
NAME: Final = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,64}")
"""Names of models, versions and files: they stand in URLs and paths, so no separators."""

ENGINES: Final = ("onnx", "litert", "tensorflow")
RECIPES: Final = {"image-classification": ("digit",), "table-classification": ("columns",)}
"""Each kind of model, and the preprocessing recipes that fit it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table model: its name, its unit, and the range it was trained on."""

    name: str
    unit: str
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself. Shapes use -1 for the batch axis."""

    folder: Path
    name: str
    version: str
    kind: str
    description: str
    licence: str
    file: str
    engine: str
    sha256: str
    tensor: str
    dtype: str
    shape: tuple[int, ...]
    recipe: str
    columns: tuple[Column, ...]
    output_tensor: str
    labels: tuple[str, ...]
    max_instances: int
    training: Mapping[str, Any]
    metrics: Mapping[str, float]

    @property
    def artefact(self) -> Path:
        """The model file."""
        return self.folder / self.file

    @property
    def of_pictures(self) -> bool:
        """Whether an instance is a picture; a row otherwise."""
        return self.kind.startswith("image-")


def read_manifest(folder: Path) -> Manifest:
    """
    Read `model.toml` in a bundle's folder.

    Raises:
        ArtefactError: the file is missing, is no TOML, or a key is missing, unknown or wrong.
    """
    path = folder / MANIFEST_FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ArtefactError(path, expected="a manifest", got=exc.strerror) from exc
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ArtefactError(path, expected="TOML in UTF-8", got=exc) from exc
    top = _Table(path, "", document)
    if top.integer("schema") != SCHEMA:
        raise ArtefactError(path, expected=f"schema {SCHEMA}", got=document["schema"])
    manifest = _manifest_of(folder, top)
    top.close()
    _check_together(path, manifest)
    return manifest


def _manifest_of(folder: Path, top: _Table) -> Manifest:
    artefact, inputs, output = top.table("artefact"), top.table("input"), top.table("output")
    preprocessing, limits = top.table("preprocessing"), top.table("limits")
    kind = top.text("kind", choices=tuple(RECIPES))
    manifest = Manifest(
        folder=folder,
        name=top.text("name", pattern=NAME),
        version=top.text("version", pattern=NAME),
        kind=kind,
        description=top.text("description"),
        licence=top.text("licence"),
        file=artefact.text("file", pattern=NAME),
        engine=artefact.text("engine", choices=ENGINES),
        sha256=artefact.text("sha256", pattern=re.compile("[0-9a-f]{64}")),
        tensor=inputs.text("tensor"),
        dtype=inputs.text("dtype", choices=("float32",)),
        shape=inputs.shape("shape"),
        recipe=preprocessing.text("recipe", choices=RECIPES[kind]),
        columns=tuple(_column_of(table) for table in top.tables("columns")),
        output_tensor=output.text("tensor"),
        labels=output.texts("labels"),
        max_instances=limits.integer("instances"),
        training=top.free("training"),
        metrics={key: float(value) for key, value in top.free("metrics", numbers=True).items()},
    )
    for table in (artefact, inputs, output, preprocessing, limits):
        table.close()
    return manifest


def _column_of(table: _Table) -> Column:
    column = Column(
        name=table.text("name"),
        unit=table.text("unit"),
        minimum=table.number("minimum"),
        maximum=table.number("maximum"),
    )
    table.close()
    if column.minimum > column.maximum:
        raise table.error("minimum", f"at most maximum ({column.maximum})", column.minimum)
    return column


def _check_together(path: Path, manifest: Manifest) -> None:
    if manifest.name != manifest.folder.name:
        raise ArtefactError(
            path, expected=f"name = {manifest.folder.name!r}, as the folder", got=manifest.name
        )
    names = [column.name for column in manifest.columns]
    for what, values in (("labels", manifest.labels), ("columns", names)):
        if len(set(values)) != len(values):
            raise ArtefactError(path, expected=f"{what} that differ", got=list(values))
    if not manifest.of_pictures and manifest.shape != (-1, len(names)):
        raise ArtefactError(
            path, expected=f"input.shape [-1, {len(names)}], one axis size a column",
            got=list(manifest.shape),
        )  # fmt: skip
    if manifest.of_pictures and names:
        raise ArtefactError(path, expected="no columns in a manifest of pictures", got=names)


class _Table:
    """A TOML table that is read key by key; what was never asked for is an error."""

    def __init__(self, path: Path, prefix: str, values: Mapping[str, Any]) -> None:
        self._path = path
        self._prefix = prefix
        self._values = values
        self._asked: set[str] = set()

    def error(self, key: str, expected: str, got: object) -> ArtefactError:
        return ArtefactError(self._path, expected=f"{self._prefix}{key} = {expected}", got=got)

    def close(self) -> None:
        unknown = sorted(self._values.keys() - self._asked)
        if unknown:
            known = ", ".join(sorted(self._asked))
            raise self.error("…", f"one of the keys {known}", unknown[0])

    def _get(self, key: str, kinds: tuple[type, ...], expected: str) -> Any:
        self._asked.add(key)
        if key not in self._values:
            raise self.error(key, expected, "nothing")
        value = self._values[key]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise self.error(key, expected, repr(value))
        return value

    def text(
        self, key: str, *, pattern: re.Pattern[str] | None = None, choices: tuple[str, ...] = ()
    ) -> str:
        value: str = self._get(key, (str,), "a text")
        if choices and value not in choices:
            raise self.error(key, "one of " + ", ".join(choices), repr(value))
        if pattern and not pattern.fullmatch(value):
            raise self.error(key, f"a text like {pattern.pattern}", repr(value))
        if not value.strip():
            raise self.error(key, "a text", "an empty one")
        return value

    def integer(self, key: str) -> int:
        value: int = self._get(key, (int,), "a whole number from 1")
        if value < 1:
            raise self.error(key, "a whole number from 1", value)
        return value

    def number(self, key: str) -> float:
        value = float(self._get(key, (int, float), "a number"))
        if value != value or value in (float("inf"), float("-inf")):
            raise self.error(key, "a finite number", value)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._get(key, (list,), "a list of texts")
        if not values or not all(isinstance(value, str) and value for value in values):
            raise self.error(key, "a list of texts", values)
        return tuple(values)

    def shape(self, key: str) -> tuple[int, ...]:
        values = self._get(key, (list,), "a list of sizes, -1 first")
        whole = all(type(value) is int for value in values)
        if not whole or values[:1] != [-1] or any(value < 1 for value in values[1:]):
            raise self.error(key, "a list of sizes, -1 (the batch) first", values)
        return tuple(values)

    def table(self, key: str) -> _Table:
        return _Table(self._path, f"{self._prefix}{key}.", self._get(key, (dict,), "a table"))

    def tables(self, key: str) -> list[_Table]:
        """Read an array of tables, which may be absent."""
        self._asked.add(key)
        values = self._values.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.error(key, "an array of tables", repr(values))
        return [
            _Table(self._path, f"{self._prefix}{key}[{index}].", value)
            for index, value in enumerate(values)
        ]

    def free(self, key: str, *, numbers: bool = False) -> dict[str, Any]:
        """Read a table whose keys are the author's own."""
        values: dict[str, Any] = self._get(key, (dict,), "a table")
        for name, value in values.items():
            if numbers and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise self.error(f"{key}.{name}", "a number", repr(value))
        return values
