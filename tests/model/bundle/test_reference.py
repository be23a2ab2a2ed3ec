"""The reference of a bundle: what is baked can be read, and what is misshapen is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.bake.write import write_reference
from model.bundle.drift import Window
from model.bundle.manifest import Manifest, read_manifest
from model.bundle.reference import ANSWERS, INPUTS, Histogram, read_reference
from model.errors import ArtefactError
from model.recipes.digit.features import features_of
from tests.model.bundle.bundles import ABSENT, DOCUMENT, ZOO, changed, write_bundle

FORM = '{"schema", "source", "inputs", "answers"}, edges and counts that fit'
RANDOM = np.random.default_rng(7)
ROWS = RANDOM.uniform(0, 9, (1000, 3)).astype(np.float32)
SHARES = RANDOM.dirichlet((1, 1, 1), 400)


ONE_OUTPUT = {"outputs": [{"name": "probabilities", "dtype": "float32", "shape": [-1, 1]}]}


@pytest.fixture
def bundle(tmp_path: Path) -> Manifest:
    """Write a bundle of three columns and three labels, with its reference."""
    folder = write_bundle(tmp_path / "tiny")
    write_reference(folder, {"rows": ROWS}, {"probabilities": SHARES}, source="drawn at random")
    return read_manifest(folder)


def test_what_is_baked_is_read(bundle: Manifest) -> None:
    """Each column, the labels and the confidences come back, every instance counted."""
    reference = read_reference(bundle)
    assert reference
    inputs = [(INPUTS, name) for name in "abc"]
    assert list(reference) == [*inputs, (ANSWERS, "labels"), (ANSWERS, "confidence")]
    assert [one.counts.sum() for one in reference.values()] == [1000, 1000, 1000, 400, 400]
    assert [len(one.counts) for one in reference.values()] == [10, 10, 10, 3, 5]
    # Bins by quantile: nearly the same number in each.
    assert reference[INPUTS, "a"].counts.min() >= 99
    labels = reference[ANSWERS, "labels"]
    assert labels.edges.tolist() == [0.5, 1.5]
    assert labels.counts.tolist() == np.bincount(SHARES.argmax(axis=1)).tolist()


def test_a_regression_watches_its_value(tmp_path: Path) -> None:
    """Its answers' histogram is of the values; one that is null is in none."""
    folder = write_bundle(
        tmp_path / "tiny", changed("answer", {}, changed("task", "regress", DOCUMENT | ONE_OUTPUT))
    )
    values = np.where(SHARES[:, :1] > 0.9, np.nan, SHARES[:, :1]).astype(np.float32)
    write_reference(folder, {"rows": ROWS}, {"probabilities": values}, source="drawn at random")
    manifest = read_manifest(folder)
    reference = read_reference(manifest)
    assert reference
    assert list(reference)[3:] == [(ANSWERS, "value")]
    assert reference[ANSWERS, "value"].counts.sum() == np.isfinite(values).sum()
    window = Window.of(manifest)
    assert window
    window.observe({"rows": ROWS}, [{"value": 0.5}] * 999 + [{"value": None}])
    assert window.indices()[ANSWERS, "value"] > 1


def test_answers_are_watched_where_inputs_are_not(tmp_path: Path) -> None:
    """Token ids have no features, and differ in length from request to request."""
    document = changed("rows", ABSENT, DOCUMENT)
    document["inputs"] = [{"name": "ids", "dtype": "int64", "shape": [-1, -1]}]
    folder = write_bundle(tmp_path / "tiny", document)
    write_reference(folder, {}, {"probabilities": SHARES}, source="drawn at random")
    window = Window.of(read_manifest(folder))
    assert window
    for length in (3, 5):
        answers = [{"label": "x", "confidence": 0.5}] * 200
        window.observe({"ids": np.zeros((200, length), np.int64)}, answers)
    assert list(window.indices()) == [(ANSWERS, "labels"), (ANSWERS, "confidence")]


def test_the_first_schema_is_read_as_the_second(bundle: Manifest) -> None:
    """A reference of an earlier version, which knew classifiers only, means the same."""
    path = bundle.folder / "reference.json"
    document = json.loads(path.read_text())
    labels, confidence = document.pop("answers")
    old = {**document, "schema": 1, "labels": labels["counts"], "confidence": confidence}
    before = repr(read_reference(bundle))
    path.write_text(json.dumps(old))
    assert repr(read_reference(bundle)) == before


def test_a_bundle_without_one(tmp_path: Path) -> None:
    """A reference is optional: a bundle from elsewhere has none."""
    assert read_reference(read_manifest(write_bundle(tmp_path / "tiny"))) is None


@pytest.mark.parametrize("name", ["iris", "digits"])
def test_our_bundles_have_one(name: str) -> None:
    """Both models of the zoo can be watched."""
    manifest = read_manifest(ZOO / name)
    reference = read_reference(manifest)
    assert reference
    assert len(reference) == 6


def test_values_that_repeat_share_a_bin(tmp_path: Path) -> None:
    """Where most values are one there are fewer bins, and none that must stay empty."""
    folder = write_bundle(tmp_path / "tiny")
    inputs = np.where(ROWS < 6, 1, ROWS).astype(np.float32)
    write_reference(folder, {"rows": inputs}, {"probabilities": SHARES}, source="few values")
    document = json.loads((folder / "reference.json").read_text())
    for one in document["inputs"]:
        assert min(one["counts"]) > 0
        assert len(one["counts"]) < 6


def test_an_edge_is_met_by_the_same_number_in_float32() -> None:
    """0.2 as float32 is more than 0.2, and still in the bin that ends there."""
    histogram = Histogram("x", np.array([0.2], np.float32), np.zeros(2))
    assert histogram.count(np.array([0.2], np.float32)).tolist() == [1, 0]
    assert histogram.count(np.array([0.2])).tolist() == [1, 0]


def test_a_missing_value_is_in_no_bin(tmp_path: Path) -> None:
    """Neither the reference nor the window counts NaN."""
    histogram = Histogram("x", np.array([0.2], np.float32), np.zeros(2))
    assert histogram.count(np.array([np.nan, 0.1, np.nan, 0.3])).tolist() == [1, 1]
    folder = write_bundle(tmp_path / "tiny")
    inputs = np.where(ROWS < 6, np.nan, ROWS).astype(np.float32)
    write_reference(folder, {"rows": inputs}, {"probabilities": SHARES}, source="with gaps")
    document = json.loads((folder / "reference.json").read_text())
    for one, column in zip(document["inputs"], inputs.T, strict=True):
        assert sum(one["counts"]) == np.isfinite(column).sum()


def answers_of(**histogram: Any) -> tuple[str, Any]:
    """Put a histogram in the place of the answers."""
    return ANSWERS, [{"name": "labels", **histogram}]


WRONG: dict[str, tuple[str, Any]] = {
    "no inputs": (INPUTS, None),
    "an input without edges": (INPUTS, [{"name": "a", "counts": [1]}]),
    "edges that fall": answers_of(edges=[2, 1], counts=[1, 1, 1]),
    "edges that stand": answers_of(edges=[1, 1], counts=[1, 1, 1]),
    "an edge that is NaN": answers_of(edges=[float("nan")], counts=[1, 1]),
    "edges in two dimensions": answers_of(edges=[[1]], counts=[1, 1]),
    "a text for an edge": answers_of(edges=["x"], counts=[1, 1]),
    "too few counts": answers_of(edges=[1, 2], counts=[1, 1]),
    "a count below 0": answers_of(edges=[1], counts=[2, -1]),
    "a count that is infinite": answers_of(edges=[1], counts=[2, float("inf")]),
    "counts of nothing": answers_of(edges=[1], counts=[0, 0]),
    "no answers": (ANSWERS, {"labels": 1}),
}


@pytest.mark.parametrize(("key", "value"), WRONG.values(), ids=WRONG)
def test_a_misshapen_one(bundle: Manifest, key: str, value: Any) -> None:
    """A reference of another form stops the load, by its path and the form expected."""
    path = bundle.folder / "reference.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(ArtefactError, match=f"^{re.escape(f'{path}: expected {FORM}, got ')}"):
        read_reference(bundle)


@pytest.mark.parametrize("text", ["", "[]", "{", "\udcff", "[" * 100_000])
def test_what_is_no_reference_at_all(bundle: Manifest, text: str) -> None:
    """Whatever the file holds, it is an ArtefactError."""
    path = bundle.folder / "reference.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ArtefactError, match="edges and counts that fit"):
        read_reference(bundle)


def test_another_schema(bundle: Manifest) -> None:
    """A later form is refused by its number."""
    path = bundle.folder / "reference.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 3}))
    with pytest.raises(ArtefactError) as caught:
        read_reference(bundle)
    assert str(caught.value) == f"{path}: expected schema 2, got 3"


@pytest.mark.parametrize(
    ("side", "expected"),
    [(INPUTS, "a, b, c, got ['a', 'b']"), (ANSWERS, "labels, confidence, got ['labels']")],
)
def test_one_of_other_features(bundle: Manifest, side: str, expected: str) -> None:
    """A reference of another model's columns or answers is refused by their names."""
    path = bundle.folder / "reference.json"
    document = json.loads(path.read_text())
    document[side].pop()
    path.write_text(json.dumps(document))
    with pytest.raises(ArtefactError) as caught:
        read_reference(bundle)
    assert str(caught.value) == f"{path}: expected {side} {expected}"


def test_one_that_cannot_be_read(bundle: Manifest) -> None:
    """A folder in its place is no reference."""
    path = bundle.folder / "reference.json"
    path.unlink()
    path.mkdir()
    with pytest.raises(ArtefactError) as caught:
        read_reference(bundle)
    assert str(caught.value) == f"{path}: expected a reference, got Is a directory"


def drawn(*strokes: tuple[slice, slice]) -> np.ndarray[Any, Any]:
    """Draw one digit of full ink: float32[1, 28, 28, 1]."""
    plane = np.zeros((1, 28, 28, 1), np.float32)
    for rows, columns in strokes:
        plane[0, rows, columns, 0] = 1
    return plane


def test_the_features_of_a_digit() -> None:
    """A bar's ink, edge, spread and slant are what geometry says."""
    bar = drawn((slice(4, 24), slice(12, 16)))
    ink, edge, width, slant = (float(values[0]) for values in features_of(bar).values())
    assert ink == pytest.approx(20 * 4 / 784)
    assert edge == pytest.approx(2 * (20 + 4) / 80)
    assert width == pytest.approx(np.sqrt((4**2 - 1) / (20**2 - 1)), rel=1e-4)
    assert slant == pytest.approx(0, abs=1e-6)


def test_what_leans_right_has_a_positive_slant() -> None:
    """The top to the right of the bottom, as in italics."""
    leaning = drawn((slice(4, 14), slice(15, 18)), (slice(14, 24), slice(10, 13)))
    assert features_of(leaning)["slant"][0] > 0.2
    assert features_of(leaning[:, :, ::-1])["slant"][0] < -0.2


def test_features_of_nothing_are_finite() -> None:
    """A plane without ink divides by nothing."""
    assert all(np.isfinite(values).all() for values in features_of(drawn()).values())
