"""The hook's zip: every bundle's golden vectors, and the same bytes for the same bundles."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

from infra.release.hook_package import HOOK, questions_of, write_hook_package
from tests import ROOT

ZOO = ROOT / "model" / "zoo"


def versioned(tmp_path: Path) -> Path:
    """A zoo of iris in two versions, and of digits in one."""
    zoo = tmp_path / "zoo"
    shutil.copytree(ZOO / "digits", zoo / "digits")
    for version in ("1", "2"):
        shutil.copytree(ZOO / "iris", zoo / "iris" / version)
    manifest = zoo / "iris" / "2" / "model.toml"
    manifest.write_text(manifest.read_text().replace('version = "1"', 'version = "2"'))
    return zoo


def test_every_bundle_and_version(tmp_path: Path) -> None:
    """Each is asked by its own version; pictures as base64, rows as they are."""
    questions = questions_of(versioned(tmp_path))
    asked = [(one["payload"]["model"], one["payload"]["version"]) for one in questions]
    assert asked == [("digits", "1"), ("iris", "1"), ("iris", "2")]
    digits, iris, _ = questions
    assert len(digits["payload"]["images"]) == len(digits["cases"]) > 0
    assert len(iris["payload"]["rows"]) == len(iris["cases"]) > 0
    answer = iris["cases"][0]["answer"]
    assert (iris["cases"][0]["name"], answer["label"]) == ("row 0", "setosa")
    assert sorted(answer["probabilities"]) == ["setosa", "versicolor", "virginica"]


def test_tensors_are_asked_one_by_one(tmp_path: Path) -> None:
    """Inputs by name are whole requests; rows and texts of a bundle go together."""
    folder = tmp_path / "zoo" / "m"
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text('name = "m"\nversion = "1"\nlimits.instances = 2\n')
    asked: list[dict[str, Any]] = [
        {"inputs": {"x": [[1]]}},
        {"text": "a"},
        {"inputs": {"x": [[2]]}},
        {"text": "b"},
    ]
    cases = [{"name": str(n), "answer": {}, **one} for n, one in enumerate([*asked, asked[1]])]
    (folder / "golden.json").write_text(json.dumps({"tolerance": 0, "cases": cases}))
    questions = questions_of(tmp_path / "zoo")
    whole = {"model": "m", "version": "1"}
    assert [one["payload"] for one in questions] == [
        {**whole, "texts": ["a", "b"]},
        {**whole, "inputs": {"x": [[1]]}},
        {**whole, "inputs": {"x": [[2]]}},
    ]
    assert [[case["name"] for case in one["cases"]] for one in questions] == [
        ["1", "3"],
        ["0"],
        ["2"],
    ]


def test_a_bundle_of_the_first_schema(tmp_path: Path) -> None:
    """Its labels are in the manifest, its probabilities in their order: an answer of both."""
    folder = tmp_path / "zoo" / "old"
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(
        'name = "old"\nversion = "1"\noutput.labels = ["x", "y"]\nlimits.instances = 9\n'
    )
    case = {"name": "one", "row": [1], "label": "y", "probabilities": [0.25, 0.75]}
    (folder / "golden.json").write_text(json.dumps({"tolerance": 0.01, "cases": [case]}))
    (question,) = questions_of(tmp_path / "zoo")
    answer = {"label": "y", "confidence": 0.75, "probabilities": {"x": 0.25, "y": 0.75}}
    assert question["cases"] == [{"name": "one", "answer": answer}]


def test_no_more_than_a_request_may_have(tmp_path: Path) -> None:
    """A bundle with a low limit is asked as much as it answers."""
    zoo = tmp_path / "zoo"
    shutil.copytree(ZOO / "iris", zoo / "iris")
    manifest = zoo / "iris" / "model.toml"
    manifest.write_text(manifest.read_text().replace("instances = 1000", "instances = 3"))
    (question,) = questions_of(zoo)
    assert len(question["cases"]) == len(question["payload"]["rows"]) == 3


def test_the_same_bytes(tmp_path: Path) -> None:
    """Another folder, another day, other permissions: no plan sees a change."""
    zoo = tmp_path / "zoo"
    shutil.copytree(ZOO / "iris", zoo / "iris")
    for file in zoo.rglob("*"):
        os.utime(file, (1, 1))
    first = write_hook_package(zoo, tmp_path / "1.zip").read_bytes()
    shutil.copytree(ZOO / "iris", tmp_path / "other" / "iris")
    second = write_hook_package(tmp_path / "other", tmp_path / "deep" / "2.zip").read_bytes()
    assert first == second


def test_what_is_in_it(tmp_path: Path) -> None:
    """The hook as it stands here, and the questions."""
    package = write_hook_package(ZOO, tmp_path / "hook.zip")
    with zipfile.ZipFile(package) as archive:
        assert sorted(archive.namelist()) == ["golden.json", "hook.py"]
        assert archive.read("hook.py") == HOOK.read_bytes()
        assert json.loads(archive.read("golden.json")) == questions_of(ZOO)
