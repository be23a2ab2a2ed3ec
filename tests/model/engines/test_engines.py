"""The engine: what a file has to have in it, how batches are run, and what ZipMap becomes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from model.bundle.manifest import Manifest, read_manifest
from model.engines import open_engine
from model.engines.base import Array, Engine, InBatches, OperatorError, RefusedError
from model.engines.onnx import SMALL_BYTES, threads_for
from model.errors import ArtefactError
from model.tensors import DTYPES, Tensor
from tests import ROOT
from tests.model.bundle.bundles import ZOO, Network, changed, write_bundle


def tiny(tmp_path: Path, content: bytes, **changes: Any) -> Manifest:
    """Write the manifest that expects three numbers in and three labels out, and read it."""
    return replace(read_manifest(write_bundle(tmp_path / "tiny", content=content)), **changes)


def opened(manifest: Manifest) -> Engine:
    """Open the model file of a manifest."""
    return open_engine(manifest)


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
@pytest.mark.parametrize("batch", [1, 2, 4])
def test_a_fixed_batch_is_looped_over(tmp_path: Path, batch: int, count: int) -> None:
    """A model made for one instance, or for exactly so many, answers any number as each alone."""
    rows = np.arange(3 * count, dtype=np.float32).reshape(count, 3)
    expected = opened(tiny(tmp_path, Network().onnx())).run({"rows": rows})["probabilities"]
    manifest = tiny(tmp_path, Network(shape=(batch, 3)).onnx(), batch=batch)
    assert np.array_equal(opened(manifest).run({"rows": rows})["probabilities"], expected)


def graph_of(
    nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: Sequence[Any] = ()
) -> bytes:
    """Spell a graph of some nodes as ONNX."""
    graph = helper.make_graph(nodes, "any", inputs, outputs, initializer=list(weights))
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

    rows = np.arange(7)
    batches = InBatches(Counting(), 3, [Tensor("rows", "int64", (-1,))])  # type: ignore[arg-type]
    assert batches.run({"rows": rows})["out"].tolist() == rows.tolist()
    assert asked == [3, 3, 1]


def test_what_has_no_batch_goes_whole_into_every_run(tmp_path: Path) -> None:
    """A number or a vector that all instances share is not divided among them."""
    info = helper.make_tensor_value_info
    content = graph_of(
        [
            helper.make_node("Mul", ["rows", "weights"], ["weighted"]),
            helper.make_node("Add", ["weighted", "bias"], ["sum"]),
        ],
        [
            info("rows", TensorProto.FLOAT, (1, 2)),
            info("weights", TensorProto.FLOAT, (2,)),
            info("bias", TensorProto.FLOAT, ()),
        ],
        [info("sum", TensorProto.FLOAT, (1, 2))],
    )
    shapes: dict[str, tuple[int, ...]] = {"rows": (-1, 2), "weights": (2,), "bias": ()}
    inputs = tuple(Tensor(name, "float32", shape) for name, shape in shapes.items())
    outputs = (Tensor("sum", "float32", (-1, 2)),)
    engine = opened(tiny(tmp_path, content, batch=1, inputs=inputs, outputs=outputs))
    feeds = {"rows": [[1, 2], [3, 4], [5, 6]], "weights": [10, 100], "bias": 0.5}
    got = engine.run({name: np.array(value, np.float32) for name, value in feeds.items()})
    assert got["sum"].tolist() == [[10.5, 200.5], [30.5, 400.5], [50.5, 600.5]]


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


def test_arrays_that_do_not_fit_are_told_from_failures(tmp_path: Path) -> None:
    """An index out of range is refused; arrays of sizes that do not go together fail in a node."""
    info = helper.make_tensor_value_info
    content = graph_of(
        [
            helper.make_node("Gather", ["a", "which"], ["some"]),
            helper.make_node("Add", ["some", "b"], ["sum"]),
        ],
        [
            info("a", TensorProto.FLOAT, ("n",)),
            info("b", TensorProto.FLOAT, ("m",)),
            info("which", TensorProto.INT64, ("n",)),
        ],
        [info("sum", TensorProto.FLOAT, ("n",))],
    )
    types = {"a": "float32", "b": "float32", "which": "int64"}
    inputs = tuple(Tensor(name, dtype, (-1,)) for name, dtype in types.items())
    outputs = (Tensor("sum", "float32", (-1,)),)
    engine = opened(tiny(tmp_path, content, inputs=inputs, outputs=outputs))
    ones = {size: np.ones(size, np.float32) for size in (2, 3)}
    with pytest.raises(RefusedError, match="idx=7 must be within"):
        engine.run({"a": ones[2], "b": ones[2], "which": np.array([0, 7])})
    with pytest.raises(OperatorError, match="2 by 3"):
        engine.run({"a": ones[2], "b": ones[3], "which": np.array([0, 1])})


KINDS = {
    "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "float16": TensorProto.FLOAT16,
    "string": TensorProto.STRING, "bool": TensorProto.BOOL,
    "int8": TensorProto.INT8, "int16": TensorProto.INT16,
    "int32": TensorProto.INT32, "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8, "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32, "uint64": TensorProto.UINT64,
}  # fmt: skip


@pytest.mark.parametrize("shape", [(-1, 2), ()])
def test_several_tensors_of_any_type(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Each goes in and comes out by its name, in its own type, a number without an axis too."""
    assert set(KINDS) == set(DTYPES)
    info = helper.make_tensor_value_info
    axes = ["batch", 2][: len(shape)]
    content = graph_of(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name in KINDS],
        [info(name, kind, axes) for name, kind in KINDS.items()],
        [info(f"{name}_out", kind, axes) for name, kind in KINDS.items()],
    )
    inputs = tuple(Tensor(name, name, shape) for name in KINDS)
    outputs = tuple(Tensor(f"{name}_out", name, shape) for name in KINDS)
    numbers, texts = np.array([[0, 1]]), np.array([["a", "é"]], object)
    feeds: dict[str, Array] = {
        name: texts if name == "string" else numbers.astype(name) for name in KINDS
    }
    if not shape:
        feeds = {name: array[:, 1].reshape(()) for name, array in feeds.items()}
    got = opened(tiny(tmp_path, content, inputs=inputs, outputs=outputs)).run(feeds)
    assert {name: (array.dtype.name, array.tolist()) for name, array in got.items()} == {
        f"{name}_out": (array.dtype.name, array.tolist()) for name, array in feeds.items()
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
    assert told.startswith("the locale tr_TR.UTF-8 on this machine, ")


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


RUNTIME = f"ONNX Runtime {onnxruntime.__version__}"
UP_TO = f"which {RUNTIME} reads up to"
HAS = f"operators that {RUNTIME} has"


def model_of(
    *, op: str = "Relu", inputs: int = 1, opset: int = 18, ir: int = 9, domain: str = ""
) -> bytes:
    """Spell a model of one operator, which gets its only input once or several times."""
    info = helper.make_tensor_value_info
    ends = [info(name, TensorProto.FLOAT, ("batch", 3)) for name in ("rows", "probabilities")]
    node = helper.make_node(op, ["rows"] * inputs, ["probabilities"], domain=domain)
    graph = helper.make_graph([node], "any", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(domain or "ai.onnx.ml", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"no model " * 99, f"a model that {RUNTIME} reads, got Protobuf parsing failed."),
        (model_of(opset=999), rf"at most opset \d+ of ai.onnx, {UP_TO}, got opset 999"),
        (model_of(ir=99), rf"at most IR version \d+, {UP_TO}, got IR version 99"),
        (model_of(op="Warp", domain="my.ops"), f"{HAS}, got Warp of the domain my.ops"),
        (model_of(op="Warp"), f"{HAS}, got Warp of opset 18"),
        (
            model_of(op="Add", inputs=2, opset=6),
            f"{HAS}, for the types that the model gives them, got Add as of opset 6",
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_opened_is_refused_with_its_cause(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    """No model, a newer one or one with operators of its own: the load stops and says which."""
    assert re.fullmatch(expected, complaint(tiny(tmp_path, content)))


def test_weights_outside_of_the_hashed_file_are_refused(tmp_path: Path) -> None:
    """A model that keeps its weights in a second file does not load: nobody knows their hash."""
    model = onnx.load_from_string(Network().onnx())
    manifest = tiny(tmp_path, b"")
    onnx.save_model(
        model, manifest.artefact, save_as_external_data=True, location="w.data", size_threshold=0
    )
    assert (manifest.folder / "w.data").exists()
    assert complaint(manifest) == (
        "weights in the one file whose hash is in the manifest, as `lambake bake` puts them, "
        "got weights in w.data"
    )


@pytest.mark.parametrize(
    ("size_bytes", "environ", "threads"),
    [
        (SMALL_BYTES, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769"}, 1),
        (SMALL_BYTES, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}, 1),
        (SMALL_BYTES, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008"}, 2),
        (SMALL_BYTES, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "10240"}, 6),
        (SMALL_BYTES - 1, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "10240"}, 1),
        (SMALL_BYTES, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "much"}, 1),
        (SMALL_BYTES, {}, 1),
    ],
)
def test_threads_follow_the_share_of_cpus(
    monkeypatch: pytest.MonkeyPatch, size_bytes: int, environ: dict[str, str], threads: int
) -> None:
    """A function's memory buys CPUs, which a model uses unless it is small."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert threads_for(size_bytes, environ) == threads


def test_no_more_threads_than_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator states the memory of a function, but has the CPUs of its machine."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert threads_for(SMALL_BYTES, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "10240"}) == 2


PEAK = """
import re, sys
from pathlib import Path
import model.engines.onnx
from model.predictor import Predictor
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
before = peak()
Predictor.load(Path(sys.argv[1]))
print(peak() - before)
"""


def test_a_large_file_is_not_read_into_memory(tmp_path: Path) -> None:
    """While it is loaded a large tensor is in memory twice, not three times as with its file."""
    size = 48_000_000
    info = helper.make_tensor_value_info
    weights = helper.make_tensor("w", TensorProto.FLOAT, (3, size // 12), bytes(size), raw=True)
    content = graph_of(
        [
            helper.make_node("Gather", ["w", "zero"], ["some"], axis=1),
            helper.make_node("MatMul", ["rows", "some"], ["probabilities"]),
        ],
        [info("rows", TensorProto.FLOAT, ("batch", 3))],
        [info("probabilities", TensorProto.FLOAT, ("batch", 3))],
        [weights, helper.make_tensor("zero", TensorProto.INT64, (3,), [0, 0, 0])],
    )
    bundle = write_bundle(tmp_path / "tiny", content=content)
    command = [sys.executable, "-c", PEAK, str(bundle)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2.6 * size


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
    (tmp_path / "echo.py").write_text(f"{code}\n\ndef load(manifest):\n    return Echo()\n")
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
