"""Measures of a trained network, taken on the file that will be served."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from model.predictor import Predictor
from model.zoo.digits.dataset import CLASSES, Dataset

BATCH: Final = 250
CONFIDENCES: Final = 15
"""How many classes of confidence the calibration error has."""

ENLARGEMENT: Final = 8
"""8x8 pixels become 64x64, a small picture of a digit."""

Floats = NDArray[np.float32]


def runner(onnx: bytes) -> Callable[[Floats], Floats]:
    """Return a function from float32[N, 28, 28, 1] to float32[N, 10], computed by ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()

    def run(digits: Floats) -> Floats:
        parts = [
            session.run(None, {image.name: digits[start : start + BATCH]})[0]
            for start in range(0, len(digits), BATCH)
        ]
        return np.concatenate(parts)

    return run


def accuracy_of(run: Callable[[Floats], Floats], data: Dataset) -> float:
    """Return the share of digits that are read correctly, to four places."""
    return _share(run(data.digits).argmax(axis=1) == data.labels)


def confusion_of(run: Callable[[Floats], Floats], data: Dataset) -> NDArray[np.int64]:
    """Return int64[10, 10]: rows what was written, columns what was read."""
    matrix = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    np.add.at(matrix, (data.labels, run(data.digits).argmax(axis=1)), 1)
    return matrix


def served_accuracy(folder: Path, data: Dataset) -> float:
    """Return the share of digits that the whole served path reads correctly, from PNG files on."""
    pixels = np.rint(data.digits[..., 0] * 255).astype(np.uint8)
    labels, _ = _read(folder, [png_of(digit) for digit in pixels])
    return _share(labels == data.labels)


def other_writers(folder: Path) -> tuple[float, float]:
    """Read 1,797 digits by other writers, enlarged from 8x8 to 64x64.

    Returns:
        The share read correctly, and the calibration error of the confidences.

    Source: scikit-learn's `load_digits`, the test set of "Optical Recognition of Handwritten
    Digits" (UCI): 43 people in Turkey, each pixel the ink in 4x4 pixels, 0 to 16.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    small = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    side = small.shape[1] * ENLARGEMENT
    pictures = [
        png_of(
            np.asarray(
                Image.fromarray(np.pad(digit, 1)).resize(
                    (side + 16, side + 16), Image.Resampling.BICUBIC
                )
            )
        )
        for digit in small
    ]
    labels, confidences = _read(folder, pictures)
    right = labels == digits.target
    return _share(right), calibration_error(confidences, right)


def calibration_error(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return how far confidence and accuracy are apart, in the mean over all answers, 0 to 1.

    Args:
        confidences: float64[N], of each answer.
        right: bool[N], which of the answers are right.

    Source: C. Guo et al., "On Calibration of Modern Neural Networks", 2017: the expected
    calibration error, over 15 classes of confidence.
    """
    classes = np.minimum((confidences * CONFIDENCES).astype(int), CONFIDENCES - 1)
    excess = np.bincount(classes, confidences - right)
    return round(float(np.abs(excess).sum() / len(right)), 4)


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    """Return a grey PNG file of uint8[H, W]."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", optimize=True)
    return content.getvalue()


def _read(folder: Path, pictures: list[bytes]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the labels and the confidences of the served path."""
    predictor = Predictor.load(folder)
    labels: list[int] = []
    confidences: list[float] = []
    for start in range(0, len(pictures), BATCH):
        answers, _ = predictor.predict(pictures[start : start + BATCH])
        labels += [int(answer["label"]) for answer in answers]
        confidences += [answer["confidence"] for answer in answers]
    return np.array(labels), np.array(confidences)


def _share(right: Any) -> float:
    return round(float(np.mean(right)), 4)
