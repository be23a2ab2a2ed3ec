"""The golden vectors: the zoo passes them, and whatever makes an answer another one is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from model.bundle.golden import read_golden, verify_golden
from model.errors import ArtefactError
from model.predictor import Predictor
from tests.model.bundle.bundles import ABSENT, ZOO, Network, changed, write_bundle

FORM = '{"tolerance", "cases": [{"name", "sample" or "row", "label", "probabilities"}]}'
GOLDEN: dict[str, Any] = {
    "tolerance": 1e-5,
    "why": "rounding",
    "cases": [
        {"name": "thirds", "row": [0, 0, 0], "label": "x", "probabilities": [0.333333] * 3},
        {"name": "last", "row": [0, 0, 99], "label": "z", "probabilities": [0.0, 0.0, 1.0]},
    ],
}


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
    assert {case.label for case in vectors} == set(predictor.manifest.labels)


@pytest.mark.parametrize(("limit", "tried"), [(None, 2), (1, 1), (0, 0), (3, 2)])
def test_some_cases_may_be_enough(bundle: Path, limit: int | None, tried: int) -> None:
    """As many cases as the limit says are tried, all of them without one."""
    assert verified(bundle, GOLDEN, limit=limit) == tried


def test_a_limit_tries_the_first_cases_only(bundle: Path) -> None:
    """What stands behind the limit is not tried, what stands before it is."""
    wrong = changed("cases.1.label", "y", GOLDEN)
    assert verified(bundle, wrong, limit=1) == 1
    with pytest.raises(ArtefactError, match="'last' to be y"):
        verified(bundle, wrong, limit=2)


THIRDS = "'thirds' to be x with [0.333333, 0.333333, 0.333333]"


@pytest.mark.parametrize(
    ("where", "value", "expected"),
    [
        (
            "cases.1.label",
            "y",
            "'last' to be y with [0.0, 0.0, 1.0], got z with [0.0, 0.0, 1.0]",
        ),
        (
            "cases.1.probabilities",
            [0.0, 0.0, 0.99998],
            "'last' to be z with [0.0, 0.0, 0.99998], got z with [0.0, 0.0, 1.0]",
        ),
        (
            "cases.1.probabilities",
            [0.0, 1.0],
            "'last' to be z with [0.0, 1.0], got z with [0.0, 0.0, 1.0]",
        ),
        (
            "cases.1.probabilities",
            [0.0, 0.0, float("nan")],
            "'last' to be z with [0.0, 0.0, nan], got z with [0.0, 0.0, 1.0]",
        ),
        (
            "cases.1.row",
            [0, 0],
            "'last' to be predicted, got rows[0]: expected 3 numbers (a, b, c), got 2 numbers",
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
        ("cases.0.label", ABSENT, f"{FORM}, got KeyError('label')"),
        ("cases.0.probabilities", ABSENT, f"{FORM}, got KeyError('probabilities')"),
        (
            "cases.0.probabilities",
            ["high"],
            f"{FORM}, got ValueError(\"could not convert string to float: 'high'\")",
        ),
    ],
)
def test_golden_vectors_that_do_not_hold_are_refused(
    bundle: Path, where: str, value: Any, expected: str
) -> None:
    """Another label, another probability, another form: the case or the key is named."""
    assert complaint(bundle, changed(where, value, GOLDEN)) == f"golden.json: expected {expected}"


def test_another_model_in_the_bundle_is_found(bundle: Path) -> None:
    """A model file that answers otherwise is found even where hash and shapes are right."""
    assert verified(bundle, GOLDEN) == 2
    write_bundle(bundle, content=Network(weight=0.01).onnx())
    (wrong,) = Predictor.load(bundle).predict([[0, 0, 99]])[0]
    got = list(wrong.probabilities.values())
    expected = f"golden.json: expected 'last' to be z with [0.0, 0.0, 1.0], got z with {got}"
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
    with pytest.raises(ArtefactError, match=r"to be 0 with .* got 7 with "):
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
