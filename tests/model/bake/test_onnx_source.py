"""ONNX files: told by their first bytes, made one file, refused with the cause in full."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from model.bake.errors import BakeError
from model.bake.external import MOST_BYTES
from model.bake.graph import read_graph
from model.bake.runtime import RunError, Runtime, stated
from model.bake.sources import open_file
from model.bake.sources.onnx import recognises
from tests.model.bake.models import endless_model, model_of, rows_model


def opened(path: Path, work: Path, **how: float) -> tuple[Runtime, Path]:
    """Open a model as bake does; return it and the file that is served."""
    work.mkdir()
    graph, served = read_graph(open_file(path, work, print).onnx, work)
    return Runtime(served, graph, **how), served


def test_onnx_is_told_by_its_fields(tmp_path: Path) -> None:
    """Whatever it is called; not TensorFlow's or Core ML's protobufs, a pickle, or text."""
    content = rows_model(tmp_path / "no_ending").read_bytes()
    assert recognises(tmp_path / "no_ending", content[:64])
    assert recognises(tmp_path / "no_ending", content)
    for head in (
        b"", b"\x80\x04\x95", b"PK\x03\x04", b"tree\nversion=v4", b'{"learner":{}}',
        b"\x08\x01\x12\xff\xff\x03",  # saved_model.pb: a version, then a large graph
        b"\x08\x04\x12\x02\x0a\x00\xa2\x1f\x00",  # Core ML: a version, a description, field 500
        b"\x0a\x05\x0a\x01x\x12\x00",  # a frozen TensorFlow graph
    ):  # fmt: skip
        assert not recognises(tmp_path / "x.onnx", head), head


def external(folder: Path, location: str, length: int | None = None) -> Path:
    """Write a model whose weights are stated to lie elsewhere."""
    folder.mkdir(exist_ok=True)
    path = rows_model(folder / "model.onnx")
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    (folder / "weights.bin").write_bytes(b"0000" + tensor.raw_data)
    length = len(tensor.raw_data) if length is None else length
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "4"), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_in_another_file_are_inlined(tmp_path: Path) -> None:
    """What is served is one file; a folder with one model in it will do."""
    external(tmp_path / "in", "weights.bin")
    runtime, served = opened(tmp_path / "in", tmp_path / "work")
    assert served.parent == tmp_path / "work"
    given = np.array([[1, 2, 3]], np.float32)
    assert runtime.run({"x": given})["y"].tolist() == [[2, 4, 6]]


@pytest.mark.parametrize(
    ("location", "length", "what"),
    [
        ("absent.bin", None, "its weights lie in 'absent.bin', which is not beside it"),
        ("../weights.bin", None, "its weights lie outside its folder, in '../weights.bin'"),
        ("/etc/hostname", None, "its weights lie outside its folder, in '/etc/hostname'"),
        ("weights.bin", 100, "expected 104 bytes at least, got 40"),
        ("weights.bin", MOST_BYTES + 1, "2.1 GB of weights, more than ONNX holds"),
    ],
)
def test_weights_that_cannot_be_inlined(
    tmp_path: Path, location: str, length: int | None, what: str
) -> None:
    """Missing, outside, cut off or too large: said, with what to do."""
    path = external(tmp_path / "in", location, length)
    with pytest.raises(BakeError) as caught:
        read_graph(path, tmp_path)
    assert caught.value.what.endswith(what)
    assert caught.value.do


def test_operators_that_no_runtime_has_are_named(tmp_path: Path) -> None:
    """By their domain; the advice is to leave them out."""
    node = helper.make_node("DecodeImage", ["x"], ["y"], domain="ai.onnx.contrib")
    path = model_of(
        tmp_path / "m", [node], {"x": ("FLOAT", [1])}, {"y": ("FLOAT", [1])},
        domain="ai.onnx.contrib",
    )  # fmt: skip
    with pytest.raises(BakeError, match=r"has no operators ai\.onnx\.contrib\.DecodeImage\n"):
        opened(path, tmp_path / "work")


def test_a_model_that_does_not_open_tells_why(tmp_path: Path) -> None:
    """The cause is ONNX Runtime's, whole, on one line."""
    node = helper.make_node("Add", ["x", "absent"], ["y"])
    path = model_of(tmp_path / "m", [node], {"x": ("FLOAT", [1])}, {"y": ("FLOAT", [1])})
    with pytest.raises(BakeError, match=r"which serves, cannot open it: .*absent") as caught:
        opened(path, tmp_path / "work")
    assert "\n" not in caught.value.what


def test_a_zip_map_of_doubles_tells_how_to_export(tmp_path: Path) -> None:
    """skl2onnx writes it of float64 unless it is told otherwise, and ONNX Runtime refuses it."""
    node = helper.make_node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    path = model_of(tmp_path / "m", [node], {"x": ("DOUBLE", ["N", 2])}, {"y": ("DOUBLE", [])})
    with pytest.raises(
        BakeError, match=r"takes float64, .* refuses\n.*options=\{'zipmap': False\}"
    ):
        opened(path, tmp_path / "work")


def test_a_model_that_takes_nothing(tmp_path: Path) -> None:
    """Without an input every request has the same answer."""
    node = helper.make_node("Constant", [], ["y"], value_floats=[1.0])
    path = model_of(tmp_path / "m", [node], {}, {"y": ("FLOAT", [1])})
    with pytest.raises(BakeError, match=r"^it has no inputs: it answers every request"):
        opened(path, tmp_path / "work")


def test_a_damaged_file(tmp_path: Path) -> None:
    """Half a model is refused as such."""
    path = tmp_path / "half.onnx"
    path.write_bytes(rows_model(tmp_path / "m").read_bytes()[:-20])
    with pytest.raises(BakeError, match="no ONNX model, or a damaged one"):
        opened(path, tmp_path / "work")


def test_a_graph_that_never_ends_is_stopped(tmp_path: Path) -> None:
    """At its deadline, and the flag is named that allows more."""
    runtime, _ = opened(endless_model(tmp_path / "m"), tmp_path / "work", deadline_s=0.05)
    with pytest.raises(RunError, match=r"^no answer within 0\.05 s \(--deadline allows more\)$"):
        runtime.run({"x": np.ones((1, 2), np.float32)})


def test_facts_of_the_graph(tmp_path: Path) -> None:
    """The last operator that counts, labels in metadata of three notations, columns."""
    path = rows_model(
        tmp_path / "m", "Softmax", "Identity",
        metadata={"names": "{0: 'a', 2: 'c', 1: 'b'}", "feature_names": '["p", "q", "r"]'},
    )  # fmt: skip
    graph, _ = read_graph(path, tmp_path)
    assert graph.last == {"y": "Softmax"}
    assert (graph.labels_for(3), graph.labels_for(2)) == (("a", "b", "c"), ())
    assert graph.columns == ("p", "q", "r")
    assert graph.opset == 18
    runtime = Runtime(path, graph)
    assert stated(runtime.inputs) == "x float32 [N, 3]"


def test_what_scikit_learn_s_exports_say(tmp_path: Path) -> None:
    """Classes in the operators, the values that an encoder knows, numbers that are filled in."""
    nodes = [
        helper.make_node("Concat", ["age", "fare"], ["numbers"], axis=1),
        helper.make_node("Imputer", ["numbers"], ["filled"], domain="ai.onnx.ml",
                         imputed_value_floats=[1.0, 2.0], replaced_value_float=float("nan")),
        helper.make_node("OneHotEncoder", ["colour"], ["hot"], domain="ai.onnx.ml",
                         cats_strings=["blue", "red"]),
        helper.make_node("Reshape", ["hot", "shape"], ["flat"]),
        helper.make_node("ZipMap", ["flat"], ["y"], domain="ai.onnx.ml",
                         classlabels_strings=["no", "yes"]),
    ]  # fmt: skip
    path = model_of(
        tmp_path / "m", nodes,
        {"colour": ("STRING", ["N", 1]), "age": ("FLOAT", ["N", 1]), "fare": ("FLOAT", ["N", 1])},
        {}, {"shape": np.array([-1, 2])},
    )  # fmt: skip
    graph, _ = read_graph(path, tmp_path)
    assert graph.labels == (("no", "yes"),)
    assert graph.choices == {"colour": ("blue", "red")}
    assert graph.imputed == {"age", "fare"}
