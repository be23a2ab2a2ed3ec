"""What a model takes and answers, told by its tensors and a few runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from model.bake.answers import answering
from model.bake.errors import BakeError
from model.bake.graph import read_graph
from model.bake.infer import Facts, taken_by, takes_of
from model.bake.runtime import Runtime
from model.bake.sources.base import Hints
from model.bake.wishes import Wishes, labels_in, size_in
from model.recipes.base import Column
from model.tensors import Tensor
from tests.model.bake.models import model_of, rows_model

TAKES = [
    ("image", [("float32", (-1, 3, 224, 224))]),
    ("image", [("uint8", (1, 96, 96, 1))]),
    ("image", [("float32", (-1, 3, -1, -1))]),
    ("tensors", [("float32", (-1, 2, 96, 96))]),
    ("tensors", [("int64", (-1, 3, 96, 96))]),
    ("tensors", [("float32", (-1, 3, 96, 96)), ("float32", (-1, 2))]),
    ("row", [("float32", (-1, 4))]),
    ("row", [("float64", (1, 4))]),
    ("row", [("int64", (-1, 4))]),
    ("row", [("string", (-1, 1)), ("float32", (-1, 1)), ("int64", (-1,))]),
    ("row", [("float32", (-1, 2)), ("string", (-1, 3)), ("float32", (-1, 1))]),
    ("text", [("string", (-1,))]),
    ("text", [("string", (-1, 2))]),
    ("text", [("string", (1, 6))]),
    ("tensors", [("string", (4,))]),
    ("tensors", [("float32", (-1, -1))]),
    ("tensors", [("float32", (1, 16000))]),
    ("tensors", [("int64", (-1, -1)), ("int64", (-1, -1))]),
    ("tensors", [("float32", (-1, 43844, 1))]),
    ("tensors", [("float32", (2, -1, 128)), ("float32", (-1, 512)), ("int64", ())]),
]


def tensors(stated: list[tuple[str, tuple[int, ...]]]) -> list[Tensor]:
    """Name some tensors."""
    return [Tensor(f"t{n}", dtype, shape) for n, (dtype, shape) in enumerate(stated)]


@pytest.mark.parametrize(("takes", "stated"), TAKES)
def test_what_an_instance_is(takes: str, stated: list[tuple[str, tuple[int, ...]]]) -> None:
    """As a person would say by types and shapes."""
    assert takes_of(tensors(stated)) == takes


def test_names_that_tell_tokens_from_rows() -> None:
    """A matrix of whole numbers called input_ids is no row; named columns make any width one."""
    assert takes_of([Tensor("input_ids", "int64", (-1, 128))]) == "tensors"
    assert takes_of([Tensor("input_ids", "int64", (-1, 128))], tokenizer=True) == "text"
    assert takes_of([Tensor("x", "float32", (-1, 5000))], named=True) == "row"


def facts_of(path: Path, *, columns: Any = (), **wishes: Any) -> Facts:
    """Read a model, with what was wished."""
    graph, _ = read_graph(path, path.parent)
    return Facts(runtime=Runtime(path, graph), graph=graph, hints=Hints(), columns=columns,
                 wishes=Wishes(name="m", **wishes))  # fmt: skip


def columns_in(facts: Facts) -> Any:
    """Return the columns that are inferred, as the manifest has them."""
    return taken_by(facts).settings["rows"]["columns"]


def test_columns_have_names(tmp_path: Path) -> None:
    """Those given, those of the metadata, or c0 … with a mark."""
    path = rows_model(tmp_path / "m")
    assert columns_in(facts_of(path)) == [{"name": "c0"}, {"name": "c1"}, {"name": "c2"}]
    assert [one.sure for one in taken_by(facts_of(path)).guesses] == [True, False]
    given = (Column("a", minimum=0.0, maximum=2.0, dtype="int64"), Column("b"), Column("c"))
    assert columns_in(facts_of(path, columns=given))[0] == {
        "name": "a", "minimum": 0.0, "maximum": 2.0,
    }  # fmt: skip
    named = rows_model(tmp_path / "n", metadata={"feature_names": "p,q,r"})
    assert columns_in(facts_of(named))[2] == {"name": "r"}
    with pytest.raises(BakeError, match=r"^--columns: expected 3, .*, got 2: a, b\n"):
        taken_by(facts_of(path, columns=given[:2]))
    texts = (Column("a", dtype="string", choices=("x",)), *given[1:])
    with pytest.raises(BakeError, match=r"^--columns: a holds texts, and the model takes float32"):
        taken_by(facts_of(path, columns=texts))


def test_an_input_a_column(tmp_path: Path) -> None:
    """Names and types are the inputs', ranges those of a table, matched without punctuation."""
    nodes = [helper.make_node("Identity", ["age_years"], ["y"]),
             helper.make_node("Identity", ["sex"], ["z"])]  # fmt: skip
    path = model_of(
        tmp_path / "m", nodes, {"age_years": ("FLOAT", [None, 1]), "sex": ("STRING", [None, 1])},
        {"y": ("FLOAT", [None, 1]), "z": ("STRING", [None, 1])},
    )  # fmt: skip
    known = (Column("target"), Column("Age (years)", "int64", "nan", minimum=1.0, maximum=80.0),
             Column("Sex", "string", choices=("f", "m")))  # fmt: skip
    assert columns_in(facts_of(path, columns=known)) == [
        {"name": "Age (years)", "missing": "nan", "minimum": 1.0, "maximum": 80.0},
        {"name": "Sex", "dtype": "string", "choices": ["f", "m"]},
    ]


def test_an_input_of_several_columns(tmp_path: Path) -> None:
    """As a ColumnTransformer's export has them: columns are named in the inputs' order."""
    nodes = [helper.make_node("Identity", ["num"], ["y"]),
             helper.make_node("Identity", ["cat"], ["z"])]  # fmt: skip
    tensors: Any = {"num": ("FLOAT", [None, 2]), "cat": ("STRING", [None, 1])}
    path = model_of(tmp_path / "m", nodes, tensors,
                    {"y": ("FLOAT", [None, 2]), "z": ("STRING", [None, 1])})  # fmt: skip
    assert columns_in(facts_of(path)) == [
        {"name": "num_0", "input": "num"}, {"name": "num_1", "input": "num"},
        {"name": "cat", "dtype": "string", "input": "cat"},
    ]  # fmt: skip
    given = tuple(map(Column, "abc"))
    assert [one["name"] for one in columns_in(facts_of(path, columns=given))] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("shape", "wishes", "size"),
    [((1, 3, 8, 6), {}, [8, 6]), ((None, 8, 6, 3), {}, [8, 6]),
     ((1, 3, None, None), {"size": (4, 5)}, [4, 5])],
)  # fmt: skip
def test_pictures(tmp_path: Path, shape: Any, wishes: Any, size: list[int]) -> None:
    """The layout is where the channels stand; a batch of one is freed, a free size is asked."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    path = model_of(tmp_path / "m", nodes, {"x": ("FLOAT", shape)}, {"y": ("FLOAT", shape)})
    taken = taken_by(facts_of(path, picture=wishes))
    assert taken.settings["picture"] == {"size": size, "colours": "rgb", "fit": "stretch"}
    assert (taken.inputs[0].shape[0], taken.fixed_batch) == (-1, int(shape[0] == 1))
    if wishes:
        (asked,) = taken_by(facts_of(path)).questions
        assert asked.what.endswith("takes pictures of any size")
        assert asked.do.endswith("--size 224x224")


def test_a_batch_of_any_fixed_size_is_freed(tmp_path: Path) -> None:
    """If the outputs have it, too; a signal of 8 numbers, or a square, is no batch."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    for shape, batch in (((8, 3, 5, 5), 8), ((8,), 0), ((600, 2), 0)):
        stated: Any = {"x": ("FLOAT", shape)}
        path = model_of(tmp_path / "m", nodes, stated, {"y": ("FLOAT", shape)})
        taken = taken_by(facts_of(path, picture={"size": (5, 5)}))
        assert (taken.fixed_batch, taken.has_batch) == (batch, batch > 0)


def test_an_opset_that_nothing_runs_any_more(tmp_path: Path) -> None:
    """A file that old is told to become newer."""
    path = rows_model(tmp_path / "m", "Relu")
    model = onnx.load(path)
    model.opset_import[0].version = 5
    onnx.save(model, path)
    with pytest.raises(BakeError, match=r"\nIt is of opset 5. Export it again with opset 17"):
        facts_of(path)


def answered(path: Path, runs: list[Any], **how: Any) -> tuple[str, dict[str, Any]]:
    """Infer the task of a model from what it is said to have answered."""
    facts = facts_of(path, **how)
    found = answering(facts, [{"y": np.array([one], np.float32)} for one in runs])
    return found.task, {key: value for key, value in found.settings.items() if key != "output"}


SHARES = [[0.2, 0.3, 0.5], [1, 0, 0], [0.25, 0.25, 0.5]]
LOGS = [np.log([0.2, 0.3, 0.5]), np.log([0.8, 0.1, 0.1])]
SCORES = [[3, -1, 2], [0, 5, 1]]
NUMBERS = ["0", "1", "2"]
ANSWERS: list[tuple[list[str], list[Any], dict[str, Any], str, dict[str, Any]]] = [
    (["Softmax"], SHARES, {}, "classify", {"labels": NUMBERS}),
    ([], SHARES, {"labels": ("a", "b", "c")}, "classify", {"labels": ["a", "b", "c"]}),
    (["LogSoftmax"], LOGS, {}, "classify", {"apply": "exp", "labels": NUMBERS}),
    (["Sigmoid"], SHARES, {}, "classify", {"many": True, "labels": NUMBERS}),
    ([], SCORES, {"labels": ("a", "b", "c")}, "classify",
     {"apply": "softmax", "labels": ["a", "b", "c"]}),
    ([], SCORES, {"task": "classify"}, "classify", {"apply": "softmax", "labels": NUMBERS}),
    ([], SCORES, {"task": "embed"}, "embed", {}),
    ([], SCORES, {"task": "regress"}, "regress", {}),
    ([], SCORES, {"task": "tensors"}, "tensors", {}),
    ([], [[7.5], [-2]], {}, "regress", {}),
    (["Sigmoid"], [[0.5], [0.25]], {}, "classify", {"labels": ["no", "yes"]}),
    ([], [[7.5], [-2]], {"labels": ("no", "yes")}, "classify",
     {"apply": "sigmoid", "labels": ["no", "yes"]}),
    ([], [[[1, 2], [3, 4]]] * 3, {}, "tensors", {}),
]  # fmt: skip


@pytest.mark.parametrize(("last", "runs", "wishes", "task", "settings"), ANSWERS)
def test_how_outputs_become_answers(
    tmp_path: Path, last: list[str], runs: list[Any], wishes: dict[str, Any], task: str,
    settings: dict[str, Any],
) -> None:  # fmt: skip
    """By the last operator and by whether the numbers are probabilities."""
    assert answered(rows_model(tmp_path / "m", *last), runs, **wishes) == (task, settings)


def test_scores_that_may_be_anything_are_asked(tmp_path: Path) -> None:
    """Scores before softmax look like an embedding: the flags that decide are listed."""
    with pytest.raises(BakeError, match=r"numbers of any size: .*\n.*--labels a,b,c.*--task embed"):
        answered(rows_model(tmp_path / "m"), SCORES)
    with pytest.raises(
        BakeError, match=r"^--labels: expected 3, as the model's scores, got 2: a, b"
    ):
        answered(rows_model(tmp_path / "m", "Softmax"), SHARES, labels=("a", "b"))


def test_quantised_probabilities(tmp_path: Path) -> None:
    """A step of uint8 is 1/256, and of int8 with 128 less; their sum misses 1 by roundings."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    for kind, dtype, run, shift in (
        ("UINT8", np.uint8, [100, 155, 0], 0.0), ("INT8", np.int8, [0, 0, -127], 0.5),
    ):  # fmt: skip
        stated = {"y": (kind, [1, 3])}
        path = model_of(tmp_path / kind, nodes, {"x": (kind, [1, 3])}, stated)
        found = answering(facts_of(path), [{"y": np.array([run], dtype)}] * 3)
        assert found.settings == {
            "output": "y", "scale": 1 / 256, "shift": shift, "labels": NUMBERS,
        }  # fmt: skip


def test_labels_of_every_form(tmp_path: Path) -> None:
    """A list, text, lines, JSON by number, Keras's numbers by label."""
    lines, by_number, by_label = (tmp_path / name for name in ("l.txt", "n.json", "k.json"))
    lines.write_text("cat\ncrane\ncrane\n\n")
    by_number.write_text('{"10": "c", "2": "b", "0": "a"}')
    by_label.write_text('{"b": 1, "a": 0}')
    assert labels_in("cat, dog") == ("cat", "dog")
    assert labels_in([0, 1]) == ("0", "1")
    assert labels_in(lines) == ("cat", "crane", "crane")
    assert labels_in(str(by_number)) == ("a", "b", "c")
    assert labels_in(by_label) == ("a", "b")
    for given, said in (("absent.txt", "no such file"), ("a,,b", "got an empty one at 2")):
        with pytest.raises(BakeError, match=said):
            labels_in(given)


def test_wishes_that_are_none() -> None:
    """A flag's value that does not exist is refused with those that do."""
    for how, said in (
        ({"task": "guess"}, "--task: expected one of classify, regress, embed, tensors, got"),
        ({"takes": "video"}, "--takes: expected one of image, row, text, tensors, got 'video'"),
        ({"version": "latest"}, "--version: 'latest' means the highest version"),
        ({"picture": {"fit": "x"}}, "--fit: expected one of stretch, crop, letterbox, got 'x'"),
    ):  # fmt: skip
        with pytest.raises(BakeError) as caught:
            Wishes(**{"name": "m", **how})  # type: ignore[arg-type]
        assert caught.value.what.startswith(said)
    assert (size_in("224x160"), size_in("96")) == ((224, 160), (96, 96))
    with pytest.raises(BakeError, match=r"^--size: expected HEIGHTxWIDTH"):
        size_in("0x5")


KINDS: list[tuple[dict[str, Any], list[dict[str, Any]], str, dict[str, Any]]] = [
    # A support vector machine, clusters, outliers: distances beside the label.
    ({"label": ("INT64", ["N"]), "scores": ("FLOAT", ["N", 3])},
     [{"label": [2], "scores": [[0.5, 2, -1]]}, {"label": [0], "scores": [[3, 1, 0]]}],
     "classify", {"output": "label"}),
    ({"label": ("INT64", ["N", 1]), "scores": ("FLOAT", ["N", 1])},
     [{"label": [[1]], "scores": [[0.25]]}, {"label": [[-1]], "scores": [[-0.5]]}],
     "classify", {"output": "label"}),
    ({"label": ("STRING", ["N"])}, [{"label": ["a"]}], "classify", {"output": "label"}),
    # Several labels, each for itself.
    ({"label": ("INT64", ["N", 2]), "scores": ("FLOAT", ["N", 2])},
     [{"label": [[1, 1]], "scores": [[0.75, 0.5]]}, {"label": [[0, 0]], "scores": [[0.25, 0]]}],
     "classify", {"output": "scores", "many": True, "labels": ["0", "1"]}),
    # Two numbers of two outputs; whole numbers that nothing explains.
    ({"width": ("FLOAT", ["N", 1]), "height": ("FLOAT", ["N"])},
     [{"width": [[1]], "height": [2]}], "regress", {"outputs": ["width", "height"]}),
    ({"label": ("INT64", ["N", 2])}, [{"label": [[1, 1]]}, {"label": [[4, 0]]}], "tensors", {}),
]  # fmt: skip


@pytest.mark.parametrize(("outputs", "runs", "task", "settings"), KINDS)
def test_what_stands_beside_a_label(
    tmp_path: Path, outputs: dict[str, Any], runs: list[dict[str, Any]], task: str,
    settings: dict[str, Any],
) -> None:  # fmt: skip
    """Probabilities answer with it, distances leave it alone."""
    kinds = {"INT64": np.int64, "FLOAT": np.float32, "STRING": object}
    nodes = [helper.make_node("Identity", [f"{name}_in"], [name]) for name in outputs]
    inputs = {f"{name}_in": stated for name, stated in outputs.items()}
    path = model_of(tmp_path / "m", nodes, inputs, outputs)
    found = answering(facts_of(path), [
        {name: np.array(value, kinds[outputs[name][0]]) for name, value in run.items()}
        for run in runs
    ])  # fmt: skip
    assert (found.task, dict(found.settings)) == (task, settings)
