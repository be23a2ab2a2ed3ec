"""The two charts of the bundle: the learning curve and the confusion matrix."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.zoo.digits.training import History

mpl.use("Agg")
from matplotlib import pyplot as plt

INK: Final = "#1f2933"
FAINT: Final = "#9aa5b1"
STYLE: Final = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
}


def draw_learning_curve(path: Path, history: History) -> None:
    """Draw the errors by epoch, on a logarithmic axis."""
    epochs = np.arange(1, len(history.training_accuracy) + 1)
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
        curves = (
            ("changed digits, while learning", history.training_accuracy, FAINT),
            ("held-out digits", history.held_out_accuracy, "#0b7285"),
        )
        for name, accuracy, colour in curves:
            errors = 100 * (1 - np.asarray(accuracy))
            axes.plot(epochs, np.maximum(errors, 0.05), color=colour, linewidth=1.6, label=name)
        axes.set_yscale("log")
        axes.set_yticks([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50], minor=False)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
        axes.minorticks_off()
        axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
        axes.set_xlabel("epoch")
        axes.set_title("Digits taken for another")
        axes.legend(frameon=False, loc="upper right")
        _save(figure, path)


def draw_confusion_matrix(path: Path, matrix: NDArray[np.int64]) -> None:
    """Draw how often each digit was read as each.

    Args:
        matrix: int64[10, 10], rows what was written, columns what was read.
    """
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(4.6, 4.6), layout="constrained")
        share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        right = np.eye(len(matrix), dtype=bool)
        picture = np.ones((*matrix.shape, 3))
        picture[right] = _tint("#0b7285", share[right])
        picture[~right] = _tint("#c92a2a", np.minimum(1, share[~right] * 8))
        axes.imshow(picture)
        for (written, read), count in np.ndenumerate(matrix):
            if count:
                strong = written == read and share[written, read] > 0.5
                axes.text(
                    read,
                    written,
                    str(count),
                    ha="center",
                    va="center",
                    color="white" if strong else INK,
                )
        axes.set_xticks(range(len(matrix)))
        axes.set_yticks(range(len(matrix)))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("read as")
        axes.set_ylabel("written")
        wrong = int(matrix[~right].sum())
        axes.set_title(f"Held-out digits: {wrong} of {matrix.sum()} misread")
        _save(figure, path)


def _tint(colour: str, part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[N, 3]: white mixed with `part` of the colour."""
    full = np.asarray(mpl.colors.to_rgb(colour))
    mixed: NDArray[np.float64] = 1 - part[:, np.newaxis] * (1 - full)
    return mixed


def _save(figure: Any, path: Path) -> None:
    """Write a figure as a small PNG: 64 colours are enough for lines and text."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=110)
    plt.close(figure)
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(64).save(path, "PNG", optimize=True)
