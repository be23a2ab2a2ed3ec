"""Steps of scikit-learn that skl2onnx does not write, and those that ONNX cannot hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import OneClassSVM

from model.bake.categories import matrix_of, take_texts
from model.bake.errors import BakeError
from model.bake.multilabel import shares_of
from model.bake.sources import open_object
from model.engines.onnx import open_session
from model.predictor import Predictor
from model.recipes.base import Column
from tests.model.bake.conftest import Kitchen
from tests.model.bake.models import rows_model

NORMAL = np.random.default_rng(0).normal(size=(60, 4))
POSITIVE = np.abs(NORMAL)
TEXTS = ["free money", "my friend"] * 10
SIGNS = (NORMAL[:, :2] > 0).astype(int)


def test_bins_end_where_they_did(tmp_path: Path) -> None:
    """A number at an edge, or next to one, is in the bin that scikit-learn puts it in."""
    model = KBinsDiscretizer(4, encode="ordinal", strategy="quantile").fit(NORMAL)
    edges = np.stack([one[1:4] for one in model.bin_edges_], axis=1)
    values = np.concatenate([edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)])
    original = open_object(model, values, tmp_path, print)
    (got,) = open_session(original.onnx).run(None, {"input": values})
    np.testing.assert_array_equal(got, model.transform(values))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "last",
    [
        RandomForestClassifier(3), MLPClassifier((4,), max_iter=5),
        MultiOutputClassifier(LogisticRegression()),
    ],
    ids=lambda last: type(last).__name__,
)  # fmt: skip
def test_several_labels_at_once(kitchen: Kitchen, last: Any) -> None:
    """Each label has a probability of its own, however skl2onnx lays them out."""
    model = make_pipeline(StandardScaler(), last).fit(NORMAL, SIGNS)
    folder = kitchen.bake(model, name="signs", samples=NORMAL[:9])
    (answer,), _ = Predictor.load(folder).predict([NORMAL[5].tolist()])
    shares = shares_of(model.predict_proba(NORMAL[5:6]))[0]
    assert answer["labels"] == [
        label for label, share in zip("01", shares, strict=True) if share >= 0.5
    ]
    np.testing.assert_allclose(list(answer["probabilities"].values()), shares, atol=1e-5)


def test_gaps_in_an_array_may_be_sent(kitchen: Kitchen) -> None:
    """A column with a missing value among the samples takes null, however few they are."""
    gaps = np.where(NORMAL > [1, 9, 9, 9], np.nan, NORMAL)
    model = HistGradientBoostingRegressor(max_iter=2).fit(gaps, NORMAL[:, 1])
    row = gaps[np.isnan(gaps[:, 0])][:1]
    predictor = Predictor.load(kitchen.bake(model, name="gaps", samples=row))
    missing = [one.missing for one in predictor.manifest.recipe.describe().columns]
    assert missing == ["nan", "refuse", "refuse", "refuse"]
    (answer,), _ = predictor.predict([[None, *row[0, 1:].tolist()]])
    assert answer["value"] == pytest.approx(model.predict(row)[0], abs=1e-5)


def test_categories_by_name(tmp_path: Path) -> None:
    """A text becomes its number; one that is not known, or missing, NaN."""
    path = rows_model(tmp_path / "m.onnx", width=2)
    columns = (Column("age"), Column("city", "string", choices=("Oslo", "Rome")))
    take_texts(path, columns)
    feeds = {
        "age": np.array([[30.0], [40.0], [50.0]], np.float32),
        "city": np.array([["Rome"], ["Oslo"], [""]], object),
    }
    (got,) = open_session(path).run(None, feeds)
    np.testing.assert_array_equal(matrix_of(feeds, columns), [[30, 1], [40, 0], [50, np.nan]])
    np.testing.assert_array_equal(got[:2], [[60, 2], [80, 0]])
    assert np.isnan(got[2, 1])


def quantile_target() -> Any:
    """Return a regressor of a target whose way back has no formula."""
    transformer = QuantileTransformer(n_quantiles=3)
    return TransformedTargetRegressor(Ridge(), transformer=transformer).fit(NORMAL, POSITIVE[:, 0])


def margin() -> Any:
    """Return a support vector machine that all lie on the margin of."""
    model = OneClassSVM().fit(NORMAL)
    model.decision_function = lambda instances: np.zeros(len(instances))
    return model


REFUSED: dict[str, tuple[Any, Any]] = {
    "FunctionTransformer of <lambda>: ONNX has no counterpart": (
        lambda: make_pipeline(FunctionTransformer(lambda x: x), Ridge()).fit(NORMAL, SIGNS), NORMAL,
    ),
    "TransformedTargetRegressor with QuantileTransformer: ONNX has": (quantile_target, NORMAL),
    "HashingVectorizer hashes words, as ONNX cannot": (
        lambda: make_pipeline(HashingVectorizer(n_features=8), Ridge()).fit(TEXTS, range(20)),
        TEXTS,
    ),
    "TfidfVectorizer cuts words into n-grams": (
        lambda: TfidfVectorizer(analyzer="char_wb").fit(TEXTS), TEXTS,
    ),
    "HistGradientBoostingRegressor splits on categories": (
        lambda: HistGradientBoostingRegressor(categorical_features=[0], max_iter=2).fit(
            SIGNS, SIGNS[:, 1]
        ),
        SIGNS,
    ),
    "FixedThresholdClassifier answers by a threshold of its own": (
        lambda: FixedThresholdClassifier(LogisticRegression(), threshold=0.2).fit(
            NORMAL, SIGNS[:, 0]
        ),
        NORMAL,
    ),
    "SimpleImputer marks missing values in columns of their own": (
        lambda: make_pipeline(SimpleImputer(add_indicator=True), Ridge()).fit(NORMAL, SIGNS),
        NORMAL,
    ),
    "KNeighborsRegressor gives a neighbour at distance 0 all": (
        lambda: KNeighborsRegressor(weights="distance").fit(NORMAL, SIGNS), NORMAL,
    ),
    "CalibratedClassifierCV calibrates by steps": (
        lambda: CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=2).fit(
            NORMAL, SIGNS[:, 0]
        ),
        NORMAL,
    ),
    "ClassifierChain feeds each answer to the next": (
        lambda: ClassifierChain(LogisticRegression()).fit(NORMAL, SIGNS), NORMAL,
    ),
    "MultiOutputClassifier has an output with labels of its own": (
        lambda: MultiOutputClassifier(LogisticRegression()).fit(NORMAL, SIGNS + 1), NORMAL,
    ),
    "a sample lies on the margin of OneClassSVM, where float32": (
        margin, NORMAL,
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", REFUSED)
def test_a_step_without_a_counterpart_is_named(tmp_path: Path, what: str) -> None:
    """One sentence names the step and the cause, and another a way out."""
    make, instances = REFUSED[what]
    with pytest.raises(BakeError, match=f"^{re.escape(what)}.*\n."):
        open_object(make(), instances, tmp_path, print)
