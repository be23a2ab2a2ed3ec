"""Read and check `model.toml`, the manifest of a bundle.

    schema = 2
    name, version                     those of the folders
    task = "classify"                 a file of model/tasks
    description, licence              may be absent
    recipe = "digit"                  a file or folder of model/recipes; or a table of its settings
    [rows]                            instead, which also names it (model/recipes/base.py)
    [artefact]                        file, sha256; engine, unless the file's ending names it
    [[inputs]], [[outputs]]           name, dtype, shape: -1 for any size; for outputs only hints
    [answer]                          the task's settings
    [limits]                          instances: the most of one request; batch: of one run
    [training], [metrics]             the author's notes; may be absent

No key is ignored: a manifest with a misspelt key must not load. All errors are reported at once.
Schema 1 is also read (schema_1.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model import tenants
from model.bundle import schema_1
from model.bundle.table import NAME, Table, read_toml
from model.errors import ArtefactError
from model.recipes.base import Recipe, read_recipe
from model.tasks.base import Task, read_task
from model.tensors import Tensor

SCHEMA: Final = 2
MANIFEST_FILE: Final = "model.toml"
_SHA256: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle states about itself."""

    folder: Path
    name: str
    version: str
    description: str
    licence: str
    file: str
    engine: str
    sha256: str
    made_from: Mapping[str, Any]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    recipe: Recipe
    task: Task
    max_instances: int
    batch: int | None
    training: Mapping[str, Any]
    metrics: Mapping[str, float]

    @property
    def artefact(self) -> Path:
        """The model file."""
        return self.folder / self.file

    @property
    def kind(self) -> str:
        """The kind of model, such as "image-classification"."""
        return f"{self.recipe.describe().subject}-{self.task.noun}"


def read_manifest(folder: Path) -> Manifest:
    """Read `model.toml` in a bundle's folder.

    Raises:
        ArtefactError: the file is missing or not TOML, or keys are missing, unknown or wrong; names
            all of them.
    """
    path = folder / MANIFEST_FILE
    document = read_toml(path, "a manifest")
    schema = document.get("schema")
    if type(schema) is int and schema == schema_1.SCHEMA:
        document = schema_1.upgraded(document)
    elif type(schema) is not int or schema != SCHEMA:
        got = "none" if schema is None else repr(schema)
        raise ArtefactError(path, expected=f"schema = {SCHEMA} or {schema_1.SCHEMA}", got=got)
    top = Table(folder, document, [])
    top.integer("schema")
    manifest = _manifest_of(folder, top)
    top.close()
    if top.problems:
        # A recipe and a task may have read the same table.
        raise ArtefactError(path, problems=list(dict.fromkeys(top.problems)))
    return manifest


def _manifest_of(folder: Path, top: Table) -> Manifest:
    artefact, limits = top.table("artefact"), top.table("limits")
    name, version = top.text("name", pattern=NAME), top.text("version", pattern=NAME)
    _check_folder(top, name, version)
    file = artefact.text("file", pattern=NAME)
    batch = limits.integer("batch", default=0, least=0)
    batched = batch > 0 or "batch" not in limits.values
    inputs, outputs = (top.tensors(key, batched=batched) for key in ("inputs", "outputs"))
    manifest = Manifest(
        folder=folder,
        name=name,
        version=version,
        description=top.text("description", default=""),
        licence=top.text("licence", default="unknown"),
        file=file,
        engine=_engine_of(artefact, file),
        sha256=artefact.text("sha256", pattern=_SHA256),
        made_from=artefact.notes("made_from"),
        inputs=inputs,
        outputs=outputs,
        recipe=read_recipe(top, inputs),
        task=read_task(top, outputs),
        max_instances=limits.integer("instances"),
        batch=batch or None,
        training=top.notes("training"),
        metrics=top.numbers("metrics"),
    )
    artefact.close()
    limits.close()
    return manifest


def _engine_of(artefact: Table, file: str) -> str:
    """Return the engine that the manifest or the file's ending names."""
    by_ending = file.rpartition(".")[2]
    engine = artefact.text("engine", default=by_ending)
    if file and engine and not tenants.has("model.engines", engine):
        key = "engine" if "engine" in artefact.values else "file"
        engines = tenants.names_in("model.engines")
        expected = f"one of {engines}" if key == "engine" else f"a name that ends in {engines}"
        artefact.note(key, expected, repr(engine))
    return engine


def _check_folder(top: Table, name: str, version: str) -> None:
    """Compare the names with the folder's: the model's, or a version's inside the model's."""
    folder, parent = top.folder.name, top.folder.parent.name
    if not name or not version or name == folder or (name, version) == (parent, folder):
        return
    if name == parent:
        top.note("version", f"{folder!r}, as the folder", repr(version))
    else:
        top.note("name", f"{folder!r}, as the folder", repr(name))
