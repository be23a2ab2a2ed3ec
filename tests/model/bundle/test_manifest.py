"""The manifest: every way of getting it wrong stops the load with a sentence that says how."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import example, given
from hypothesis import strategies as st

from model.bundle.manifest import Manifest, read_manifest
from model.errors import ArtefactError
from model.recipes.base import Column
from model.recipes.columns.recipe import Columns
from model.tasks.base import Output
from model.tasks.classify import Classify
from model.tenants import names_in
from model.tensors import Tensor
from tests.model.bundle.bundles import (
    ABSENT,
    DOCUMENT,
    DOCUMENT_1,
    ZOO,
    changed,
    write_toml,
)

NAMES = "a text like (?!\\.)[A-Za-z0-9_.-]{1,64}"
NOTE = "a text, a number, true or false, or a list"
SIZES = "a list of sizes, -1 for any"
COUNT = "a whole number from 1"
WHOLE = changed("artefact.sha256", "0" * 64)


def complaint(folder: Path) -> str:
    """Return what reading the manifest complains of, after the file's name."""
    with pytest.raises(ArtefactError) as caught:
        read_manifest(folder)
    prefix = f"{folder / 'model.toml'}: "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


def read(folder: Path, document: dict[str, Any]) -> Manifest:
    """Write a manifest and read it."""
    return read_manifest(write_toml(folder, document))


def test_a_manifest_is_read_whole(tmp_path: Path) -> None:
    """Every key of the file stands in the manifest."""
    manifest = read(tmp_path / "tiny", WHOLE)
    columns = tuple(Column(name, unit="cm", minimum=0.0, maximum=9.5) for name in "abc")
    assert manifest == Manifest(
        folder=tmp_path / "tiny",
        name="tiny",
        version="1",
        description="Which of three numbers is the largest.",
        licence="Apache-2.0",
        file="tiny.onnx",
        engine="onnx",
        sha256="0" * 64,
        made_from={},
        inputs=(Tensor("rows", "float32", (-1, 3)),),
        outputs=(Tensor("probabilities", "float32", (-1, 3)),),
        recipe=Columns(columns, ((Tensor("rows", "float32", (-1, 3)), (0, 1, 2)),)),
        task=Classify(Output("probabilities"), ("x", "y", "z")),
        max_instances=4,
        batch=None,
        training=DOCUMENT["training"],
        metrics={"accuracy": 1.0},
    )
    assert manifest.artefact == tmp_path / "tiny" / "tiny.onnx"
    assert manifest.kind == "table-classification"


def test_the_first_schema_is_read_as_the_second(tmp_path: Path) -> None:
    """A bundle of an earlier version of this product loads, and means the same."""
    old = read(tmp_path / "tiny", changed("artefact.sha256", "0" * 64, DOCUMENT_1))
    assert old == read(tmp_path / "tiny", WHOLE)


def test_notes_may_be_absent(tmp_path: Path) -> None:
    """What nobody needs in order to serve need not be written."""
    document = WHOLE
    for key in ("description", "licence", "training", "metrics", "answer"):
        document = changed(key, ABSENT, document)
    for key in ("unit", "minimum", "maximum"):
        document = changed(f"rows.columns.0.{key}", ABSENT, document)
    manifest = read(tmp_path / "tiny", document)
    assert (manifest.description, manifest.licence) == ("", "unknown")
    assert (manifest.training, manifest.metrics) == ({}, {})
    assert manifest.recipe.describe().columns[0] == Column("a")
    assert manifest.task.labels == ()


def test_labels_may_lie_in_a_file(tmp_path: Path) -> None:
    """A thousand labels are a line each in a file beside the manifest."""
    folder = write_toml(tmp_path / "tiny", changed("answer.labels", "labels.txt", WHOLE))
    expected = "answer.labels: expected a text file 'labels.txt' beside the manifest, got "
    assert complaint(folder).startswith(expected)
    (folder / "labels.txt").write_text("x\ny\nz\n")
    assert read_manifest(folder).task.labels == ("x", "y", "z")


def test_a_version_in_its_models_folder(tmp_path: Path) -> None:
    """One of several versions lies in a folder of its version's name, in one of its model's."""
    (tmp_path / "tiny").mkdir()
    folder = write_toml(tmp_path / "tiny" / "2", changed("version", "2", WHOLE))
    assert (read_manifest(folder).name, read_manifest(folder).version) == ("tiny", "2")
    assert complaint(write_toml(folder, WHOLE)) == "version: expected '2', as the folder, got '1'"
    (tmp_path / "other").mkdir()
    folder = write_toml(tmp_path / "other" / "1", WHOLE)
    assert complaint(folder) == "name: expected '1', as the folder, got 'tiny'"


def test_the_baked_manifests_are_read() -> None:
    """Both models of the zoo have a manifest that reads; one takes pictures, the other rows."""
    digits, iris = read_manifest(ZOO / "digits"), read_manifest(ZOO / "iris")
    assert (digits.kind, iris.kind) == ("image-classification", "table-classification")
    assert digits.task.labels == tuple("0123456789")
    assert [column.unit for column in iris.recipe.describe().columns] == ["cm"] * 4


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """One round is enough to mend a manifest, wherever its faults are."""
    document = changed("artefact.file", ABSENT, changed("limits.instances", 0, WHOLE))
    document = changed("rows.columns.1.minimum", "low", changed("inputs.0.dtype", "int", document))
    document = changed("colour", 1, changed("answer.apply", "tanh", document))
    told = complaint(write_toml(tmp_path / "tiny", document))
    assert [one.partition(": ")[0] for one in told.split("; ")] == [
        "artefact.file", "inputs[0].dtype", "rows.columns[1].minimum", "answer.apply",
        "limits.instances", "colour",
    ]  # fmt: skip


def test_ten_problems_are_enough(tmp_path: Path) -> None:
    """Of a hundred columns that are all wrong the first ten are told, and the rest counted."""
    document = changed("rows.columns", [{"name": ""}] * 100, WHOLE)
    told = complaint(write_toml(tmp_path / "tiny", document)).split("; ")
    assert (len(told), told[9], told[10]) == (
        11,
        "rows.columns[9].name: expected a text, got an empty one",
        "and 92 more",
    )


MISSING = {
    "name": "a text",
    "version": "a text",
    "task": "a text",
    "artefact": "a table",
    "artefact.file": "a text",
    "artefact.sha256": "a text",
    "inputs": "an array of tables",
    "inputs.0.name": "a text",
    "inputs.0.shape": SIZES,
    "outputs": "an array of tables",
    "outputs.0.name": "a text",
    "rows.columns": "an array of tables",
    "rows.columns.1.name": "a text",
    "limits": "a table",
    "limits.instances": COUNT,
}
"""The keys that have to be there, and what a manifest without one is told."""


def spelt(where: str) -> str:
    """Spell a dotted key as complaints do."""
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in where.split("."))[1:]


@pytest.mark.parametrize(
    ("value", "got"), [(ABSENT, "nothing"), (True, "True")], ids=["missing", "of another type"]
)
@pytest.mark.parametrize("where", MISSING)
def test_a_missing_or_mistyped_key_is_named(
    tmp_path: Path, where: str, value: Any, got: str
) -> None:
    """The key and what belongs there are told; True is no number, though Python says it is one."""
    told = complaint(write_toml(tmp_path / "tiny", changed(where, value, WHOLE)))
    assert f"{spelt(where)}: expected {MISSING[where]}, got {got}" in told.split("; ")


UNKNOWN = {
    "artefact": "engine, file, made_from, sha256",
    "inputs.0": "dtype, name, shape",
    "rows": "columns",
    "rows.columns.2": "choices, dtype, input, maximum, minimum, missing, name, unit",
    "answer": "apply, labels, many, output, scale, shift",
    "limits": "batch, instances",
}


@pytest.mark.parametrize("where", UNKNOWN)
def test_an_unknown_key_is_refused(tmp_path: Path, where: str) -> None:
    """A misspelt key does not go unnoticed."""
    folder = write_toml(tmp_path / "tiny", changed(f"{where}.colour", 1, WHOLE))
    expected = f"{spelt(where)}.colour: expected one of the keys {UNKNOWN[where]}"
    assert complaint(folder) == f"{expected}, got an unknown key"


WRONG = [
    *(("schema", value, f"expected schema = 2 or 1, got {value!r}")
      for value in (3, True, 1.0, "1")),
    ("schema", ABSENT, "expected schema = 2 or 1, got none"),
    ("name", "", f"name: expected {NAMES}, got ''"),
    *((key, value, f"{key}: expected {NAMES}, got {value!r}")
      for key in ("name", "artefact.file")
      for value in ("a/b", "..", ".hidden", "tiny\n", "tiny\u2215", "a" * 65, "a\\b", "a\0b")),
    ("name", "other", "name: expected 'tiny', as the folder, got 'other'"),
    ("version", 1, "version: expected a text, got 1"),
    ("task", "segment", f"task: expected one of {names_in('model.tasks')}, got 'segment'"),
    ("task", "base", f"task: expected one of {names_in('model.tasks')}, got 'base'"),
    ("task", "../x", f"task: expected one of {names_in('model.tasks')}, got '../x'"),
    ("description", " ", "description: expected a text, got an empty one"),
    ("artefact", 1, "artefact: expected a table, got 1"),
    ("artefact.engine", "pickle", "artefact.engine: expected one of onnx, got 'pickle'"),
    ("artefact.file", "tiny.h5", "artefact.file: expected a name that ends in onnx, got 'h5'"),
    *(("artefact.sha256", value,
       f"artefact.sha256: expected a text like [0-9a-f]{{64}}, got {value!r}")
      for value in ("0" * 63, "A" * 64)),
    ("artefact.made_from", 7, "artefact.made_from: expected a table, got 7"),
    ("inputs", [], "inputs: expected an array of tables, got []"),
    ("inputs.0.name", "", "inputs[0].name: expected a text, got an empty one"),
    *(("inputs.0.shape", value, f"inputs[0].shape: expected {SIZES}, got {value!r}")
      for value in ([-1, 0], [-1, True], [-1, 3.0], [-2], "-1, 3")),
    ("inputs.0.shape", [-1, 4],
     "inputs: expected rows of shape [-1, 3], by its columns, got float32 of shape [-1, 4]"),
    ("rows.columns.0.dtype", "int64",
     "rows.columns[0].dtype: expected float32, as the input has it, got int64"),
    ("outputs", WHOLE["outputs"] * 2,
     "outputs: expected names that differ, got ['probabilities', 'probabilities']"),
    ("recipe", "resnet", f"recipe: expected one of {names_in('model.recipes')}, got 'resnet'"),
    ("rows.columns", ["a"], "rows.columns: expected an array of tables, got ['a']"),
    ("rows.columns.0.name", "b", "rows.columns: expected names that differ in more than case, "
     "blanks and punctuation, got b, b"),
    ("rows.columns.0.dtype", "string",
     "rows.columns[0].dtype: expected float32, as the input has it, got string"),
    *(("rows.columns.0.minimum", value,
       f"rows.columns[0].minimum: expected a finite number, got {value!r}")
      for value in ("0", True, float("nan"), float("-inf"), 10**400)),
    ("rows.columns.0.minimum", 10,
     "rows.columns[0].minimum: expected at most maximum (9.5), got 10.0"),
    *(("answer.labels", value, f"answer.labels: expected a list of texts, got {value!r}")
      for value in ([], ["x", " ", "z"], ["x", 1, "z"])),
    ("answer.labels", "../x",
     f"answer.labels: expected a file's name like {NAMES[12:]}, got '../x'"),
    ("answer.output", "scores", "answer.output: expected one of probabilities, got 'scores'"),
    ("answer.many", 1, "answer.many: expected true or false, got 1"),
    *(("limits.instances", value, f"limits.instances: expected {COUNT}, got {value}")
      for value in (0, 1.5)),
    *(("training.note", value, f"training.note: expected {NOTE}, got {value!r}")
      for value in ({"a": 1}, [[1]], float("nan"))),
    *(("metrics.accuracy", value, f"metrics.accuracy: expected a finite number, got {value!r}")
      for value in ("high", True, float("nan"), 10**400)),
]  # fmt: skip
"""A key, a value that it must not have, and the complaint."""


@pytest.mark.parametrize(
    ("where", "value", "expected"), WRONG, ids=[f"{row[0]}-{n}" for n, row in enumerate(WRONG)]
)
def test_a_wrong_value_is_refused(tmp_path: Path, where: str, value: Any, expected: str) -> None:
    """A value that the key must not have is refused with the key, the rule and the value."""
    assert complaint(write_toml(tmp_path / "tiny", changed(where, value, WHOLE))) == expected


def test_a_date_is_no_note(tmp_path: Path) -> None:
    """TOML's dates have no spelling in JSON, and the manifest is shown as JSON."""
    text = tomli_w.dumps(WHOLE).replace("seed = 7", "seed = 2026-11-22")
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "model.toml").write_text(text, encoding="utf-8")
    expected = f"training.seed: expected {NOTE}, got datetime.date(2026, 11, 22)"
    assert complaint(tmp_path / "tiny") == expected


def pictures(where: str, value: Any) -> dict[str, Any]:
    """Make the manifest of a model of pictures, with one value changed."""
    document = changed("rows", ABSENT, changed("recipe", "digit", WHOLE))
    return changed(where, value, changed("inputs.0.shape", [-1, 28, 28, 1], document))


def test_a_named_recipe_may_need_no_settings(tmp_path: Path) -> None:
    """A model of pictures has the recipe's shape, and no table for it."""
    manifest = read(tmp_path / "tiny", pictures("version", "2"))
    assert manifest.recipe.takes == "image"
    folder = write_toml(tmp_path / "tiny", pictures("inputs.0.shape", [-1, 32, 32, 3]))
    assert complaint(folder) == (
        "inputs: expected one, float32 [-1, 28, 28, 1], as the recipe makes it, "
        "got float32 [-1, 32, 32, 3]"
    )
    folder = write_toml(tmp_path / "tiny", pictures("rows", WHOLE["rows"]))
    assert complaint(folder).startswith("rows: expected one of the keys ")


def test_a_batch_of_one_is_stated(tmp_path: Path) -> None:
    """A model made for one instance at a time is served where the manifest says so."""
    document = changed("limits.batch", 1, changed("inputs.0.shape", [1, 3], WHOLE))
    manifest = read(tmp_path / "tiny", document)
    assert (manifest.batch, replace(manifest, batch=None).inputs[0].shape) == (1, (1, 3))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"schema = ", "expected TOML in UTF-8, got Invalid value (at end of document)"),
        (b'name = "\xff"', "expected TOML in UTF-8, got 'utf-8' codec can't decode byte 0xff"),
        (b"", "expected schema = 2 or 1, got none"),
        (b"a = " + b"[" * 100_000, "expected TOML in UTF-8, got "),
        (b"a = " + b"9" * 5_000, "expected TOML in UTF-8, got "),
        (b"a = 0x" + b"f" * 5_000, "expected TOML in UTF-8, got "),
    ],
    ids=["no TOML", "no UTF-8", "empty", "too deep", "too many digits", "too many in hex"],
)
def test_a_file_that_is_no_manifest_is_refused(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    """Another syntax or encoding, and what no complaint's text could hold, are told apart."""
    (tmp_path / "model.toml").write_bytes(content)
    assert complaint(tmp_path).startswith(expected)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A folder without a manifest, and a manifest that is a folder, are refused."""
    assert complaint(tmp_path) == "expected a manifest, got No such file or directory"
    (tmp_path / "model.toml").mkdir()
    assert complaint(tmp_path) == "expected a manifest, got Is a directory"


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
PLACES = st.sampled_from(
    [*MISSING, *DOCUMENT, *DOCUMENT_1, "rows.columns.0", "training.x", "metrics.x", "unknown"]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all the documents that Hypothesis thinks of."""
    return tmp_path_factory.mktemp("manifest") / "tiny"


@given(
    whole=st.sampled_from([WHOLE, changed("artefact.sha256", "0" * 64, DOCUMENT_1)]),
    place=PLACES, value=VALUES, second=PLACES, other=VALUES,
)  # fmt: skip
def test_no_document_raises_anything_else(
    folder: Path, whole: dict[str, Any], place: str, value: Any, second: str, other: Any
) -> None:
    """Whatever TOML stands at two places of a manifest, it is read, or refused by ArtefactError."""
    document = whole
    for where, found in ((place, value), (second, other)):
        with contextlib.suppress(KeyError, TypeError, IndexError):  # there is no such place
            document = changed(where, found, document)
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
