"""One path behind every door: models are loaded by name, checked, and asked."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from function.errors import UnknownModelError, UnknownVersionError
from function.service import Service
from function.settings import ZOO
from function.telemetry.invocation import Invocation, predict, under_way
from model.bundle.golden import GOLDEN_FILE, alike, read_golden
from model.errors import ArtefactError, InputError
from tests.function.zoos import served as load
from tests.function.zoos import write_zoo

ROW = [5.1, 3.5, 1.4, 0.2]


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Copy the irises' bundle into a zoo of its own, beside a folder that is no bundle."""
    shutil.copytree(ZOO / "iris", tmp_path / "iris")
    (tmp_path / "notes").mkdir()
    return tmp_path


def test_models(zoo: Path) -> None:
    """Every bundle of the zoo is served, or those that are named; other folders are none."""
    assert [model.name for model in load(ZOO).models()] == ["digits", "iris", "progression"]
    assert [model.name for model in load(zoo).models()] == ["iris"]
    service = load(ZOO, "iris")
    assert [model.name for model in service.models()] == ["iris"]
    with pytest.raises(UnknownModelError, match=r"^model: expected one of iris, got another name$"):
        service.find("digits")


def test_versions_of_a_model(tmp_path: Path) -> None:
    """A model whose versions have a folder each is found as well, beside one that has none."""
    shutil.copytree(ZOO / "digits", tmp_path / "digits")
    service = load(write_zoo(tmp_path, "1", "2"))
    served = [(one.name, list(one.predictors)) for one in service.models()]
    assert served == [("digits", ["1"]), ("iris", ["1", "2"])]
    assert [model.latest.manifest.version for model in service.models()] == ["1", "2"]
    assert [one.name for one in load(tmp_path, "iris").models()] == ["iris"]


def test_every_version_is_verified(tmp_path: Path) -> None:
    """An older version that answers otherwise stops the start as well."""
    path = write_zoo(tmp_path, "1", "2") / "iris" / "1" / GOLDEN_FILE
    path.write_text(path.read_text().replace('"setosa"', '"virginica"'))
    with pytest.raises(ArtefactError, match=re.escape(str(path))):
        load(tmp_path)


def test_an_empty_zoo(tmp_path: Path) -> None:
    """A zoo without a bundle stops the start."""
    message = f"{tmp_path}: expected folders with a model.toml, got none"
    with pytest.raises(ArtefactError, match=f"^{re.escape(message)}$"):
        load(tmp_path)


def test_a_model_that_is_missing(zoo: Path) -> None:
    """A name without a bundle stops the start, and names the file that is missing."""
    with pytest.raises(ArtefactError, match=re.escape(str(zoo / "nosuch" / "model.toml"))):
        load(zoo, "nosuch")


def test_a_model_that_answers_otherwise(zoo: Path) -> None:
    """A model whose golden vector comes out otherwise must not be served."""
    path = zoo / "iris" / GOLDEN_FILE
    golden = json.loads(path.read_text())
    golden["cases"][0]["answer"]["label"] = "virginica"
    path.write_text(json.dumps(golden))
    with pytest.raises(ArtefactError, match=re.escape(str(path))):
        load(zoo)


@pytest.mark.parametrize("model", ["digits", "iris"])
def test_golden_vectors(service: Service, model: str) -> None:
    """Every golden vector comes out of the service as it went into the bundle."""
    tolerance, cases = read_golden(service.find(model).manifest.folder)
    answers = [service.find(model).predict(case.instances).predictions[0] for case in cases]
    for answer, case in zip(answers, cases, strict=True):
        assert alike(case.answer, answer, tolerance)


def test_the_answer(service: Service) -> None:
    """The answer holds the model, its version, and a prediction an instance."""
    answer = service.find("iris").predict([ROW, ROW])
    assert answer.payload() == {
        "model": "iris",
        "version": service.find("iris").manifest.version,
        "predictions": [
            {
                "label": "setosa",
                "confidence": 1.0,
                "probabilities": {"setosa": 1.0, "versicolor": 0.0, "virginica": 0.0},
            }
        ]
        * 2,
    }
    assert list(answer.steps_ms) == ["preprocess", "engine", "postprocess"]
    assert all(ms >= 0 for ms in answer.steps_ms.values())


@pytest.mark.parametrize("name", ["", None, 7, [], "Iris", "iris/../iris", "iris\x00", "\ud800"])
def test_unknown_models(service: Service, name: object) -> None:
    """A name that is not served is an error that names those that are."""
    with pytest.raises(UnknownModelError) as caught:
        service.find(name)
    assert str(caught.value) == "model: expected one of digits, iris, progression, got another name"


@pytest.mark.parametrize(
    ("asked", "version"),
    [(None, "10"), ("latest", "10"), ("next", "10"), ("stable", "2"), ("2", "2"), ("9", "9")],
)
def test_a_version_answers(versions: Service, asked: str | None, version: str) -> None:
    """The version that was asked for answers, by its name or a label, and says so."""
    answer = versions.find("iris", asked).predict([ROW])
    assert (answer.model, answer.version) == ("iris", version)


@pytest.mark.parametrize("version", ["1", "", "STABLE", "../2", 2, ["2"], {"2": 2}])
def test_unknown_versions(versions: Service, version: object) -> None:
    """A version that is not served, or is no text, is an error that names versions and labels."""
    with pytest.raises(UnknownVersionError) as caught:
        versions.find("iris", version)
    known = "2, 9, 10, latest, next, stable"
    assert str(caught.value) == f"version: expected one of {known}, got another name"


@pytest.mark.parametrize(("count", "got"), [(0, "none"), (1001, "1001")])
def test_counts(service: Service, count: int, got: str) -> None:
    """As many instances as the manifest allows are answered; none, or more, are refused."""
    assert len(service.find("iris").predict([ROW] * 1000).predictions) == 1000
    with pytest.raises(InputError) as caught:
        service.find("iris").predict([ROW] * count)
    assert str(caught.value) == f"rows: expected 1 to 1000 rows, got {got}"


def test_the_invocation_is_told(versions: Service) -> None:
    """It learns the version behind a label, the count, and the times, even if a call fails."""
    invocation, served = Invocation("id-1", "test", cold=False), versions.find("iris", "stable")
    with under_way(invocation):
        predict(served, [ROW] * 2)
        assert (invocation.model, invocation.version, invocation.count) == ("iris", "2", 2)
        assert list(invocation.steps_ms) == ["preprocess", "engine", "postprocess"]
        with pytest.raises(InputError):
            predict(served, [[]])
        assert (invocation.version, invocation.count) == ("2", 3)
