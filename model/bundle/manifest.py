"""
Read and check `model.toml`, the manifest of a bundle.

Every key is required, none is ignored: a manifest with a misspelt key must not load.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model.errors import ArtefactError
from model.recipes.base import Column

SCHEMA: Final = 1
MANIFEST_FILE: Final = "model.toml"
NAME: Final = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,64}")
"""Names of models, versions and files: they stand in URLs and paths, so no separators."""

ENGINES: Final = ("onnx", "litert", "tensorflow")
RECIPES: Final = {"image-classification": ("digit",), "table-classification": ("columns",)}
"""Each kind of model, and the preprocessing recipes that fit it."""

SHAPES: Final = {"digit": (-1, 28, 28, 1)}
"""What a recipe makes of N instances; for `columns` it is as wide as there are columns."""


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
        repr(document)  # what Python will not print, as 0x and 4,000 digits, no error could name
    except OSError as exc:
        raise ArtefactError(path, expected="a manifest", got=exc.strerror) from exc
    except (ValueError, RecursionError) as exc:  # no UTF-8, no TOML, too long a number, too deep
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
        training=top.notes("training"),
        metrics=top.numbers("metrics"),
    )
    for table in (artefact, inputs, output, preprocessing, limits):
        table.close()
    return manifest


def _column_of(table: _Table) -> Column:
    name, unit = table.text("name"), table.text("unit")
    minimum, maximum = table.number("minimum"), table.number("maximum")
    table.close()
    if minimum > maximum:
        raise table.error("minimum", f"at most maximum ({maximum})", minimum)
    return Column(name, unit, minimum, maximum)


def _check_together(path: Path, manifest: Manifest) -> None:
    _check_folder(path, manifest)
    names = [column.name for column in manifest.columns]
    for what, values in (("labels", manifest.labels), ("columns", names)):
        if len(set(values)) != len(values):
            raise ArtefactError(path, expected=f"{what} that differ", got=list(values))
    if manifest.of_pictures and names:
        raise ArtefactError(path, expected="no columns in a manifest of pictures", got=names)
    if not manifest.of_pictures and not names:
        raise ArtefactError(path, expected="columns in a manifest of a table", got="none")
    shape = SHAPES.get(manifest.recipe, (-1, len(names)))
    if manifest.shape != shape:
        expected = f"input.shape = {list(shape)}, as the recipe {manifest.recipe} makes it"
        raise ArtefactError(path, expected=expected, got=list(manifest.shape))


def _check_folder(path: Path, manifest: Manifest) -> None:
    """Hold the names against the folder: the model's, or a version's within the model's."""
    name, parent = manifest.folder.name, manifest.folder.parent.name
    if manifest.name == name or (manifest.name, manifest.version) == (parent, name):
        return
    if manifest.name == parent:
        raise ArtefactError(
            path, expected=f"version = {name!r}, as the folder", got=manifest.version
        )
    raise ArtefactError(path, expected=f"name = {name!r}, as the folder", got=manifest.name)


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
            known = ", ".join(f"{self._prefix}{key}" for key in sorted(self._asked))
            got = repr(f"{self._prefix}{unknown[0]}")
            raise ArtefactError(self._path, expected=f"no keys but {known}", got=got)

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
        value = self._get(key, (int, float), "a finite number")
        if not _is_finite(value):
            raise self.error(key, "a finite number", repr(value))
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._get(key, (list,), "a list of texts")
        if not values or not all(isinstance(value, str) and value.strip() for value in values):
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

    def numbers(self, key: str) -> dict[str, float]:
        """Read a table of numbers whose keys are the author's own."""
        table = self.table(key)
        return {name: table.number(name) for name in table._values}

    def notes(self, key: str) -> dict[str, Any]:
        """Read a table whose keys are the author's own, and whose values JSON can spell."""
        table = self.table(key)
        for name, value in table._values.items():
            scalars = value if isinstance(value, list) else [value]
            if not all(isinstance(one, str) or _is_finite(one) for one in scalars):
                raise table.error(name, "a text, a number, true or false, or a list", repr(value))
        return dict(table._values)


def _is_finite(value: object) -> bool:
    """Tell whether `value` is a number (or true or false) that a float64 can hold."""
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # a whole number beyond float64
        return False
