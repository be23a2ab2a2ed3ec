"""The engine's answer: labelled if it is probabilities, refused if it is anything else."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from model.bundle.table import Table
from model.errors import EngineError
from model.tasks.base import Answer, Output
from model.tasks.classify import Classify, load
from model.tensors import Tensor

LABELS = ("x", "y", "z")


def predictions(*rows: list[float], dtype: Any = np.float32, **settings: Any) -> list[Answer]:
    """Label some rows of probabilities."""
    task = Classify(Output("scores"), **({"labels": LABELS} | settings))
    return task.answers({"scores": np.array(rows, dtype=dtype)}, len(rows))


def test_each_row_is_labelled() -> None:
    """The label is the most probable one, the confidence its probability; the order is kept."""
    assert predictions([0.5, 0.25, 0.25], [0.0, 0.125, 0.875]) == [
        {"label": "x", "confidence": 0.5, "probabilities": {"x": 0.5, "y": 0.25, "z": 0.25}},
        {"label": "z", "confidence": 0.875, "probabilities": {"x": 0.0, "y": 0.125, "z": 0.875}},
    ]


def test_what_comes_out_are_plain_floats() -> None:
    """JSON knows no NumPy numbers."""
    (answer,) = predictions([0.5, 0.25, 0.25])
    assert {type(value) for value in (answer["confidence"], *answer["probabilities"].values())} == {
        float
    }


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ([0.4, 0.4, 0.2], "x"),
        ([0.2, 0.4, 0.4], "y"),
        ([1 / 3, 1 / 3, 1 / 3], "x"),
        ([0.42000002, 0.42000005, 0.15999998], "x"),
        ([0.419, 0.421, 0.16], "y"),
    ],
)
def test_the_first_of_equals_wins(row: list[float], label: str) -> None:
    """Probabilities that differ by float32's noise only are equal; 0.002 is a difference."""
    (answer,) = predictions(row)
    assert answer["label"] == label
    assert answer["confidence"] == max(answer["probabilities"].values())


def test_probabilities_are_rounded_to_six_decimals() -> None:
    """A third is 0.333333: float32 has no more to say."""
    assert predictions([1 / 3, 1 / 3, 1 / 3])[0]["probabilities"] == dict.fromkeys(LABELS, 0.333333)


@pytest.mark.parametrize("total", [0.9995, 0.9999993, 1.0000005, 1.0005])
def test_a_sum_beside_one_is_put_right(total: float) -> None:
    """What a forest of float32 adds up to is divided by its sum, so that 1 is never passed."""
    assert predictions([0.0, total, 0.0])[0]["probabilities"] == {"x": 0.0, "y": 1.0, "z": 0.0}
    assert predictions([total / 2, total / 2, 0.0])[0]["confidence"] == 0.5
    assert predictions([1.0, -1.2e-07, 0.0])[0]["probabilities"] == {"x": 1.0, "y": 0.0, "z": 0.0}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_float_type_is_taken(dtype: Any) -> None:
    """Engines may answer in another precision than the input's."""
    assert predictions([0.25, 0.5, 0.25], dtype=dtype)[0]["confidence"] == 0.5


RAW = "the task tensors gives the output as it is"
LOGITS = f'which look like logits: apply = "softmax" makes probabilities of them; {RAW}'
SUMS = (
    f"not to 1: if several labels may apply, many = true; if they are scores, apply says how; {RAW}"
)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        *(
            (row, "expected probabilities, got NaN or Infinity in scores")
            for row in ([math.nan, 0.5, 0.5], [math.inf, 0.0, 0.0], [math.inf, -math.inf, 1.0])
        ),
        ([-0.5, 0.75, 0.75], f"the output scores has numbers from -0.5 to 0.75, {LOGITS}"),
        ([3.5, 1.25, -4.0], f"the output scores has numbers from -4 to 3.5, {LOGITS}"),
        ([1.002, 0.0, 0.0], f"the output scores has numbers from 0 to 1.002, {LOGITS}"),
        ([0.0] * 3, f"the output scores has numbers from 0 to 1 that sum to 0, {SUMS}"),
        ([0.5] * 3, f"the output scores has numbers from 0 to 1 that sum to 1.5, {SUMS}"),
        (
            [0.5, 0.498, 0.0],
            f"the output scores has numbers from 0 to 1 that sum to 0.998, {SUMS}",
        ),
    ],
)
def test_what_is_no_probability_is_refused(row: list[float], expected: str) -> None:
    """NaN, logits and rows of another sum are told by what they look like, in any row."""
    with pytest.raises(EngineError) as caught:
        predictions([0.5, 0.25, 0.25], row)
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("row", "settings", "expected"),
    [
        (
            [math.log(0.5), math.log(0.25), math.log(0.25)],
            {},
            f'the output scores looks like logarithms of probabilities: apply = "exp"; {RAW}',
        ),
        (
            [1.0, 0.0, 0.0],
            {"apply": "exp"},
            f'the output scores gives no probabilities with apply = "exp"; {RAW}',
        ),
        (
            [3.0],
            {"labels": ("no", "yes")},
            "the output scores has numbers from 3 to 3, which look like logits: "
            f'apply = "sigmoid" makes probabilities of them; {RAW}',
        ),
        (
            [3.0],
            {"labels": ("no", "yes"), "apply": "softmax"},
            "the output scores has one score per instance, whose softmax is always 1: "
            f'apply = "sigmoid"; {RAW}',
        ),
    ],
)
def test_the_way_out_is_told(row: list[float], settings: dict[str, Any], expected: str) -> None:
    """An error names the setting that would make probabilities of the scores."""
    with pytest.raises(EngineError) as caught:
        predictions(row, **settings)
    assert str(caught.value) == expected


@pytest.mark.parametrize("shape", [(2, 2), (2, 4), (2, 1)])
def test_other_labels_are_refused(shape: tuple[int, ...]) -> None:
    """There is one score a label."""
    with pytest.raises(EngineError) as caught:
        Classify(Output("scores"), LABELS).answers({"scores": np.full(shape, 0.25, np.float32)}, 2)
    assert str(caught.value) == (
        f"expected 3 scores, one a label, got {shape[1]} in an output scores of shape {list(shape)}"
    )


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 3, 1, 1), (1, 1, 1, 3)])
def test_axes_of_one_are_left_out(shape: tuple[int, ...]) -> None:
    """A pooled network's [N, C, 1, 1] has C scores, and so has [C] of one instance."""
    task = Classify(Output("scores"), LABELS)
    (answer,) = task.answers({"scores": np.array([0.25, 0.5, 0.25]).reshape(shape)}, 1)
    assert answer["label"] == "y"


@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 1, 1, 1)])
@pytest.mark.parametrize("labels", [(), ("0", "1")])
def test_one_score_is_of_the_second_of_two_labels(
    shape: tuple[int, ...], labels: tuple[str, ...]
) -> None:
    """A sigmoid is yes or no."""
    task = Classify(Output("scores"), labels)
    answers = task.answers({"scores": np.array([0.75, 0.25], np.float32).reshape(shape)}, 2)
    assert answers == [
        {"label": "1", "confidence": 0.75, "probabilities": {"0": 0.25, "1": 0.75}},
        {"label": "0", "confidence": 0.75, "probabilities": {"0": 0.75, "1": 0.25}},
    ]
    assert task.watched(answers)["labels"].tolist() == [1, 0]


def test_quantised_scores_are_probabilities() -> None:
    """The sum of a quantised softmax misses 1 by far; int8 starts at -128."""
    task = Classify(Output("scores", scale=1 / 256, shift=0.5), LABELS)
    (answer,) = task.answers({"scores": np.array([[-128, 100, 20]], np.int8)}, 1)
    assert answer["probabilities"] == {"x": 0.0, "y": 0.606383, "z": 0.393617}


def test_a_label_may_be_all(tmp_path: Path) -> None:
    """A model that answers with labels alone has no probabilities; numbers may have names."""
    outputs = (Tensor("label", "int64", (-1,)),)
    named = load(Table(tmp_path, {"labels": ["no", "yes"]}, []), outputs)
    assert named.answers({"label": np.array([[1], [0]])}, 2) == [{"label": "yes"}, {"label": "no"}]
    unnamed = load(Table(tmp_path, {}, []), outputs)
    assert unnamed.answers({"label": np.array([-1])}, 1) == [{"label": "-1"}]
    texts = load(Table(tmp_path, {}, []), (Tensor("label", "string", (-1,)),))
    assert texts.answers({"label": np.array(["cat"], object)}, 1) == [{"label": "cat"}]
    assert (texts.features, list(texts.schema()["properties"])) == ((), ["label"])
    with pytest.raises(EngineError, match="expected a label from 0 to 1, got 2"):
        named.answers({"label": np.array([2])}, 1)
    with pytest.raises(EngineError, match="expected 2 labels in label, got the shape"):
        named.answers({"label": np.array([1])}, 2)


def test_the_settings_are_read(tmp_path: Path) -> None:
    """The output is the only one of floats; labels that occur twice get their places."""
    outputs = (Tensor("label", "int64", (-1,)), Tensor("p", "float32", (-1, 3)))
    settings = {"labels": ["crane", "heron", "crane"], "scale": 2.0}
    table = Table(tmp_path, settings, [])
    assert load(table, outputs) == Classify(Output("p", 2.0), ("crane (0)", "heron", "crane (2)"))
    table.close()
    assert table.problems == []
    table = Table(tmp_path, {"labels": ["one"], "output": "q"}, [])
    load(table, outputs)
    assert [str(problem) for problem in table.problems] == [
        "output: expected one of label, p, got 'q'",
        "labels: expected two, or many = true, got one",
    ]


@pytest.mark.parametrize(
    ("apply", "scores"),
    [
        ("none", [0.25, 0.75]),
        ("softmax", [100.0, 100 + math.log(3)]),
        ("exp", [math.log(0.25), math.log(0.75)]),
    ],
)
def test_scores_become_probabilities(apply: str, scores: list[float]) -> None:
    """Whether the graph ends in a softmax, in its logarithm or before it, the answer is one."""
    (answer,) = predictions(scores, labels=("x", "y"), apply=apply)
    assert answer == {
        "label": "y",
        "confidence": 0.75,
        "probabilities": {"x": 0.25, "y": 0.75},
    }


def test_many_labels_may_be_true() -> None:
    """Each label for itself: all from a half on are the answer, and drift watches none."""
    task = Classify(Output("scores"), LABELS, apply="sigmoid", many=True)
    answers = task.answers({"scores": np.array([[0, 9, -9]], np.float32)}, 1)
    probabilities = {"x": 0.5, "y": 0.999877, "z": 0.000123}
    assert answers == [{"labels": ["x", "y"], "probabilities": probabilities}]
    assert (task.features, task.watched(answers)) == ((), {})


def test_of_many_probabilities_the_best_are_told() -> None:
    """Of more than twenty labels there are the ten best, the best first; unnamed, by number."""
    scores = np.arange(21) / 210
    task = Classify(Output("scores"), ())
    (answer,) = answers = task.answers({"scores": scores[np.newaxis]}, 1)
    assert list(answer["probabilities"]) == [str(number) for number in range(20, 10, -1)]
    assert task.watched(answers)["labels"].tolist() == [20]


@pytest.mark.parametrize("many", [False, True])
def test_the_schema_is_of_the_answer(many: bool) -> None:
    """Every key of an answer is in the schema, and no other."""
    task = Classify(Output("scores"), LABELS, many=many)
    (answer,) = task.answers({"scores": np.array([[0.5, 0.25, 0.25]])}, 1)
    assert list(task.schema()["properties"]) == list(answer)


@given(
    logits=arrays.arrays(
        np.float32, st.tuples(st.integers(1, 5), st.just(3)), elements=st.floats(-20, 20, width=32)
    )
)
def test_a_softmax_is_always_labelled(logits: Any) -> None:
    """Any softmax in float32 gives labels that are among its largest, and sums of 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    rows = powers / powers.sum(axis=1, keepdims=True)
    answers = predictions(*rows)
    for row, answer in zip(rows, answers, strict=True):
        assert row[LABELS.index(answer["label"])] == pytest.approx(row.max(), abs=2e-6)
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=2e-6)
        assert list(answer["probabilities"]) == list(LABELS)


@given(
    rows=st.lists(
        st.sampled_from([[0.5, 0.25, 0.25], [1.0004, 0.0, 0.0]])
        | st.lists(st.floats(width=32), min_size=3, max_size=3),
        min_size=1,
        max_size=3,
    )
)
def test_any_matrix_is_labelled_or_refused(rows: list[list[float]]) -> None:
    """Any answer is probabilities from 0 to 1 or EngineError, and NumPy warns of nothing."""
    with contextlib.suppress(EngineError):
        for answer in predictions(*rows):
            assert all(0 <= value <= 1 for value in answer["probabilities"].values())
