"""The digits bundle as committed: the exported network is the trained one, its figures true."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pytest
from PIL import Image

from model.bundle.manifest import Manifest, read_manifest
from model.zoo.digits.card import FIGURES
from model.zoo.digits.dataset import Dataset, small_mnist, split_of
from model.zoo.digits.measures import Floats, accuracy_of, runner, served_accuracy
from tests import ROOT

BUNDLE = ROOT / "model" / "zoo" / "digits"
MOST_BYTES = 2_000_000
MOST_BYTES_OF_A_PICTURE = 60_000


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    """The committed manifest."""
    return read_manifest(BUNDLE)


@pytest.fixture(scope="module")
def data() -> Dataset:
    """The 5,000 digits that were split for the training."""
    return small_mnist()


@pytest.fixture(scope="module")
def apart(data: Dataset, manifest: Manifest) -> Dataset:
    """The digits held out from the training, by the manifest's seed."""
    _, held_out = split_of(data.labels, seed=manifest.training["seed"])
    return data.at(held_out)


def keras_probabilities(digits: Floats) -> Floats:
    """Return what TensorFlow computes with digits.keras."""
    import keras

    network = keras.models.load_model(BUNDLE / "digits.keras", compile=False)
    return np.asarray(network(digits, training=False))


def test_onnx_agrees_with_tensorflow(data: Dataset, manifest: Manifest) -> None:
    """On 1,000 digits ONNX Runtime's probabilities are TensorFlow's to 1e-5."""
    digits = data.digits[::5]
    assert len(digits) == 1000
    ours = runner(manifest.artefact.read_bytes())(digits)
    np.testing.assert_allclose(ours, keras_probabilities(digits), rtol=0, atol=1e-5)


def test_stated_accuracy_is_true(apart: Dataset, manifest: Manifest) -> None:
    """The manifest's accuracy is what the committed file reaches on the held-out digits."""
    onnx = manifest.artefact.read_bytes()
    assert len(apart.labels) == manifest.metrics["validation_digits"] == 500
    # One digit of 500: on another processor a digit in the balance may fall the other way.
    assert accuracy_of(runner(onnx), apart) == pytest.approx(
        manifest.metrics["validation_accuracy"], abs=0.0021
    )


def test_served_accuracy_is_true(apart: Dataset, manifest: Manifest) -> None:
    """Held-out digits as PNG files, through the whole path, are read as well as stated."""
    assert served_accuracy(BUNDLE, apart) == pytest.approx(
        manifest.metrics["served_accuracy"], abs=0.0021
    )


def test_hash_and_size(manifest: Manifest) -> None:
    """The manifest names the committed file by its hash; the file is below 2 MB."""
    content = manifest.artefact.read_bytes()
    assert hashlib.sha256(content).hexdigest() == manifest.sha256
    assert len(content) < MOST_BYTES


def test_one_digit_and_many_answer_alike(apart: Dataset, manifest: Manifest) -> None:
    """The batch is dynamic, and a digit's answer does not depend on its company."""
    run = runner(manifest.artefact.read_bytes())
    together = run(apart.digits[:7])
    alone = np.concatenate([run(apart.digits[at : at + 1]) for at in range(7)])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)


def test_graph_is_lean(manifest: Manifest) -> None:
    """No node of the served graph normalises, drops, or computes with shapes."""
    import onnx

    graph = onnx.load(manifest.artefact).graph
    assert {node.op_type for node in graph.node} <= {
        "Add", "Conv", "Gemm", "MatMul", "MaxPool", "Relu", "Reshape", "Softmax", "Transpose",
    }  # fmt: skip
    assert [value.name for value in graph.input] == [one.name for one in manifest.inputs]
    assert [value.name for value in graph.output] == [one.name for one in manifest.outputs]


@pytest.mark.parametrize("label", range(10))
def test_samples_are_held_out_digits(label: int, apart: Dataset) -> None:
    """Each sample is, pixel by pixel, a digit of its name that was not trained on."""
    with Image.open(BUNDLE / "samples" / f"{label}.png") as picture:
        assert (picture.mode, picture.size) == ("L", (28, 28))
        pixels = np.asarray(picture)
    digits = np.rint(apart.digits[apart.labels == label][..., 0] * 255).astype(np.uint8)
    assert (digits == pixels).all(axis=(1, 2)).any()


def test_card_says_what_the_manifest_says(manifest: Manifest) -> None:
    """Every metric of the manifest stands in the card, and with the same figure."""
    card = (BUNDLE / "CARD.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", card, flags=re.MULTILINE))
    for name in FIGURES.keys() & manifest.metrics.keys():
        figure = rows[FIGURES[name].format(**manifest.metrics)].strip()
        scale = 100 if figure.endswith("%") else 1
        assert float(figure.rstrip("%")) / scale == pytest.approx(manifest.metrics[name])


def test_pictures_are_small() -> None:
    """The learning curve and the confusion matrix are PNG files below 60 kB."""
    for name in ("learning_curve.png", "confusion_matrix.png"):
        content = (BUNDLE / name).read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(content) < MOST_BYTES_OF_A_PICTURE
