"""Live scikit-learn models: converted in this process, and asked what they themselves predict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnx import helper
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import RFE
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import LinearSVC

from model.bake.errors import BakeError
from model.bake.live import instances_of
from model.bake.samples import Sample
from model.bake.sources import open_object
from model.bake.sources.base import Hints, Original
from model.engines.onnx import open_session
from model.predictor import Predictor
from tests.model.bake.conftest import Kitchen
from tests.model.bake.models import model_of

RANDOM = np.random.default_rng(0)
COUNT = 60
FRAME = pd.DataFrame(
    {
        "Age (years)": RANDOM.integers(18, 80, COUNT),
        "fare": RANDOM.normal(30, 20, COUNT).round(2),
        "sex": RANDOM.choice(["male", "female"], COUNT),
        "vip": RANDOM.random(COUNT) > 0.5,
        "note": RANDOM.choice(["good trip", "bad food", "late"], COUNT),
    }
)
TEXTS = ["free money now", "hello my friend", "win a prize", "see you at lunch"] * 5
ANSWERS = np.where(FRAME["fare"] > 30, "dear", "cheap")
MATRIX = FRAME[["Age (years)", "fare"]].to_numpy()
NORMAL = RANDOM.normal(size=(COUNT, 4))

MIXED = ColumnTransformer(
    [
        ("numbers", StandardScaler(), ["Age (years)", "fare"]),
        ("sex", OneHotEncoder(handle_unknown="ignore"), ["sex"]),
        ("vip", "passthrough", ["vip"]),
        ("note", TfidfVectorizer(), "note"),
    ]
)

CASES: dict[str, tuple[Any, Any, Any, tuple[str, ...], str]] = {
    "columns": (
        make_pipeline(MIXED, RandomForestClassifier(5)), FRAME, ANSWERS,
        ("cheap", "dear"), "classify",
    ),
    "texts": (
        make_pipeline(TfidfVectorizer(), MultinomialNB()), TEXTS, ["spam", "ham"] * 10,
        ("ham", "spam"), "classify",
    ),
    "matrix": (
        GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2), FRAME[["Age (years)", "fare"]],
        ANSWERS, ("cheap", "dear"), "classify",
    ),
    "thresholds": (HistGradientBoostingRegressor(max_iter=5), MATRIX, MATRIX[:, 1], (), "regress"),
    "gaps": (
        make_pipeline(
            ColumnTransformer([
                ("fare", SimpleImputer(), ["fare"]),
                ("sex", make_pipeline(
                    SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"),
                ), ["sex"]),
            ]),
            LogisticRegression(),
        ),
        FRAME.assign(sex=FRAME["sex"].where(FRAME.index % 5 > 0)), ANSWERS,
        ("cheap", "dear"), "classify",
    ),
    "flags": (LogisticRegression(), FRAME[["fare", "vip"]], ANSWERS, ("cheap", "dear"), "classify"),
    "words": (
        make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), Ridge()),
        ["Straße a früh", "zu früh", "Straße früh", "spam"] * 5, np.arange(20.0), (), "regress",
    ),
    "margins": (
        make_pipeline(TfidfVectorizer(), LinearSVC()), TEXTS,
        ["spam", "ham"] * 10, ("ham", "spam"), "classify",
    ),
    "damped": (
        make_pipeline(TfidfVectorizer(sublinear_tf=True), Ridge()), [f"{t} {t}" for t in TEXTS],
        np.arange(20.0), (), "regress",
    ),
    "values": (LinearRegression(), MATRIX, MATRIX, (), "regress"),
    "doubles": (GaussianProcessRegressor(), NORMAL, NORMAL[:, 0], (), "regress"),
    "functions": (
        make_pipeline(FunctionTransformer(np.log1p), Ridge()), abs(MATRIX), MATRIX[:, 0], (),
        "regress",
    ),
    "targets": (
        TransformedTargetRegressor(
            make_pipeline(StandardScaler(), Ridge()), func=np.log1p, inverse_func=np.expm1
        ),
        MATRIX, MATRIX[:, 0], (), "regress",
    ),
    "scaled targets": (
        TransformedTargetRegressor(Ridge(), transformer=StandardScaler()), MATRIX,
        MATRIX[:, 0], (), "regress",
    ),
    "bins": (
        make_pipeline(KBinsDiscretizer(3, encode="onehot"), Ridge()), MATRIX, MATRIX[:, 0], (),
        "regress",
    ),
    "selected": (
        make_pipeline(RFE(Ridge(), n_features_to_select=2), RFE(Ridge(), n_features_to_select=1)),
        NORMAL, NORMAL[:, 0], (), "regress",
    ),
    "truth": (LogisticRegression(), NORMAL, NORMAL[:, 0] > 0, ("False", "True"), "classify"),
    "clusters": (KMeans(2, n_init=1), MATRIX, None, (), ""),
    "vectors": (PCA(2), MATRIX, None, (), "embed"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_a_live_model_is_converted(tmp_path: Path, name: str) -> None:
    """Its inputs are columns, a matrix or texts; the file answers as the object does."""
    model, instances, targets, labels, task = CASES[name]
    model.fit(instances, targets)
    original = open_object(model, instances, tmp_path, print)
    assert (original.hints.labels, original.hints.task) == (labels, task)
    session = open_session(original.onnx)
    feeds = {
        one.name: {
            "tensor(string)": np.array(
                [["" if name == "gaps" else "zu Straße a früh"], ["male"]], object
            ),
            "tensor(bool)": np.array([[True], [False]]),
            "tensor(int64)": np.array([[33], [44]]),
            "tensor(double)": np.full((2, one.shape[1]), 0.5),
        }.get(one.type, np.full((2, one.shape[1]), 30.95, np.float32))
        for one in session.get_inputs()
    }
    names = [one.name for one in session.get_outputs()]
    got = dict(zip(names, session.run(names, feeds), strict=True))
    for key, expected in original.run(feeds).items():  # type: ignore[misc]  # it has one
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(got[key].reshape(expected.shape), expected, 1e-4, 1e-4)
        else:
            assert got[key].ravel().tolist() == expected.ravel().tolist()


def test_thresholds_are_exact(tmp_path: Path) -> None:
    """Of more values than bins some are thresholds themselves, to the last digit of a float64."""
    values = RANDOM.normal(size=(300, 1))
    model = HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=1).fit(values, values[:, 0])
    original = open_object(model, values, tmp_path, print)
    (got,) = open_session(original.onnx).run(None, {"input": values})
    np.testing.assert_allclose(got.ravel(), model.predict(values), 1e-6, 1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_name_in_a_frame_is_found_again(tmp_path: Path) -> None:
    """ONNX's inputs have no blanks and brackets; the original is asked by its own names."""
    model = make_pipeline(MIXED, Ridge()).fit(FRAME, MATRIX[:, 1])
    original = open_object(model, FRAME, tmp_path, print)
    inputs = {one.name: one.type for one in open_session(original.onnx).get_inputs()}
    assert inputs == {
        "Age__years_": "tensor(int64)", "fare": "tensor(float)", "sex": "tensor(string)",
        "vip": "tensor(bool)", "note": "tensor(string)",
    }  # fmt: skip
    assert [column.name for column in original.hints.columns] == list(FRAME.columns)


@pytest.mark.filterwarnings("ignore")
def test_what_skl2onnx_does_not_know_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spline has no counterpart in ONNX, and texts have no width that could be guessed."""
    model = make_pipeline(SplineTransformer(), Ridge()).fit(MATRIX, MATRIX[:, 1])
    with pytest.raises(BakeError, match=r"^skl2onnx cannot convert SplineTransformer\nReplace"):
        open_object(model, MATRIX, tmp_path, print)
    model = make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(TEXTS, ["spam", "ham"] * 10)
    with pytest.raises(BakeError, match=r"not known what Pipeline takes\nGive some rows or texts"):
        open_object(model, None, tmp_path, print)
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(BakeError, match=r"this Python has not\npip install skl2onnx$"):
        open_object(model, TEXTS, tmp_path, print)


@pytest.mark.filterwarnings("ignore")
def test_a_booster_gets_what_it_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands before it counts in float64, and XGBoost takes sparse zeros for missing values.

    Scaled in float32, numbers at a split go the other way.
    """
    monkeypatch.setattr("model.bake.sources.boosted.open_any", tree_of_the_test)
    booster = type("Booster", (LinearRegression,), {"__module__": "xgboost.sklearn"})()
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer([("n", numbers, ["fare"]), ("s", OneHotEncoder(), ["sex"])])
    columns.sparse_threshold = 1.0
    frame = FRAME.assign(fare=FRAME["fare"].where(FRAME.index > 5))
    model = make_pipeline(columns, booster).fit(frame, MATRIX[:, 1])
    original = open_object(model, frame, tmp_path, print)
    assert [one.missing for one in original.hints.columns] == ["nan", "refuse"]
    session = open_session(original.onnx)
    inputs = {one.name: one.type for one in session.get_inputs()}
    assert inputs == {"fare": "tensor(double)", "sex": "tensor(string)"}
    feeds = {
        "fare": frame[["fare"]].to_numpy(),
        "sex": frame[["sex"]].to_numpy().astype(object),
    }
    (got,) = session.run(["predicted_y"], feeds)
    matrix = columns.transform(frame).toarray().astype(np.float32)
    np.testing.assert_array_equal(got, np.where(matrix == 0, np.nan, matrix))
    assert original.run(feeds)["predicted_y"].shape == (COUNT,)  # type: ignore[misc]  # it has one


def tree_of_the_test(model: Any, samples: Any, work: Path, say: Any) -> Original:
    """Stand for the booster's conversion, which takes an environment: it answers what it gets."""
    nodes = [helper.make_node("Identity", ["input"], ["y"])]
    matrix: Any = ("FLOAT", ["N", 3])
    onnx = model_of(work / "tree.onnx", nodes, {"input": matrix}, {"y": matrix})
    return Original(format="xgboost", summary="", onnx=onnx, hints=Hints(task="regress"))


def test_a_live_model_is_shown_its_own_instances(tmp_path: Path) -> None:
    """Of samples with names and answers, of rows by name and of tables it gets what it takes."""
    table = tmp_path / "rows.csv"
    table.write_text("fare,sex\n1.5,male\n", encoding="utf-8")
    row = {"fare": 1.5, "sex": "male"}
    named = type("Named", (), {"feature_names_in_": ["fare", "sex"]})()
    for samples in ([Sample("a", row, "dear")], [row], str(table), [table], [[1.5, "male"]]):
        assert instances_of(samples, named).to_dict("records") == [row]
    assert instances_of([Sample("a", [1, 2]), [3, 4]], None) == [[1, 2], [3, 4]]
    assert instances_of(MATRIX, None) is MATRIX
    with pytest.raises(BakeError, match=r"^--sample: lacks the columns sex; it has fare\nGive"):
        instances_of([{"fare": 1}], named)
    with pytest.raises(BakeError, match=r"a list, an array or a DataFrame, got int$"):
        instances_of(3, None)
    with pytest.raises(BakeError, match=r"expected rows of 2 columns, got 3$"):
        open_object(LinearRegression().fit(MATRIX, MATRIX), [[1, 2, 3]], tmp_path, print)


@pytest.mark.filterwarnings("ignore")
def test_columns_that_a_pipeline_drops_are_left_out(kitchen: Kitchen) -> None:
    """A frame of samples may have more than the model reads, as scikit-learn allows it."""
    model = make_pipeline(ColumnTransformer([("n", StandardScaler(), ["fare"])]), Ridge())
    folder = kitchen.bake(model.fit(FRAME, MATRIX[:, 1]), name="fares", samples=FRAME)
    (column,) = Predictor.load(folder).manifest.recipe.describe().columns
    assert (column.name, column.minimum) == ("fare", FRAME["fare"].min())
