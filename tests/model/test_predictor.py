"""The predictor: what stops the load, what stops a prediction, and what neither does."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import model.predictor
from model.bundle.manifest import read_manifest
from model.engines.base import Array, OperatorError, RefusedError
from model.errors import ArtefactError, EngineError, FormatError, InputError
from model.predictor import Predictor, Steps
from model.tensors import NamedInputs
from tests import ROOT
from tests.model.bundle.bundles import ZOO, Network, write_bundle

ROW = [1, 2, 3]
SEVEN = (ZOO / "digits" / "samples" / "7.png").read_bytes()


def complaint(folder: Path) -> str:
    """Return what loading the bundle complains of, with the folder's path taken out."""
    with pytest.raises(ArtefactError) as caught:
        Predictor.load(folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_bundle_predicts(bundle: Path) -> None:
    """A bundle that is as it says is loaded and answers, a row as a list or as an object."""
    predictor = Predictor.load(bundle)
    predictions, _ = predictor.predict([[1, 2, 3], {"c": 0.5, "b": 0.5, "a": 9}])
    assert [one["label"] for one in predictions] == ["z", "x"]
    powers = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
    assert list(predictions[0]["probabilities"]) == ["x", "y", "z"]
    assert list(predictions[0]["probabilities"].values()) == pytest.approx(
        powers.tolist(), abs=1e-6
    )
    assert predictor.manifest == read_manifest(bundle)


def sha256(content: bytes) -> str:
    """Return the hash as a manifest spells it."""
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: bytes([content[0] ^ 1]) + content[1:],
        lambda content: content[:-1] + bytes([content[-1] ^ 128]),
        lambda content: content[:-1],
        lambda content: b"",
    ],
    ids=["first bit", "last bit", "cut", "empty"],
)
def test_another_file_than_was_baked_stops_the_load(
    bundle: Path, spoil: Callable[[bytes], bytes]
) -> None:
    """A model file that differs by a bit from the one that was baked, or is cut, is not served."""
    content = (bundle / "tiny.onnx").read_bytes()
    (bundle / "tiny.onnx").write_bytes(spoil(content))
    expected = f"tiny.onnx: expected sha256 {sha256(content)}, got {sha256(spoil(content))}"
    assert complaint(bundle) == expected


def test_a_missing_file_stops_the_load(bundle: Path) -> None:
    """A model file that is not there, or is a folder, is named."""
    (bundle / "tiny.onnx").unlink()
    expected = "tiny.onnx: expected the model file, got No such file or directory"
    assert complaint(bundle) == expected
    (bundle / "tiny.onnx").mkdir()
    assert complaint(bundle) == "tiny.onnx: expected the model file, got Is a directory"


@pytest.mark.parametrize("count", [1, 2, 4])
def test_one_to_the_limit_are_predicted(bundle: Path, count: int) -> None:
    """From one instance to the manifest's limit there is one prediction an instance."""
    predictions, _ = Predictor.load(bundle).predict([ROW] * count)
    assert len(predictions) == count


@pytest.mark.parametrize(("count", "got"), [(0, "none"), (5, "5"), (100_000, "100000")])
def test_none_and_too_many_rows_are_refused(bundle: Path, count: int, got: str) -> None:
    """No row, and one past the limit, are refused before they are looked at."""
    with pytest.raises(InputError) as caught:
        Predictor.load(bundle).predict([None] * count)
    assert str(caught.value) == f"rows: expected 1 to 4 rows, got {got}"


@pytest.mark.parametrize(("count", "got"), [(0, "none"), (257, "257")])
def test_none_and_too_many_pictures_are_refused(count: int, got: str) -> None:
    """A model of pictures says images where a model of rows says rows."""
    with pytest.raises(InputError) as caught:
        Predictor.load(ZOO / "digits").predict([b""] * count)
    assert str(caught.value) == f"images: expected 1 to 256 images, got {got}"


def test_a_full_request_of_pictures_is_predicted() -> None:
    """As many pictures as the manifest allows are answered, each as alone."""
    predictor = Predictor.load(ZOO / "digits")
    predictions, _ = predictor.predict([SEVEN] * predictor.manifest.max_instances)
    assert {one["label"] for one in predictions} == {"7"}
    assert len(predictions) == 256


def test_the_pixel_limit_is_handed_down() -> None:
    """A picture beyond the limit that the bundle was loaded with is refused."""
    predictor = Predictor.load(ZOO / "digits", max_pixels=28 * 28 - 1)
    with pytest.raises(InputError, match="783"):
        predictor.predict([SEVEN])


def test_what_is_no_picture_is_the_callers_fault() -> None:
    """The recipe's errors come through as they are."""
    with pytest.raises(FormatError):
        Predictor.load(ZOO / "digits").predict([b"no picture"])


class FixedEngine:
    """An engine that answers the same whatever it is asked."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer

    def run(self, feeds: Mapping[str, Array]) -> Any:
        """Answer."""
        return {"probabilities": self._answer()}


def predictor_of(bundle: Path, answer: Callable[[], Any]) -> Predictor:
    """Make a predictor whose engine answers as given."""
    return Predictor(read_manifest(bundle), FixedEngine(answer), max_pixels=1)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            [[0.5, 0.5]],
            "expected 3 scores, one a label, got 2 in an output probabilities of shape [1, 2]",
        ),
        (
            [[1, 0, 0]] * 2,
            "expected an output probabilities of shape [1, K], got [2, 3]: "
            "the task tensors gives any output as it is",
        ),
        ([[math.nan, 1, 0]], "expected probabilities, got NaN or Infinity in probabilities"),
    ],
)
def test_an_answer_that_is_no_probability_is_the_engines_fault(
    bundle: Path, answer: list[Any], expected: str
) -> None:
    """What the engine answers is checked before it is called a prediction."""
    with pytest.raises(EngineError) as caught:
        predictor_of(bundle, lambda: np.array(answer, dtype=np.float32)).predict([ROW])
    assert str(caught.value) == expected


def test_a_real_model_that_answers_nan_is_refused(bundle: Path) -> None:
    """Where float32 overflows inside the network the caller gets no NaN."""
    # 3e38 times a weight of 2 is Infinity, and the softmax of two of these is NaN.
    content = Network(weight=2.0).onnx()
    predictor = Predictor.load(write_bundle(bundle, content=content))
    assert predictor.predict([ROW])[0][0]["label"] == "z"
    with pytest.raises(EngineError) as caught:
        predictor.predict([[3e38, 3e38, 0]])
    assert str(caught.value) == "expected probabilities, got NaN or Infinity in probabilities"


def test_an_engine_that_fails_keeps_its_cause(bundle: Path) -> None:
    """Whatever an engine raises becomes EngineError, with the engine named and the cause kept."""
    cause = RuntimeError("out of memory")

    def fail() -> Any:
        raise cause

    with pytest.raises(EngineError) as caught:
        predictor_of(bundle, fail).predict([ROW])
    assert str(caught.value) == "onnx failed: out of memory"
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize(
    ("cause", "given", "where"),
    [
        (RefusedError("idx=9"), [ROW], "rows"),
        (RefusedError("idx=9"), NamedInputs({"rows": [ROW]}), "inputs"),
        (OperatorError("3 by 4"), NamedInputs({"rows": [ROW]}), "inputs"),
        (OperatorError("3 by 4"), [ROW], None),
        (MemoryError("none"), NamedInputs({"rows": [ROW]}), None),
    ],
)
def test_whose_fault_a_failed_run_is(
    bundle: Path, cause: Exception, given: Any, where: str | None
) -> None:
    """What a runtime refuses is the caller's, who learns where and not in the runtime's words."""

    def fail() -> Any:
        raise cause

    with pytest.raises(InputError if where else EngineError) as caught:
        predictor_of(bundle, fail).predict(given)
    if isinstance(caught.value, InputError):
        expected = (
            "expected sizes and values that the model computes with, got some that it refuses"
        )
        assert str(caught.value) == f"{where}: {expected}"
        assert caught.value.reason == str(cause)


def test_the_steps_are_timed(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step's time is the difference of the clock before and after it, in milliseconds."""
    clock = iter([10.0, 10.5, 12.5, 12.75])
    predictor = Predictor.load(bundle)
    monkeypatch.setattr(model.predictor, "perf_counter", lambda: next(clock))
    assert predictor.predict([ROW])[1] == Steps(500.0, 2000.0, 250.0)


def test_a_row_is_answered_the_same_in_any_company() -> None:
    """A row's prediction does not depend on what else is in the request."""
    predictor = Predictor.load(ZOO / "iris")
    rows = json.loads((ZOO / "iris" / "samples" / "rows.json").read_text(encoding="utf-8"))["rows"]
    together, _ = predictor.predict(rows * 10)
    assert together == [predictor.predict([row])[0][0] for row in rows] * 10


IMPORTED = """
import json, sys
from pathlib import Path
from model.predictor import Predictor
for folder in sys.argv[1:]:
    Predictor.load(Path(folder)).predict([[5.1, 3.5, 1.4, 0.2]] if folder.endswith("iris") else
                                         [Path(folder, "samples", "7.png").read_bytes()])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
TRAINING = {
    "ai_edge_litert",
    "keras",
    "tensorflow",
    "matplotlib",
    "mlxtend",
    "onnx",
    "scipy",
    "skl2onnx",
    "sklearn",
    "tf2onnx",
    "tomli_w",
}


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["iris"], {"onnxruntime"}), (["iris", "digits"], {"onnxruntime", "PIL"})],
    ids=["rows", "pictures"],
)
def test_only_what_is_used_is_imported(names: list[str], expected: set[str]) -> None:
    """Rows need no Pillow, ONNX no other engine, and serving nothing that only trains."""
    run = subprocess.run(
        [sys.executable, "-c", IMPORTED, *(str(ZOO / name) for name in names)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert set(json.loads(run.stdout)) & (TRAINING | {"onnxruntime", "PIL"}) == expected
    assert run.stderr == ""
