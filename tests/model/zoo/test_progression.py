"""The progression bundle answers as scikit-learn's regression, and baking gives it again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from model.predictor import Predictor
from model.zoo.progression import train
from tests.model.bundle.bundles import ZOO

BUNDLE = ZOO / "progression"


def test_every_row_is_answered_as_by_scikit_learn() -> None:
    """On all 442 rows the values are scikit-learn's, and so are columns, units and ranges."""
    rows, target = train.load()
    predictor = Predictor.load(BUNDLE)
    answers, _ = predictor.predict(rows.tolist())
    wanted = LinearRegression().fit(rows, target).predict(rows)
    np.testing.assert_allclose([one["value"] for one in answers], wanted, rtol=1e-5)
    columns = predictor.recipe.describe().columns
    assert [(one.name, one.unit) for one in columns] == list(train.COLUMNS.values())
    assert [one.minimum for one in columns] == rows.min(axis=0).tolist()


def test_baking_again_gives_the_committed_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every file of the bundle, the model's bytes included, is what its training script writes."""
    folder = tmp_path / "progression"
    train.main(["--folder", str(folder)])
    assert "answers" in capsys.readouterr().out
    baked = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert len(baked) == 7
    for path in baked:
        assert (folder / path).read_bytes() == (BUNDLE / path).read_bytes(), path
