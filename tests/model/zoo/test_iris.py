"""The iris bundle: it answers as scikit-learn's forest does, and baking it again gives it again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_iris

from model.bundle.manifest import MANIFEST_FILE
from model.bundle.reference import REFERENCE_FILE
from model.predictor import Predictor
from model.zoo.iris import train
from tests.model.bundle.bundles import ZOO

IRIS = ZOO / "iris"
Rows = NDArray[np.float64]


@pytest.fixture(scope="module")
def forest() -> Any:
    """Fit scikit-learn's forest, as the training does."""
    return train.fit()


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """Load the committed bundle."""
    return Predictor.load(IRIS)


@pytest.fixture(scope="module")
def flowers() -> Rows:
    """Return the 150 rows, in cm."""
    rows: Rows = load_iris().data
    return rows


def answers(predictor: Predictor, rows: list[Any]) -> tuple[list[str], Rows]:
    """Predict any number of rows; return the labels and the probabilities."""
    limit = predictor.manifest.max_instances
    predictions = [
        prediction
        for start in range(0, len(rows), limit)
        for prediction in predictor.predict(rows[start : start + limit])[0]
    ]
    matrix = np.array([list(one["probabilities"].values()) for one in predictions])
    return [one["label"] for one in predictions], matrix


def require_agreement(forest: Any, predictor: Predictor, rows: Rows) -> None:
    """Hold the bundle's labels and probabilities against scikit-learn's."""
    labels, probabilities = answers(predictor, rows.tolist())
    reference = forest.predict_proba(rows)
    np.testing.assert_allclose(probabilities, reference, rtol=0, atol=1e-5)
    assert labels == [train.LABELS[best] for best in forest.predict(rows)]


def test_every_flower_is_answered_as_by_scikit_learn(
    forest: Any, predictor: Predictor, flowers: Rows
) -> None:
    """On all 150 rows the labels are scikit-learn's, the probabilities to 1e-5."""
    require_agreement(forest, predictor, flowers)


@pytest.mark.parametrize("decimals", [1, 2, 16])
def test_random_rows_are_answered_as_by_scikit_learn(
    forest: Any, predictor: Predictor, flowers: Rows, decimals: int
) -> None:
    """On 5,000 rows within three times the ranges it is the same; of one decimal, many tie."""
    low, high = flowers.min(axis=0), flowers.max(axis=0)
    middle, reach = (low + high) / 2, 1.5 * (high - low)
    random = np.random.default_rng(7).uniform(middle - reach, middle + reach, (5_000, 4))
    require_agreement(forest, predictor, random.round(decimals))


def edges(forest: Any, flowers: Rows) -> Rows:
    """Put real flowers onto each threshold of the forest.

    Returns:
        float64[3 T, 4]: a flower with one length at a threshold's float32, or at the next float32
        below or above it; T is the number of thresholds that differ.
    """
    nodes = {
        (feature, np.float32(threshold))
        for tree in forest.estimators_
        for feature, threshold in zip(tree.tree_.feature, tree.tree_.threshold, strict=True)
        if feature >= 0
    }
    random = np.random.default_rng(7)
    rows = []
    for feature, threshold in sorted(nodes):
        for value in (
            np.nextafter(threshold, np.float32(-np.inf)),
            threshold,
            np.nextafter(threshold, np.float32(np.inf)),
        ):
            row = flowers[random.integers(len(flowers))].copy()
            row[feature] = value
            rows.append(row)
    return np.array(rows)


def test_rows_at_the_thresholds_are_answered_as_by_scikit_learn(
    forest: Any, predictor: Predictor, flowers: Rows
) -> None:
    """A flower at a threshold, and at float32's neighbours of it, takes the same branch.

    scikit-learn compares a row's float32 with a threshold's float64, ONNX both as float32; two
    thirds of the thresholds are no float32, so a wrong rounding would show here.
    """
    rows = edges(forest, flowers)
    assert len(rows) > 200
    require_agreement(forest, predictor, rows)


def test_objects_are_answered_as_lists_are(predictor: Predictor, flowers: Rows) -> None:
    """By column name, in any order, a row gets the answer of the list in column order."""
    names = [column.name for column in predictor.recipe.describe().columns]
    objects = [dict(reversed(list(zip(names, row, strict=True)))) for row in flowers.tolist()]
    by_name, by_place = answers(predictor, objects), answers(predictor, flowers.tolist())
    assert by_name[0] == by_place[0]
    assert np.array_equal(by_name[1], by_place[1])


def test_the_manifest_states_the_ranges_of_the_data(predictor: Predictor, flowers: Rows) -> None:
    """The columns are the data's, with the unit and the range that was trained on."""
    columns = predictor.recipe.describe().columns
    assert [column.name for column in columns] == list(train.NAMES)
    assert [column.unit for column in columns] == ["cm"] * 4
    assert [column.minimum for column in columns] == flowers.min(axis=0).tolist()
    assert [column.maximum for column in columns] == flowers.max(axis=0).tolist()


def test_the_samples_are_rows_of_the_data(predictor: Predictor, flowers: Rows) -> None:
    """The samples are every tenth flower, and as a request they are answered."""
    rows = json.loads((IRIS / "samples" / "rows.json").read_text(encoding="utf-8"))["rows"]
    assert rows == flowers[::10].tolist()
    assert answers(predictor, rows)[0] == ["setosa"] * 5 + ["versicolor"] * 5 + ["virginica"] * 5


def test_baking_again_gives_the_committed_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every file of the bundle, the model's bytes included, is what its training script writes."""
    train.main(["--folder", str(tmp_path / "iris")])
    files = [".baked.json", "CARD.md", "golden.json", "iris.onnx", MANIFEST_FILE, REFERENCE_FILE]
    files.append("samples/rows.json")
    baked = sorted(path for path in (tmp_path / "iris").rglob("*") if path.is_file())
    assert [str(path.relative_to(tmp_path / "iris")) for path in baked] == files
    for name in files:
        assert (tmp_path / "iris" / name).read_bytes() == (IRIS / name).read_bytes(), name
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["cross-validating, 5 folds …", "  accuracy 0.9533"]
    assert "golden     15 samples, 15 answered as expected" in said


def test_the_reference_alone(tmp_path: Path) -> None:
    """The reference of a bundle that is there already is written without baking it again."""
    for name in (MANIFEST_FILE, "iris.onnx"):
        shutil.copy(IRIS / name, tmp_path)
    folder = tmp_path.rename(tmp_path.with_name("iris"))
    train.main(["--folder", str(folder), "--reference"])
    assert sorted(path.name for path in folder.iterdir()) == [
        "iris.onnx", MANIFEST_FILE, REFERENCE_FILE,
    ]  # fmt: skip
    assert (folder / REFERENCE_FILE).read_bytes() == (IRIS / REFERENCE_FILE).read_bytes()


def test_the_card_states_the_manifests_accuracy(predictor: Predictor) -> None:
    """The page that people read and the manifest that programs read agree."""
    card = (IRIS / "CARD.md").read_text(encoding="utf-8")
    accuracy = predictor.manifest.metrics["cross_validation_accuracy"]
    assert f"| accuracy, 5-fold cross-validation | {accuracy:.4f} |" in card
    assert 0.9 < accuracy < 1
