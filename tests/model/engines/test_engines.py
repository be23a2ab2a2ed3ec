"""
The engines: each agrees with the others on real digits, and
refuses a file that is not as stated.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from model.bundle.golden import verify_golden
from model.bundle.manifest import Manifest, read_manifest
from model.engines import open_engine
from model.engines.base import Engine, Matrix
from model.errors import ArtefactError
from model.predictor import Predictor
from tests import ROOT
from tests.model.bundle.bundles import DOCUMENT, ZOO, Network, changed, write_bundle

# Keras 3.15 hands its variables to NumPy 2 in the way of NumPy 1 when it saves a model.
saving = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")

DIGITS = ZOO / "digits"
FILES = {"onnx": "digits.onnx", "litert": "digits.tflite", "tensorflow": "digits.keras"}


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    """Return the digits network as each engine's file; LiteRT's by TensorFlow's own converter."""
    import keras
    import tensorflow

    network = keras.saving.load_model(DIGITS / "digits.keras", compile=False)
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(network)
    return {
        "onnx": (DIGITS / "digits.onnx").read_bytes(),
        "litert": converter.convert(),
        "tensorflow": (DIGITS / "digits.keras").read_bytes(),
    }


@pytest.fixture(scope="module")
def digits() -> Matrix:
    """Return 300 real digits, float32[300, 28, 28, 1]."""
    from model.zoo.digits.dataset import small_mnist

    return np.ascontiguousarray(small_mnist().digits[::16][:300])


def opened(engine: str, contents: dict[str, bytes]) -> Engine:
    """Open the digits network with an engine."""
    manifest = replace(read_manifest(DIGITS), engine=engine, file=FILES[engine])
    return open_engine(manifest, contents[engine])


@pytest.mark.parametrize("engine", ["litert", "tensorflow"])
def test_an_engine_agrees_with_onnx(
    engine: str, contents: dict[str, bytes], digits: Matrix
) -> None:
    """The same network gives the same probabilities to 1e-5, in batches of changing size."""
    ours, reference = opened(engine, contents), opened("onnx", contents).run(digits)
    start = 0
    for size in (1, 3, 256, 2, 1, 1, 36):
        batch = ours.run(digits[start : start + size])
        assert batch.dtype == np.float32
        np.testing.assert_allclose(batch, reference[start : start + size], rtol=0, atol=1e-5)
        start += size
    assert start == len(digits)


@pytest.mark.parametrize("engine", FILES)
def test_threads_may_share_an_engine(
    engine: str, contents: dict[str, bytes], digits: Matrix
) -> None:
    """Asked by four threads at once, each gets the answers to its own digits, batch by batch."""
    shared = opened(engine, contents)
    batches = [digits[start : start + 1 + start % 3] for start in range(40)]
    expected = [shared.run(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for got, wanted in zip(pool.map(shared.run, batches), expected, strict=True):
                np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6)


def served_by(engine: str, folder: Path, content: bytes) -> Path:
    """Make the digits bundle anew in a folder, for another engine and with its file."""
    document = tomllib.loads((DIGITS / "model.toml").read_text(encoding="utf-8"))
    document["artefact"] = {"file": FILES[engine], "engine": engine}
    shutil.copytree(DIGITS / "samples", folder / "digits" / "samples")
    shutil.copy(DIGITS / "golden.json", folder / "digits")
    return write_bundle(folder / "digits", document, content=content)


@pytest.mark.parametrize("engine", ["litert", "tensorflow"])
def test_a_bundle_may_name_the_engine(
    engine: str, contents: dict[str, bytes], tmp_path: Path
) -> None:
    """With its file and engine exchanged the digits bundle passes the same golden vectors."""
    folder = served_by(engine, tmp_path, contents[engine])
    assert verify_golden(Predictor.load(folder)) == 10


CHILD = """
import json, sys
from pathlib import Path
from model.bundle.manifest import read_manifest
from model.engines import open_engine
manifest = read_manifest(Path(sys.argv[1]))
open_engine(manifest, manifest.artefact.read_bytes())
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_litert_brings_no_other_engine(contents: dict[str, bytes], tmp_path: Path) -> None:
    """The lightest engine stays light: no ONNX Runtime, no Keras, no TensorFlow."""
    folder = served_by("litert", tmp_path, contents["litert"])
    run = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    engines = {"ai_edge_litert", "keras", "onnxruntime", "tensorflow"}
    assert set(json.loads(run.stdout)) & engines == {"ai_edge_litert"}


def tiny(tmp_path: Path, content: bytes, *, engine: str = "onnx", file: str = "") -> Manifest:
    """Write the manifest that expects three numbers in and three labels out, and read it."""
    document = changed("artefact.engine", engine, changed("artefact.file", file or "tiny.onnx"))
    return read_manifest(write_bundle(tmp_path / "tiny", document, content=content))


def complaint(manifest: Manifest) -> str:
    """Return what opening the engine complains of, after the file's name."""
    with pytest.raises(ArtefactError) as caught:
        open_engine(manifest, manifest.artefact.read_bytes())
    prefix = f"{manifest.artefact}: expected "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (Network(tensor="image"), "the inputs ['rows'], got ['image']"),
        (
            Network(input_type=TensorProto.DOUBLE),
            "an input of type tensor(float), got tensor(double)",
        ),
        (Network(shape=("batch", 4)), "an input of shape [-1, 3], got [-1, 4]"),
        (Network(shape=("batch", 3, 1)), "an input of shape [-1, 3], got [-1, 3, 1]"),
        (Network(shape=(1, 3)), "an input of shape [-1, 3], got [1, 3]"),
        (Network(output="scores"), "an output probabilities, got ['scores']"),
        (
            Network(output_type=TensorProto.INT64),
            "an output of type tensor(float), got tensor(int64)",
        ),
        (Network(classes=2), "an output of shape [-1, 3], got [-1, 2]"),
    ],
)
def test_an_onnx_file_must_be_as_stated(tmp_path: Path, network: Network, expected: str) -> None:
    """Another name, type or shape of a tensor than the manifest's stops the load."""
    assert complaint(tiny(tmp_path, network.onnx())) == expected


def test_onnx_opens_what_is_as_stated(tmp_path: Path) -> None:
    """The network that the wrong ones are made from is right."""
    manifest = tiny(tmp_path, Network().onnx())
    answer = open_engine(manifest, manifest.artefact.read_bytes()).run(np.eye(3, dtype=np.float32))
    assert (answer.argmax(axis=1) == [0, 1, 2]).all()


@pytest.mark.parametrize(
    ("engine", "file", "expected"),
    [
        (
            "onnx",
            "tiny.onnx",
            "a model that ONNX Runtime reads, got [ONNXRuntimeError] : 7 : INVALID_PROTOBUF : "
            "Failed to load model because protobuf parsing failed.",
        ),
        (
            "litert",
            "tiny.tflite",
            "a model that LiteRT reads, got The model is not a valid Flatbuffer buffer",
        ),
        ("tensorflow", "tiny.keras", "a .keras file, which is a zip archive, got another"),
        ("tensorflow", "tiny.h5", "a file that ends in .keras, got tiny.h5"),
    ],
)
def test_a_file_of_another_format_is_refused(
    tmp_path: Path, engine: str, file: str, expected: str
) -> None:
    """Bytes that are no model of the engine's stop the load, with the engine's reason."""
    assert complaint(tiny(tmp_path, b"no model " * 99, engine=engine, file=file)) == expected


def tflite_of(function: Any, *shapes: Any) -> bytes:
    """Convert a function of TensorFlow, given the shapes and types of what it takes."""
    import tensorflow

    traced = tensorflow.function(function).get_concrete_function(
        *(tensorflow.TensorSpec(shape, kind) for shape, kind in shapes)
    )
    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([traced])
    content: bytes = converter.convert()
    return content


def misfits() -> dict[str, tuple[Any, list[Any], str]]:
    """Return functions that a manifest of three numbers and three labels does not describe."""
    from tensorflow import cast, concat, float32, int32, nn

    return {
        "two inputs": (
            lambda one, two: nn.softmax(one + two),
            [([None, 3], float32)] * 2,
            "the number of inputs 1, got 2",
        ),
        "two outputs": (
            lambda one: (nn.softmax(one), nn.sigmoid(one)),
            [([None, 3], float32)],
            "the number of outputs 1, got 2",
        ),
        "input type": (
            lambda one: nn.softmax(cast(one, float32)),
            [([None, 3], int32)],
            "an input of type float32, got int32",
        ),
        "output type": (
            lambda one: cast(nn.softmax(one), int32),
            [([None, 3], float32)],
            "an output of type float32, got int32",
        ),
        "input shape": (
            lambda one: nn.softmax(one[:, :3]),
            [([None, 4], float32)],
            "an input of shape [-1, 3], got [-1, 4]",
        ),
        "fixed batch": (
            nn.softmax,
            [([1, 3], float32)],
            "an input of shape [-1, 3], got [1, 3]",
        ),
        "output shape": (
            lambda one: nn.softmax(concat([one, one], 1)),
            [([None, 3], float32)],
            "an output of shape [-1, 3], got [-1, 6]",
        ),
    }


def test_a_litert_file_must_be_as_stated(tmp_path: Path) -> None:
    """Other tensors than the manifest's, by number, type or shape, stop the load."""
    for name, (function, shapes, expected) in misfits().items():
        manifest = tiny(tmp_path, tflite_of(function, *shapes), engine="litert", file="tiny.tflite")
        assert complaint(manifest) == expected, name


def keras_file(path: Path, *, given: dict[str, Any], heads: list[Any]) -> bytes:
    """Save a network of one input and one output a head; return the file's bytes."""
    import keras

    start = keras.Input(**given)
    network = keras.Model(start, [head(start) for head in heads])
    network.save(path)
    return path.read_bytes()


@saving
def test_a_keras_file_must_be_as_stated(tmp_path: Path) -> None:
    """Another input, by name, type or shape, or another output, stops the load."""
    from keras import layers

    three, two = layers.Dense(3), layers.Dense(2)
    rows: dict[str, Any] = {"shape": (3,), "name": "rows"}
    cases: list[tuple[dict[str, Any], list[Any], str]] = [
        (rows | {"name": "image"}, [three], "the inputs ['rows'], got ['image']"),
        (rows, [three, two], "the number of outputs 1, got 2"),
        (rows | {"dtype": "int32"}, [three], "an input of type float32, got int32"),
        (rows | {"shape": (4,)}, [layers.Dense(3)], "an input of shape [-1, 3], got [-1, 4]"),
        (rows | {"batch_size": 1}, [three], "an input of shape [-1, 3], got [1, 3]"),
        (rows, [two], "an output of shape [-1, 3], got [-1, 2]"),
    ]
    for given, heads, expected in cases:
        content = keras_file(tmp_path / "any.keras", given=given, heads=heads)
        manifest = tiny(tmp_path, content, engine="tensorflow", file="tiny.keras")
        assert complaint(manifest) == expected


@saving
def test_code_in_a_keras_file_is_refused(tmp_path: Path) -> None:
    """A Lambda layer, which carries code of its author's, is not even deserialised."""
    from keras import layers

    code = layers.Lambda(lambda numbers: numbers)
    content = keras_file(
        tmp_path / "any.keras", given={"shape": (3,), "name": "rows"}, heads=[code]
    )
    manifest = tiny(tmp_path, content, engine="tensorflow", file="tiny.keras")
    assert complaint(manifest).startswith(
        "a model that Keras reads, got Requested the deserialization of a `Lambda` layer"
    )


@saving
@pytest.mark.parametrize("file", ["tiny.h5", "tiny.keras"])
def test_an_h5_file_is_refused(tmp_path: Path, file: str) -> None:
    """The older format, which ignores the safe mode, is refused by its name and by its content."""
    from keras import layers

    given = {"shape": (3,), "name": "rows"}
    content = keras_file(tmp_path / "any.h5", given=given, heads=[layers.Dense(3)])
    assert content.startswith(b"\x89HDF")
    manifest = tiny(tmp_path, content, engine="tensorflow", file=file)
    assert (
        complaint(manifest)
        == {
            "tiny.h5": "a file that ends in .keras, got tiny.h5",
            "tiny.keras": "a .keras file, which is a zip archive, got another",
        }[file]
    )


@pytest.mark.parametrize(
    ("engine", "package"),
    [
        ("litert", "ai_edge_litert.interpreter"),
        ("onnx", "onnxruntime"),
        ("tensorflow", "keras"),
    ],
)
def test_an_engine_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, package: str
) -> None:
    """Where the engine's package is missing the load stops and says which."""
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"model.engines.{engine}", raising=False)
    manifest = tiny(tmp_path, b"any", engine=engine)
    reason = f"import of {package} halted; None in sys.modules"
    assert complaint(manifest) == f"the engine {engine}, got none installed: {reason}"


def test_the_document_of_these_tests_names_onnx() -> None:
    """What `tiny` changes is there to be changed."""
    assert DOCUMENT["artefact"] == {"file": "tiny.onnx", "engine": "onnx"}


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
