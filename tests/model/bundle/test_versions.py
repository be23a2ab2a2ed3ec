"""Versions side by side: two layouts, labels, and every way of getting either wrong."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.bundle.table import NAME
from model.bundle.versions import Versions, natural_order, read_labels
from model.errors import ArtefactError
from model.predictor import DEFAULT_MAX_PIXELS
from tests.model.bundle.bundles import changed, write_bundle

LIKE = r"(?!\.)[A-Za-z0-9_.-]{1,64}"


def load(folder: Path) -> Versions:
    """Load a model's versions."""
    return Versions.load(folder, max_pixels=DEFAULT_MAX_PIXELS)


def write_versions(model: Path, *versions: str, labels: str | None = None) -> Path:
    """Write a model with some versions, and its labels.toml if there is one."""
    model.mkdir()
    for version in versions:
        write_bundle(model / version, changed("version", version))
    if labels is not None:
        (model / "labels.toml").write_text(labels)
    return model


def complaint(model: Path, path: str = "") -> str:
    """Return what loading a model complains of, after the file's name."""
    with pytest.raises(ArtefactError) as caught:
        load(model)
    prefix = f"{model / path}: "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix).removeprefix("expected ")


def test_one_version(tmp_path: Path) -> None:
    """A model's folder that is a bundle is its one version, whatever the version is called."""
    versions = load(write_bundle(tmp_path / "tiny"))
    assert (versions.name, list(versions.predictors), versions.labels) == ("tiny", ["1"], {})
    assert versions.latest.manifest.version == "1"
    assert versions.names == ["1", "latest"]


def test_several_versions(tmp_path: Path) -> None:
    """Folders in a model's folder are its versions, in natural order; other folders are none."""
    model = write_versions(tmp_path / "tiny", "10", "9", "9.1")
    (model / "notes").mkdir()
    versions = load(model)
    assert list(versions.predictors) == ["9", "9.1", "10"]
    assert versions.latest.manifest.version == "10"
    assert versions.latest.manifest.folder == model / "10"


@pytest.mark.parametrize(
    ("name", "version"),
    [(None, "10"), ("latest", "10"), ("9", "9"), ("stable", "9"), ("next", "10")],
)
def test_names(tmp_path: Path, name: str | None, version: str) -> None:
    """A version is found by its name or a label, and the latest one by none."""
    labels = 'stable = "9"\nnext = "10"\n'
    versions = load(write_versions(tmp_path / "tiny", "9", "10", labels=labels))
    found = versions.find(name)
    assert found
    assert found.manifest.version == version


@pytest.mark.parametrize("name", ["8", "Stable", "", "../9", 9, None, [], {"9": 9}])
def test_unknown_names(tmp_path: Path, name: object) -> None:
    """Nothing else is found; names are given with the labels."""
    versions = load(write_versions(tmp_path / "tiny", "9", labels='stable = "9"'))
    assert versions.names == ["9", "latest", "stable"]
    assert (versions.find(name) is None) is (name is not None)


def test_labelled(tmp_path: Path) -> None:
    """Each version is listed with its labels; more than one may stand for it."""
    labels = 'b = "9"\na = "9"\n'
    versions = load(write_versions(tmp_path / "tiny", "9", "10", labels=labels))
    assert versions.labelled() == {"9": ["a", "b"], "10": ["latest"]}


def test_labels_of_one_version(tmp_path: Path) -> None:
    """A model of one version may have labels as well, so that callers need not know."""
    bundle = write_bundle(tmp_path / "tiny")
    (bundle / "labels.toml").write_text('stable = "1"')
    assert load(bundle).labelled() == {"1": ["latest", "stable"]}


def test_mixed_layouts(tmp_path: Path) -> None:
    """A bundle with bundles in it is refused."""
    model = write_versions(tmp_path / "tiny", "2")
    write_bundle(model)
    said = complaint(model)
    assert said == "one model.toml, or one in each version's folder, got both"


def test_no_bundle(tmp_path: Path) -> None:
    """A folder that is no bundle and has none is told what is missing."""
    (tmp_path / "tiny").mkdir()
    missing = "a manifest, got No such file or directory"
    assert complaint(tmp_path / "tiny", "model.toml") == missing


@pytest.mark.parametrize(
    ("folder", "name", "version", "said"),
    [
        ("2", "tiny", "3", "version: expected '2', as the folder, got '3'"),
        ("2", "other", "2", "name: expected '2', as the folder, got 'other'"),
        ("2", "2", "7", "name = 'tiny' and version = '2', as the folders, got 2 and 7"),
        (
            "latest",
            "tiny",
            "latest",
            "a version other than 'latest', which means the highest one, got 'latest'",
        ),
    ],
)
def test_a_version_of_something_else(
    tmp_path: Path, folder: str, name: str, version: str, said: str
) -> None:
    """A version's manifest names its model's folder and its own; `latest` is taken."""
    model = write_versions(tmp_path / "tiny", "1")
    write_bundle(model / folder, changed("name", name) | {"version": version})
    assert complaint(model, f"{folder}/model.toml") == said


def test_a_version_that_bears_its_models_name(tmp_path: Path) -> None:
    """In a folder of the model's own name, the version is held against the folder all the same."""
    model = write_versions(tmp_path / "tiny", "tiny")
    assert list(load(model).predictors) == ["tiny"]
    write_bundle(model / "tiny", changed("version", "2"))
    assert complaint(model, "tiny/model.toml") == (
        "name = 'tiny' and version = 'tiny', as the folders, got tiny and 2"
    )


def test_a_zoo_is_no_model(tmp_path: Path) -> None:
    """A bundle that says it is a version of its zoo is not served by its folder's name."""
    bundle = tmp_path / "tiny"
    write_bundle(bundle, changed("name", tmp_path.name) | {"version": "tiny"})
    assert complaint(bundle, "model.toml") == (
        f"name = 'tiny' and version = 'tiny', as the folders, got {tmp_path.name} and tiny"
    )


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("stable = 9", "stable = one of '9', '10', got 9"),
        ('stable = "8"', "stable = one of '9', '10', got '8'"),
        ('stable = "latest"', "stable = one of '9', '10', got 'latest'"),
        ('[stable]\nversion = "9"', "stable = one of '9', '10', got {'version': '9'}"),
        ('latest = "9"', "labels that are no version's name and not 'latest', got 'latest'"),
        ('10 = "9"', "labels that are no version's name and not 'latest', got '10'"),
        ('"a/b" = "9"', f"labels like {LIKE}, got 'a/b'"),
        ('"" = "9"', f"labels like {LIKE}, got ''"),
    ],
)
def test_wrong_labels(tmp_path: Path, labels: str, said: str) -> None:
    """A label that is no name, is taken, or stands for no version stops the load."""
    model = write_versions(tmp_path / "tiny", "9", "10", labels=labels)
    assert complaint(model, "labels.toml") == said


@pytest.mark.parametrize("content", [b"stable =", b"\xff", b"a = " + b"[" * 9999])
def test_labels_that_are_no_toml(tmp_path: Path, content: bytes) -> None:
    """What the parser does not take is refused by its file."""
    model = write_versions(tmp_path / "tiny", "9")
    (model / "labels.toml").write_bytes(content)
    assert complaint(model, "labels.toml").startswith("TOML in UTF-8, got ")


def test_labels_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder in place of the file is refused; no file at all means no labels."""
    assert read_labels(tmp_path, known=["9"]) == {}
    (tmp_path / "labels.toml").mkdir()
    with pytest.raises(ArtefactError) as caught:
        read_labels(tmp_path, known=["9"])
    said = f"{tmp_path / 'labels.toml'}: expected labels, got Is a directory"
    assert str(caught.value) == said


def test_natural_order() -> None:
    """Numbers compare as numbers, at any place; dates and digits beside letters as well."""
    ordered = ["1", "1.9", "1.10", "2", "2-a", "2-b", "9", "10", "2026-9-1", "2026-11-2", "a", "a2"]
    shuffled = Random(7).sample(ordered, len(ordered))
    assert sorted(shuffled, key=natural_order) == ordered


@given(st.lists(st.from_regex(NAME, fullmatch=True), max_size=6))
def test_any_names_have_an_order(names: list[Any]) -> None:
    """Any names compare, and no two different ones are equal: the latest is always one."""
    keys = {natural_order(name) for name in names}
    assert len(keys) == len(set(names))
    shuffled = Random(7).sample(names, len(names))
    assert sorted(names, key=natural_order) == sorted(shuffled, key=natural_order)
