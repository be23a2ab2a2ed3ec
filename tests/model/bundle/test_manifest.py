"""The manifest: every way of getting it wrong stops the load with a sentence that says how."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import example, given
from hypothesis import strategies as st

from model.bundle.manifest import read_manifest
from model.errors import ArtefactError
from model.recipes.base import Column
from tests.model.bundle.bundles import ABSENT, DOCUMENT, ZOO, changed, write_toml

NAMES = "a text like (?!\\.)[A-Za-z0-9_.-]{1,64}"
NOTE = "a text, a number, true or false, or a list"
WHOLE = changed("artefact.sha256", "0" * 64)


def complaint(folder: Path) -> str:
    """Return what reading the manifest complains of, after the file's name."""
    with pytest.raises(ArtefactError) as caught:
        read_manifest(folder)
    prefix = f"{folder / 'model.toml'}: expected "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


def test_a_manifest_is_read_whole(tmp_path: Path) -> None:
    """Every key of the file stands in the manifest."""
    manifest = read_manifest(write_toml(tmp_path / "tiny", WHOLE))
    assert manifest.folder == tmp_path / "tiny"
    assert (manifest.name, manifest.version, manifest.kind) == ("tiny", "1", "table-classification")
    assert manifest.description == "Which of three numbers is the largest."
    assert manifest.licence == "Apache-2.0"
    assert (manifest.file, manifest.engine, manifest.sha256) == ("tiny.onnx", "onnx", "0" * 64)
    assert (manifest.tensor, manifest.dtype, manifest.shape) == ("rows", "float32", (-1, 3))
    assert manifest.recipe == "columns"
    assert manifest.columns == tuple(Column(name, "cm", 0.0, 9.5) for name in "abc")
    assert (manifest.output_tensor, manifest.labels) == ("probabilities", ("x", "y", "z"))
    assert manifest.max_instances == 4
    assert manifest.training == DOCUMENT["training"]
    assert manifest.metrics == {"accuracy": 1.0}
    assert manifest.artefact == tmp_path / "tiny" / "tiny.onnx"
    assert not manifest.of_pictures


def test_a_version_in_its_models_folder(tmp_path: Path) -> None:
    """One of several versions lies in a folder of its version's name, in one of its model's."""
    (tmp_path / "tiny").mkdir()
    folder = write_toml(tmp_path / "tiny" / "2", changed("version", "2", WHOLE))
    assert (read_manifest(folder).name, read_manifest(folder).version) == ("tiny", "2")
    assert complaint(write_toml(folder, WHOLE)) == "version = '2', as the folder, got 1"
    (tmp_path / "other").mkdir()
    folder = write_toml(tmp_path / "other" / "1", WHOLE)
    assert complaint(folder) == "name = '1', as the folder, got tiny"


def test_the_baked_manifests_are_read() -> None:
    """Both models of the zoo have a manifest that reads; one takes pictures, the other rows."""
    digits, iris = read_manifest(ZOO / "digits"), read_manifest(ZOO / "iris")
    assert (digits.name, digits.of_pictures, digits.shape) == ("digits", True, (-1, 28, 28, 1))
    assert digits.labels == tuple("0123456789")
    assert (iris.name, iris.of_pictures, iris.shape) == ("iris", False, (-1, 4))
    assert iris.labels == ("setosa", "versicolor", "virginica")
    assert [column.unit for column in iris.columns] == ["cm"] * 4


MISSING = {
    "schema": "a whole number from 1",
    "name": "a text",
    "version": "a text",
    "kind": "a text",
    "description": "a text",
    "licence": "a text",
    "artefact": "a table",
    "artefact.file": "a text",
    "artefact.engine": "a text",
    "artefact.sha256": "a text",
    "input": "a table",
    "input.tensor": "a text",
    "input.dtype": "a text",
    "input.shape": "a list of sizes, -1 first",
    "preprocessing": "a table",
    "preprocessing.recipe": "a text",
    "columns.1.name": "a text",
    "columns.1.unit": "a text",
    "columns.1.minimum": "a finite number",
    "columns.1.maximum": "a finite number",
    "output": "a table",
    "output.tensor": "a text",
    "output.labels": "a list of texts",
    "limits": "a table",
    "limits.instances": "a whole number from 1",
    "training": "a table",
    "metrics": "a table",
}
"""Every key, and what a manifest without it is told."""


def keys_of(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of a valid manifest that have to be there."""
    for key, value in table.items():
        if key == "columns":
            yield from (f"columns.1.{name}" for name in value[1])
            continue
        yield f"{prefix}{key}"
        if isinstance(value, dict) and key not in ("training", "metrics"):
            yield from keys_of(value, f"{key}.")


def test_the_table_of_missing_keys_is_complete() -> None:
    """No key of the valid manifest is forgotten below."""
    assert set(keys_of(WHOLE)) == set(MISSING)


@pytest.mark.parametrize("where", MISSING)
def test_a_missing_key_is_named(tmp_path: Path, where: str) -> None:
    """A manifest without one of its keys is told which, and what belongs there."""
    folder = write_toml(tmp_path / "tiny", changed(where, ABSENT, WHOLE))
    key = where.replace("columns.1", "columns[1]")
    assert complaint(folder) == f"{key} = {MISSING[where]}, got nothing"


@pytest.mark.parametrize("where", MISSING)
def test_a_value_of_another_type_is_refused(tmp_path: Path, where: str) -> None:
    """True is no text, no table, no list, and no number either, though Python says it is one."""
    folder = write_toml(tmp_path / "tiny", changed(where, True, WHOLE))
    key = where.replace("columns.1", "columns[1]")
    assert complaint(folder) == f"{key} = {MISSING[where]}, got True"


@pytest.mark.parametrize(
    ("where", "known"),
    [
        ("colour", ", ".join(sorted(DOCUMENT))),
        ("artefact.colour", "artefact.engine, artefact.file, artefact.sha256"),
        ("input.colour", "input.dtype, input.shape, input.tensor"),
        ("preprocessing.colour", "preprocessing.recipe"),
        (
            "columns.2.colour",
            "columns[2].maximum, columns[2].minimum, columns[2].name, columns[2].unit",
        ),
        ("output.colour", "output.labels, output.tensor"),
        ("limits.colour", "limits.instances"),
    ],
)
def test_an_unknown_key_is_refused(tmp_path: Path, where: str, known: str) -> None:
    """A misspelt key does not go unnoticed, at the top or in a table."""
    folder = write_toml(tmp_path / "tiny", changed(where, 1, WHOLE))
    got = where.replace("columns.2", "columns[2]")
    assert complaint(folder) == f"no keys but {known}, got '{got}'"


WRONG = [
    ("schema", 2, "schema 1, got 2"),
    ("schema", 0, "schema = a whole number from 1, got 0"),
    ("schema", True, "schema = a whole number from 1, got True"),
    ("schema", 1.0, "schema = a whole number from 1, got 1.0"),
    ("name", "", f"name = {NAMES}, got ''"),
    ("name", "a/b", f"name = {NAMES}, got 'a/b'"),
    ("name", "..", f"name = {NAMES}, got '..'"),
    ("name", ".hidden", f"name = {NAMES}, got '.hidden'"),
    ("name", "tiny\n", f"name = {NAMES}, got 'tiny\\n'"),
    ("name", "tiny\u2215", f"name = {NAMES}, got 'tiny\u2215'"),
    ("name", "a" * 65, f"name = {NAMES}, got '{'a' * 65}'"),
    ("name", "other", "name = 'tiny', as the folder, got other"),
    ("version", "1/2", f"version = {NAMES}, got '1/2'"),
    ("version", 1, "version = a text, got 1"),
    (
        "kind",
        "regression",
        "kind = one of image-classification, table-classification, got 'regression'",
    ),
    ("description", " ", "description = a text, got an empty one"),
    ("licence", "", "licence = a text, got an empty one"),
    ("artefact", 1, "artefact = a table, got 1"),
    ("artefact.file", "../tiny.onnx", f"artefact.file = {NAMES}, got '../tiny.onnx'"),
    ("artefact.file", "/etc/passwd", f"artefact.file = {NAMES}, got '/etc/passwd'"),
    ("artefact.file", "a\\b", f"artefact.file = {NAMES}, got 'a\\\\b'"),
    ("artefact.file", "..", f"artefact.file = {NAMES}, got '..'"),
    ("artefact.file", "a\0b", f"artefact.file = {NAMES}, got 'a\\x00b'"),
    (
        "artefact.engine",
        "pickle",
        "artefact.engine = one of onnx, litert, tensorflow, got 'pickle'",
    ),
    (
        "artefact.sha256",
        "0" * 63,
        f"artefact.sha256 = a text like [0-9a-f]{{64}}, got '{'0' * 63}'",
    ),
    (
        "artefact.sha256",
        "A" * 64,
        f"artefact.sha256 = a text like [0-9a-f]{{64}}, got '{'A' * 64}'",
    ),
    ("input.tensor", "", "input.tensor = a text, got an empty one"),
    ("input.dtype", "float64", "input.dtype = one of float32, got 'float64'"),
    ("input.shape", [], "input.shape = a list of sizes, -1 (the batch) first, got []"),
    ("input.shape", [3], "input.shape = a list of sizes, -1 (the batch) first, got [3]"),
    ("input.shape", [-1, 0], "input.shape = a list of sizes, -1 (the batch) first, got [-1, 0]"),
    ("input.shape", [-1, -1], "input.shape = a list of sizes, -1 (the batch) first, got [-1, -1]"),
    (
        "input.shape",
        [-1, True],
        "input.shape = a list of sizes, -1 (the batch) first, got [-1, True]",
    ),
    (
        "input.shape",
        [-1, 3.0],
        "input.shape = a list of sizes, -1 (the batch) first, got [-1, 3.0]",
    ),
    ("input.shape", "-1, 3", "input.shape = a list of sizes, -1 first, got '-1, 3'"),
    ("input.shape", [-1, 4], "input.shape = [-1, 3], as the recipe columns makes it, got [-1, 4]"),
    ("preprocessing.recipe", "digit", "preprocessing.recipe = one of columns, got 'digit'"),
    ("columns", ABSENT, "columns in a manifest of a table, got none"),
    ("columns", [], "columns in a manifest of a table, got none"),
    ("columns", "a, b, c", "columns = an array of tables, got 'a, b, c'"),
    ("columns", ["a"], "columns = an array of tables, got ['a']"),
    ("columns.0.name", "b", "columns that differ, got ['b', 'b', 'c']"),
    ("columns.0.minimum", "0", "columns[0].minimum = a finite number, got '0'"),
    ("columns.0.minimum", True, "columns[0].minimum = a finite number, got True"),
    ("columns.0.minimum", float("nan"), "columns[0].minimum = a finite number, got nan"),
    ("columns.0.minimum", float("-inf"), "columns[0].minimum = a finite number, got -inf"),
    ("columns.0.maximum", float("inf"), "columns[0].maximum = a finite number, got inf"),
    ("columns.0.maximum", 10**400, f"columns[0].maximum = a finite number, got {10**400}"),
    ("columns.0.minimum", 10, "columns[0].minimum = at most maximum (9.5), got 10.0"),
    ("output.tensor", 3, "output.tensor = a text, got 3"),
    ("output.labels", [], "output.labels = a list of texts, got []"),
    ("output.labels", ["x", " ", "z"], "output.labels = a list of texts, got ['x', ' ', 'z']"),
    ("output.labels", ["x", 1, "z"], "output.labels = a list of texts, got ['x', 1, 'z']"),
    ("output.labels", "xyz", "output.labels = a list of texts, got 'xyz'"),
    ("output.labels", ["x", "x", "z"], "labels that differ, got ['x', 'x', 'z']"),
    ("limits.instances", 0, "limits.instances = a whole number from 1, got 0"),
    ("limits.instances", 1.5, "limits.instances = a whole number from 1, got 1.5"),
    ("training.note", {"a": 1}, f"training.note = {NOTE}, got {{'a': 1}}"),
    ("training.note", [[1]], f"training.note = {NOTE}, got [[1]]"),
    ("training.note", float("nan"), f"training.note = {NOTE}, got nan"),
    ("metrics.accuracy", "high", "metrics.accuracy = a finite number, got 'high'"),
    ("metrics.accuracy", True, "metrics.accuracy = a finite number, got True"),
    ("metrics.accuracy", float("nan"), "metrics.accuracy = a finite number, got nan"),
    ("metrics.accuracy", 10**400, f"metrics.accuracy = a finite number, got {10**400}"),
]
"""A key, a value that it must not have, and the complaint."""


@pytest.mark.parametrize(
    ("where", "value", "expected"), WRONG, ids=[f"{row[0]}-{n}" for n, row in enumerate(WRONG)]
)
def test_a_wrong_value_is_refused(tmp_path: Path, where: str, value: Any, expected: str) -> None:
    """A value that the key must not have is refused with the key, the rule and the value."""
    folder = write_toml(tmp_path / "tiny", changed(where, value, WHOLE))
    assert complaint(folder) == expected


def test_a_date_is_no_note(tmp_path: Path) -> None:
    """TOML's dates have no spelling in JSON, and the manifest is shown as JSON."""
    text = tomli_w.dumps(WHOLE).replace("seed = 7", "seed = 2026-11-22")
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "model.toml").write_text(text, encoding="utf-8")
    expected = f"training.seed = {NOTE}, got datetime.date(2026, 11, 22)"
    assert complaint(folder) == expected


def pictures(where: str, value: Any) -> dict[str, Any]:
    """Make the manifest of a model of pictures, with one value changed."""
    document = changed("columns", ABSENT, changed("kind", "image-classification", WHOLE))
    document["preprocessing"]["recipe"] = "digit"
    document["input"]["shape"] = [-1, 28, 28, 1]
    return changed(where, value, document)


def test_a_manifest_of_pictures_is_read(tmp_path: Path) -> None:
    """A model of pictures has no columns and the recipe's shape."""
    manifest = read_manifest(write_toml(tmp_path / "tiny", pictures("version", "2")))
    assert (manifest.of_pictures, manifest.columns) == (True, ())


@pytest.mark.parametrize(
    ("where", "value", "expected"),
    [
        ("columns", WHOLE["columns"], "no columns in a manifest of pictures, got ['a', 'b', 'c']"),
        ("preprocessing.recipe", "columns", "preprocessing.recipe = one of digit, got 'columns'"),
        (
            "input.shape",
            [-1, 32, 32, 3],
            "input.shape = [-1, 28, 28, 1], as the recipe digit makes it, got [-1, 32, 32, 3]",
        ),
    ],
)
def test_a_wrong_manifest_of_pictures_is_refused(
    tmp_path: Path, where: str, value: Any, expected: str
) -> None:
    """Columns, another recipe and another shape do not go with pictures."""
    assert complaint(write_toml(tmp_path / "tiny", pictures(where, value))) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"schema = ", "TOML in UTF-8, got Invalid value (at end of document)"),
        (
            b'name = "\xff"',
            "TOML in UTF-8, got 'utf-8' codec can't decode byte 0xff in position 8: "
            "invalid start byte",
        ),
        (b"", "schema = a whole number from 1, got nothing"),
    ],
    ids=["no TOML", "no UTF-8", "empty"],
)
def test_a_file_that_is_no_manifest_is_refused(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    """Another syntax, another encoding and an empty file are told apart."""
    (tmp_path / "model.toml").write_bytes(content)
    assert complaint(tmp_path) == expected


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 100_000, "a = " + "9" * 5_000, "a = 0x" + "f" * 5_000],
    ids=["too deep", "too many digits", "too many digits in hex"],
)
def test_a_document_beyond_the_parser_is_refused(tmp_path: Path, text: str) -> None:
    """What the parser or a complaint's text could not hold is refused as no TOML."""
    (tmp_path / "model.toml").write_text(text, encoding="utf-8")
    assert complaint(tmp_path).startswith("TOML in UTF-8, got ")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A folder without a manifest, and a manifest that is a folder, are refused."""
    assert complaint(tmp_path) == "a manifest, got No such file or directory"
    (tmp_path / "model.toml").mkdir()
    assert complaint(tmp_path) == "a manifest, got Is a directory"


VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -1, 0, 1])
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
    | st.dates()
    | st.times()
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=8,
)
PLACES = st.sampled_from([*MISSING, "columns", "columns.0", "training.x", "metrics.x", "unknown"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all the documents that Hypothesis thinks of."""
    return tmp_path_factory.mktemp("manifest") / "tiny"


@given(place=PLACES, value=VALUES, second=PLACES, other=VALUES)
def test_no_document_raises_anything_else(
    folder: Path, place: str, value: Any, second: str, other: Any
) -> None:
    """Whatever TOML stands at two places of a manifest, it is read, or refused by ArtefactError."""
    document = changed(place, value, WHOLE)
    with contextlib.suppress(KeyError, TypeError, IndexError):  # the first change left no place
        document = changed(second, other, document)
    write_toml(folder, document)
    with contextlib.suppress(ArtefactError):
        assert read_manifest(folder).name == "tiny"


@given(content=st.binary(max_size=40) | st.text().map(lambda text: text.encode(errors="replace")))
@example(tomli_w.dumps(WHOLE).encode()[:-40])
def test_no_bytes_raise_anything_else(folder: Path, content: bytes) -> None:
    """Whatever bytes the file has, they are refused by ArtefactError."""
    folder.mkdir(exist_ok=True)
    (folder / "model.toml").write_bytes(content)
    assert complaint(folder)


def test_the_valid_manifest_survives_toml(tmp_path: Path) -> None:
    """The manifest that the tests change is one: written and parsed it is the same."""
    text = (write_toml(tmp_path / "tiny", WHOLE) / "model.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == WHOLE
