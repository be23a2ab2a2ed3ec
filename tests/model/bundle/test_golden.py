"""The golden vectors: the zoo passes them, and whatever makes an answer another one is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from model.bundle.golden import alike, largest_in, read_golden, verify_golden
from model.errors import ArtefactError
from model.predictor import Predictor
from tests.model.bundle.bundles import ABSENT, ZOO, Network, changed, write_bundle

FORM = '{"tolerance", "cases": [{"name", "sample", "row", "text" or "inputs", "answer"}]}'


def answer_of(label: str, *shares: float) -> dict[str, Any]:
    """Spell an answer of the tiny model."""
    probabilities = dict(zip("xyz", shares, strict=True))
    return {"label": label, "confidence": max(shares), "probabilities": probabilities}


LAST = answer_of("z", 0.0, 0.0, 1.0)
GOLDEN: dict[str, Any] = {
    "tolerance": 1e-5,
    "why": "rounding",
    "cases": [
        {"name": "thirds", "row": [0, 0, 0], "answer": answer_of("x", *[0.333333] * 3)},
        {"name": "last", "row": [0, 0, 99], "answer": LAST},
    ],
}
GOLDEN_1: dict[str, Any] = {
    "tolerance": 1e-5,
    "cases": [
        {"name": "thirds", "row": [0, 0, 0], "label": "x", "probabilities": [0.333333] * 3},
        {"name": "last", "row": [0, 0, 99], "label": "z", "probabilities": [0.0, 0.0, 1.0]},
    ],
}
"""The same, as bundles of the first schema have it."""


def verified(folder: Path, golden: dict[str, Any], *, limit: int | None = None) -> int:
    """Write golden vectors beside a bundle and verify it."""
    (folder / "golden.json").write_text(json.dumps(golden), encoding="utf-8")
    return verify_golden(Predictor.load(folder), limit=limit)


def complaint(folder: Path, golden: dict[str, Any]) -> str:
    """Return what verifying complains of, with the folder's path taken out."""
    with pytest.raises(ArtefactError) as caught:
        verified(folder, golden)
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(("name", "cases"), [("digits", 10), ("iris", 15)])
def test_the_zoo_answers_as_it_did_when_baked(name: str, cases: int) -> None:
    """Every golden vector of both bundles passes, and each label is among them."""
    predictor = Predictor.load(ZOO / name)
    assert verify_golden(predictor) == cases
    _, vectors = read_golden(ZOO / name)
    assert {case.answer["label"] for case in vectors} == set(predictor.task.labels)


@pytest.mark.parametrize(("limit", "tried"), [(None, 2), (1, 1), (0, 0), (3, 2)])
def test_some_cases_may_be_enough(bundle: Path, limit: int | None, tried: int) -> None:
    """As many cases as the limit says are tried, all of them without one."""
    assert verified(bundle, GOLDEN, limit=limit) == tried


def test_a_limit_tries_the_first_cases_only(bundle: Path) -> None:
    """What stands behind the limit is not tried, what stands before it is."""
    wrong = changed("cases.1.answer.label", "y", GOLDEN)
    assert verified(bundle, wrong, limit=1) == 1
    with pytest.raises(ArtefactError, match=r"'last' to be answered with \{'label': 'y'"):
        verified(bundle, wrong, limit=2)


def test_the_first_form_is_read(bundle: Path) -> None:
    """A label and the probabilities in the order of the labels are an answer."""
    assert verified(bundle, GOLDEN_1) == 2
    told = complaint(bundle, changed("cases.1.label", "y", GOLDEN_1))
    assert told.startswith("golden.json: expected 'last' to be answered with {'label': 'y', ")
    told = complaint(bundle, changed("cases.0.probabilities", [0.5, 0.5], GOLDEN_1))
    assert told.endswith("2 probabilities for the manifest's 3 labels\")")


def other(answer: Any) -> str:
    """Say how the last case is told when its answer is another."""
    return f"'last' to be answered with {answer}, got {LAST}"


OTHERS = [
    changed("label", "y", LAST),
    changed("confidence", 0.99998, LAST),
    changed("confidence", float("nan"), LAST),
    changed("confidence", None, LAST),
    changed("probabilities.x", 0.00002, LAST),
    changed("probabilities.x", ABSENT, LAST),
    changed("probabilities", [0.0, 0.0, 1.0], LAST),
    changed("value", 7, LAST),
]
"""Answers that differ in one key, by more than the tolerance."""


@pytest.mark.parametrize(
    ("where", "value", "expected"),
    [
        *(("cases.1.answer", answer, other(answer)) for answer in OTHERS),
        (
            "cases.1.row",
            [0, 0],
            "'last' to be predicted, got an error: "
            "rows[0]: expected 3 numbers (a, b, c), got 2 numbers",
        ),
        ("tolerance", float("inf"), "a tolerance from 0 to 0.01, got inf"),
        ("tolerance", float("nan"), "a tolerance from 0 to 0.01, got nan"),
        ("tolerance", -1e-9, "a tolerance from 0 to 0.01, got -1e-09"),
        ("tolerance", 0.011, "a tolerance from 0 to 0.01, got 0.011"),
        ("tolerance", 10**400, f"{FORM}, got OverflowError('int too large to convert to float')"),
        ("tolerance", ABSENT, f"{FORM}, got KeyError('tolerance')"),
        ("cases", [], "at least one case, got none"),
        ("cases", ABSENT, f"{FORM}, got KeyError('cases')"),
        ("cases", 7, f"{FORM}, got TypeError(\"'int' object is not iterable\")"),
        ("cases.0.name", ABSENT, f"{FORM}, got KeyError('name')"),
        ("cases.0.row", ABSENT, f"{FORM}, got KeyError('sample')"),
        ("cases.0.answer", ABSENT, f"{FORM}, got KeyError('probabilities')"),
        ("cases.0.answer", 7, f"{FORM}, got TypeError(\"'int' object is not iterable\")"),
    ],
)
def test_golden_vectors_that_do_not_hold_are_refused(
    bundle: Path, where: str, value: Any, expected: str
) -> None:
    """Another label, another probability, another form: the case or the key is named."""
    assert complaint(bundle, changed(where, value, GOLDEN)) == f"golden.json: expected {expected}"


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        ({"value": 1383.6}, {"value": 1383.7}, True),
        ({"value": 1383.6}, {"value": 1384.7}, False),
        ({"outputs": {"a": [[1.0, 2.0]]}}, {"outputs": {"a": [[1.0, 2.5]]}}, False),
        ({"outputs": {"a": [1.0, 2.0]}}, {"outputs": {"a": [1.0]}}, False),
        ({"outputs": {"a": [3]}}, {"outputs": {"a": [4]}}, False),
        ({"label": None}, {"label": None}, True),
    ],
)
def test_any_answer_can_be_compared(expected: Any, got: Any, same: bool) -> None:
    """Numbers up to a part of the largest, whole ones and texts exactly, however deep."""
    assert alike(expected, got, 1e-4 * largest_in(expected)) == same


def test_another_model_in_the_bundle_is_found(bundle: Path) -> None:
    """A model file that answers otherwise is found even where hash and shapes are right."""
    assert verified(bundle, GOLDEN) == 2
    write_bundle(bundle, content=Network(weight=0.01).onnx())
    (wrong,) = Predictor.load(bundle).predict([[0, 0, 99]])[0]
    expected = f"golden.json: expected 'last' to be answered with {LAST}, got {wrong}"
    assert complaint(bundle, GOLDEN) == expected


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, '{"tolerance": ' + "9" * 5_000 + "}"])
def test_what_is_no_golden_file_is_refused(bundle: Path, text: str) -> None:
    """Broken JSON, another form, deep nesting and endless numbers are told as such."""
    (bundle / "golden.json").write_text(text, encoding="utf-8")
    with pytest.raises(ArtefactError) as caught:
        read_golden(bundle)
    assert str(caught.value).startswith(f"{bundle / 'golden.json'}: expected {FORM}, got ")


def test_a_missing_golden_file_is_named(bundle: Path) -> None:
    """A bundle without golden vectors is no bundle."""
    with pytest.raises(ArtefactError) as caught:
        read_golden(bundle)
    expected = f"{bundle / 'golden.json'}: expected a file, got No such file or directory"
    assert str(caught.value) == expected


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """Copy the digits bundle, but for what it was trained with."""
    for name in ("model.toml", "digits.onnx", "golden.json", "samples"):
        (tmp_path / "digits").mkdir(exist_ok=True)
        source = ZOO / "digits" / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / "digits" / name)
    return tmp_path / "digits"


def with_sample(folder: Path, sample: Any) -> dict[str, Any]:
    """Read the golden vectors of the digits with another sample in the first case."""
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    return changed("cases.0.sample", sample, golden)


def test_a_missing_sample_is_named(digits: Path) -> None:
    """A sample that is not there is told by its file."""
    (digits / "samples" / "0.png").unlink()
    with pytest.raises(ArtefactError) as caught:
        read_golden(digits)
    expected = f"{digits / 'samples' / '0.png'}: expected a file, got No such file or directory"
    assert str(caught.value) == expected


def test_an_exchanged_sample_is_found(digits: Path) -> None:
    """Another digit in the file of a sample has another label."""
    shutil.copy(digits / "samples" / "7.png", digits / "samples" / "0.png")
    with pytest.raises(ArtefactError, match=r"'label': '0'.* got {'label': '7'"):
        verify_golden(Predictor.load(digits))


@pytest.mark.parametrize(
    "sample", ["../golden.json", "/etc/passwd", "..", ".", "", "a/b.png", "a\\b.png", "a\0.png"]
)
def test_a_sample_outside_its_folder_is_refused(digits: Path, sample: str) -> None:
    """A sample is a plain name; what would lead elsewhere is not even looked for."""
    reason = ValueError(f"a sample named {sample!r}, not like (?!\\.)[A-Za-z0-9_.-]{{1,64}}")
    expected = f"golden.json: expected {FORM}, got {reason!r}"
    assert complaint(digits, with_sample(digits, sample)) == expected


def test_a_sample_must_be_a_text(digits: Path) -> None:
    """A sample that is no text is told as such."""
    reason = "TypeError(\"expected string or bytes-like object, got 'int'\")"
    expected = f"golden.json: expected {FORM}, got {reason}"
    assert complaint(digits, with_sample(digits, 7)) == expected
