"""The page of the manifest lists the keys that are read, all of them and no other."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from model import tenants
from model.bundle.manifest import read_manifest
from model.bundle.table import Table
from model.tensors import Tensor
from tests import ROOT
from tests.model.bundle.bundles import write_toml
from tests.test_docs import block_after, table_after

PAGE = (ROOT / "docs" / "model_toml.md").read_text(encoding="utf-8")

SECTIONS: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
    "`[rows]`": ("model.recipes", "columns", [{}]),
    "`[[rows.columns]]`": ("model.recipes", "columns", [{"columns": [{}]}]),
    "`[picture]`": ("model.recipes", "picture", [{"fit": "crop"}, {"fit": "letterbox"}]),
    "`[text]`": ("model.recipes", "text", [{"tokenizer": "a"}]),
    "`[custom]`": ("model.recipes", "custom", [{}]),
    "`[answer]` of classify": ("model.tasks", "classify", [{}]),
    "`[answer]` of regress": ("model.tasks", "regress", [{}]),
    "`[answer]` of embed": ("model.tasks", "embed", [{}]),
}
"""What reads the keys of each section, with settings that make it read them all."""

TOP = {
    "At the top": "", "`[artefact]`": "artefact.", "`[[inputs]]` and `[[outputs]]`": "inputs.",
    "`[limits]`": "limits.",
}  # fmt: skip


def keys_under(heading: str) -> list[str]:
    """Return the keys of a section's table, sorted."""
    return sorted(row[0].strip("`") for row in table_after(PAGE, f"# {heading}\n"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Note which keys are asked for, by the prefix of their table."""
    keys: dict[str, set[str]] = defaultdict(set)
    close = Table.close

    def noting(table: Table) -> None:
        keys[re.sub(r"\[\d+\]", "", table._prefix)] |= table._asked
        close(table)

    monkeypatch.setattr(Table, "close", noting)
    return keys


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_settings_of_recipes_and_tasks_are_listed(
    heading: str, asked: dict[str, set[str]]
) -> None:
    """A section has the keys that its recipe or task reads."""
    package, name, variants = SECTIONS[heading]
    tensors = (Tensor("y", "float32", (-1, 1)),) if package == "model.tasks" else ()
    for values in variants:
        settings = Table(Path(), values, [])
        tenants.tenant(package, name).load(settings, tensors)
        settings.close()
    assert keys_under(heading) == sorted(asked["columns." if "columns" in heading else ""])


def test_the_example_is_read_and_the_other_keys_are_listed(
    tmp_path: Path, asked: dict[str, set[str]]
) -> None:
    """The manifest at the top of the page is valid; its tables are on the page with their keys."""
    document = tomllib.loads(block_after(PAGE, "# The manifest", "toml"))
    manifest = read_manifest(write_toml(tmp_path / document["name"], document))
    assert manifest.kind == "table-classification"
    tables = {"artefact", "inputs", "outputs", "rows", "answer", "limits", "training", "metrics"}
    assert asked["inputs."] == asked["outputs."]
    for heading, prefix in TOP.items():
        assert keys_under(heading) == sorted(asked[prefix] - tables)


def test_every_recipe_and_task_is_on_the_page() -> None:
    """A new file in model/recipes or model/tasks needs its paragraph."""
    words = set(re.findall(r"\w+", PAGE))
    names = {
        *tenants.names_in("model.recipes").split(", "),
        *tenants.names_in("model.tasks").split(", "),
    }
    assert names <= words
