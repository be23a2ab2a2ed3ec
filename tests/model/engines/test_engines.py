"""The engine: what a file has to have in it, how batches are run, and what ZipMap becomes."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from model.bundle.manifest import Manifest, read_manifest
from model.engines import open_engine, unreadable
from model.engines.base import Array, Engine
from model.errors import ArtefactError
from model.tensors import Tensor
from tests import ROOT
from tests.model.bundle.bundles import ZOO, Network, changed, write_bundle


def tiny(tmp_path: Path, content: bytes, **changes: Any) -> Manifest:
    """Write the manifest that expects three numbers in and three labels out, and read it."""
    return replace(read_manifest(write_bundle(tmp_path / "tiny", content=content)), **changes)


def opened(manifest: Manifest) -> Engine:
    """Open the model file of a manifest."""
    return open_engine(manifest, manifest.artefact.read_bytes())


def complaint(manifest: Manifest) -> str:
    """Return what opening the engine complains of, after the file's name."""
    with pytest.raises(ArtefactError) as caught:
        opened(manifest)
    prefix = f"{manifest.artefact}: expected "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


SHAPE = "an input 'rows' of shape [-1, 3], got "


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (Network(tensor="image"), "the inputs ['rows'], got ['image']"),
        (Network(input_type=TensorProto.DOUBLE), "an input 'rows' of float32, got float64"),
        (Network(shape=("batch", 4)), f"{SHAPE}[-1, 4]"),
        (Network(shape=("batch", 3, 1)), f"{SHAPE}[-1, 3, 1]"),
        (Network(shape=(1, 3)), f"{SHAPE}[1, 3]"),
        (Network(output="scores"), "an output 'probabilities', got ['scores']"),
        (
            Network(output_type=TensorProto.INT64),
            "an output 'probabilities' of float32, got int64",
        ),
    ],
)
def test_a_file_must_be_as_stated(tmp_path: Path, network: Network, expected: str) -> None:
    """Another name, type or shape of a tensor than the manifest's stops the load."""
    assert complaint(tiny(tmp_path, network.onnx())) == expected


def test_what_is_as_stated_is_opened(tmp_path: Path) -> None:
    """The network that the wrong ones are made from is right."""
    outputs = opened(tiny(tmp_path, Network().onnx())).run({"rows": np.eye(3, dtype=np.float32)})
    assert list(outputs) == ["probabilities"]
    assert (outputs["probabilities"].argmax(axis=1) == [0, 1, 2]).all()


def test_a_file_may_leave_free_what_the_manifest_fixes(tmp_path: Path) -> None:
    """A size that the file has a name for, or none, is the manifest's to state."""
    content = Network().onnx()
    model = onnx.load_from_string(content)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "any"
    assert opened(tiny(tmp_path, model.SerializeToString()))


def test_the_shape_of_an_output_is_a_hint(tmp_path: Path) -> None:
    """Exporters state wrong ones: the task sees what comes."""
    outputs = (Tensor("probabilities", "float32", (1,)),)
    assert opened(tiny(tmp_path, Network().onnx(), outputs=outputs))


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("shape", [(-1, 3), (1, 3)])
def test_a_fixed_batch_of_one_is_looped_over(
    tmp_path: Path, count: int, shape: tuple[int, ...]
) -> None:
    """A model made for one instance at a time answers many, each as it would alone."""
    inputs = (Tensor("rows", "float32", shape),)
    rows = np.arange(3 * count, dtype=np.float32).reshape(count, 3)
    expected = opened(tiny(tmp_path, Network().onnx())).run({"rows": rows})["probabilities"]
    manifest = tiny(tmp_path, Network(shape=(1, 3)).onnx(), batch=1, inputs=inputs)
    assert np.array_equal(opened(manifest).run({"rows": rows})["probabilities"], expected)


def graph_of(nodes: list[Any], inputs: list[Any], outputs: list[Any]) -> bytes:
    """Spell a graph of some nodes as ONNX."""
    graph = helper.make_graph(nodes, "any", inputs, outputs)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    content: bytes = helper.make_model(
        graph, opset_imports=opsets, ir_version=9
    ).SerializeToString()
    return content


def test_outputs_without_a_batch_axis_get_one(tmp_path: Path) -> None:
    """What a model made for one instance answers without an axis for it is stacked."""
    info = helper.make_tensor_value_info
    content = graph_of(
        [helper.make_node("ReduceSum", ["rows"], ["sum"], keepdims=0)],
        [info("rows", TensorProto.FLOAT, (1, 3))],
        [info("sum", TensorProto.FLOAT, ())],
    )
    outputs = (Tensor("sum", "float32", ()),)
    engine = opened(tiny(tmp_path, content, batch=1, outputs=outputs))
    assert engine.run({"rows": np.eye(3, dtype=np.float32) * 2})["sum"].tolist() == [2, 2, 2]


def test_a_batch_is_no_larger_than_stated(tmp_path: Path) -> None:
    """Seven instances in batches of three are asked in three runs."""
    asked: list[int] = []

    class Counting:
        def run(self, feeds: dict[str, Array]) -> dict[str, Array]:
            asked.append(len(feeds["rows"]))
            return {"out": feeds["rows"]}

    from model.engines.base import InBatches

    rows = np.arange(7)
    assert InBatches(Counting(), 3).run({"rows": rows})["out"].tolist() == rows.tolist()  # type: ignore[arg-type]
    assert asked == [3, 3, 1]


@pytest.mark.parametrize(
    ("keys", "names"),
    [("classlabels_int64s", [7, 1, 10]), ("classlabels_strings", ["b", "a", "c"])],
)
def test_a_zipmap_becomes_a_matrix(tmp_path: Path, keys: str, names: list[Any]) -> None:
    """What skl2onnx exports by default, a dictionary an instance, has its labels in order."""
    info = helper.make_tensor_value_info
    kind = TensorProto.INT64 if isinstance(names[0], int) else TensorProto.STRING
    mapped = helper.make_map_type_proto(kind, helper.make_tensor_type_proto(TensorProto.FLOAT, ()))
    content = graph_of(
        [helper.make_node("ZipMap", ["rows"], ["maps"], domain="ai.onnx.ml", **{keys: names})],
        [info("rows", TensorProto.FLOAT, ("batch", 3))],
        [helper.make_value_info("maps", helper.make_sequence_type_proto(mapped))],
    )
    engine = opened(tiny(tmp_path, content, outputs=(Tensor("maps", "float32", (-1, 3)),)))
    maps = engine.run({"rows": np.array([[0.5, 0.25, 0.125], [1, 2, 3]], np.float32)})["maps"]
    assert maps.dtype == np.float32
    assert maps.tolist() == [[0.25, 0.5, 0.125], [2, 1, 3]]


DTYPES = {
    "int64": TensorProto.INT64, "uint8": TensorProto.UINT8, "bool": TensorProto.BOOL,
    "float64": TensorProto.DOUBLE, "float16": TensorProto.FLOAT16, "string": TensorProto.STRING,
}  # fmt: skip


def test_several_tensors_of_any_type(tmp_path: Path) -> None:
    """Each goes in and comes out by its name, in its own type."""
    info = helper.make_tensor_value_info
    content = graph_of(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name in DTYPES],
        [info(name, kind, ("batch", 2)) for name, kind in DTYPES.items()],
        [info(f"{name}_out", kind, ("batch", 2)) for name, kind in DTYPES.items()],
    )
    inputs = tuple(Tensor(name, name, (-1, 2)) for name in DTYPES)
    outputs = tuple(Tensor(f"{name}_out", name, (-1, 2)) for name in DTYPES)
    feeds: dict[str, Array] = {
        name: np.array([["a", "é"]]) if name == "string" else np.array([[0, 1]]).astype(name)
        for name in DTYPES
    }
    got = opened(tiny(tmp_path, content, inputs=inputs, outputs=outputs)).run(feeds)
    assert {name: array.tolist() for name, array in got.items()} == {
        f"{name}_out": array.tolist() for name, array in feeds.items()
    }


def normaliser_of(locale: str) -> bytes:
    """Spell a model that lower-cases words."""
    info = helper.make_tensor_value_info
    settings = {"case_change_action": "LOWER", "is_case_sensitive": 0, "locale": locale}
    return graph_of(
        [helper.make_node("StringNormalizer", ["words"], ["lower"], **settings)],
        [info("words", TensorProto.STRING, ("batch",))],
        [info("lower", TensorProto.STRING, ("batch",))],
    )


def test_words_need_no_locale_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without en_US.UTF-8, which minimal images lack, letters of all scripts have their case."""
    nowhere = tmp_path / "locales"
    nowhere.mkdir()
    monkeypatch.setenv("LOCPATH", str(nowhere))
    words = Tensor("words", "string", (-1,))
    tensors = {"inputs": (words,), "outputs": (replace(words, name="lower"),)}
    engine = opened(tiny(tmp_path, normaliser_of("en_US.UTF-8"), **tensors))
    got = engine.run({"words": np.array(["THE", "ÄÖÜ", "ΣΑ", "Я"], object)})["lower"]
    assert got.tolist() == ["the", "äöü", "σα", "я"]
    assert os.environ["LOCPATH"] == str(nowhere)
    told = complaint(tiny(nowhere, normaliser_of("tr_TR.UTF-8"), **tensors))
    assert "construct locale with name:tr_TR.UTF-8" in told


def test_threads_may_share_an_engine() -> None:
    """Asked by four threads at once, each gets the answers to its own digits, batch by batch."""
    from model.zoo.digits.dataset import small_mnist

    shared, digits = opened(read_manifest(ZOO / "digits")), small_mnist().digits[::16]
    batches = [{"image": digits[start : start + 1 + start % 3]} for start in range(40)]
    expected = [shared.run(batch)["probabilities"] for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for got, wanted in zip(pool.map(shared.run, batches), expected, strict=True):
                np.testing.assert_allclose(got["probabilities"], wanted, rtol=0, atol=1e-6)


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    """Bytes that are no model of the engine's stop the load, with the engine's reason."""
    assert complaint(tiny(tmp_path, b"no model " * 99)) == (
        "a model that ONNX Runtime reads, got [ONNXRuntimeError] : 7 : INVALID_PROTOBUF : "
        "Failed to load model because protobuf parsing failed."
    )


@pytest.mark.parametrize(
    ("message", "reason"),
    [("broken\nat byte 7", "broken"), ("\nbroken", "broken"), ("", "ValueError")],
)
def test_an_engines_reason_is_one_line(message: str, reason: str) -> None:
    """Of an engine's complaint the first line is kept; without one, the error's kind."""
    error = unreadable(Path("tiny.onnx"), "Any", ValueError(message))
    assert str(error) == f"tiny.onnx: expected a model that Any reads, got {reason}"


def test_an_engine_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the engine's package is missing the load stops and says which."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "model.engines.onnx", raising=False)
    reason = "import of onnxruntime halted; None in sys.modules"
    expected = f"the engine onnx, got none installed: {reason}"
    assert complaint(tiny(tmp_path, b"any")) == expected


def test_an_engine_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the folder is an engine: files that end in its name are opened with it."""
    from model import engines

    code = "class Echo:\n    def run(self, feeds):\n        return dict(feeds)\n"
    (tmp_path / "echo.py").write_text(
        f"{code}\n\ndef load(manifest, content):\n    return Echo()\n"
    )
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    document = changed("artefact.file", "tiny.echo")
    manifest = read_manifest(write_bundle(tmp_path / "tiny", document, content=b"any"))
    assert manifest.engine == "echo"
    assert opened(manifest).run({"rows": np.array([7])})["rows"].tolist() == [7]
    monkeypatch.delitem(sys.modules, "model.engines.echo")


def test_nothing_is_reported_to_anybody(tmp_path: Path) -> None:
    """A process that loads a model keeps no identifier in its home and starts no uploader."""
    code = (
        "import os; from pathlib import Path; from model.predictor import Predictor\n"
        "Predictor.load(Path('model/zoo/iris')); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"
    assert list(tmp_path.rglob("*")) == []
