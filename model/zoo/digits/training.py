"""The training: batches drawn anew, teachers, the schedule, the progress.

A network that learns from labels alone is told that every digit is wholly itself. One that learns
from the averaged answers of other networks is also told how much this 4 looks like a 9, on as
many changed digits as one likes; that is worth about as much as serving all of them together
(Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015), and costs
nothing when it serves.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from model.zoo.digits.augment import Augmenter
from model.zoo.digits.dataset import Dataset, one_hot

BATCH: Final = 100
PEAK_RATE: Final = 2e-3
FURTHER_RATE: Final = 5e-4
"""The peak of a network that has learnt before."""

WEIGHT_DECAY: Final = 0.03
TRUST: Final = 0.8
"""The teachers' share of a student's targets; the rest is the label."""

Floats = NDArray[np.float32]
Batch = tuple[Floats, Floats]


class Teacher(Protocol):
    """A trained network."""

    def __call__(self, digits: Floats, /) -> Floats:
        """Return float32[B, 10], the probabilities for float32[B, 28, 28, 1]."""


@dataclass(frozen=True)
class Schedule:
    """What to train and for how long.

    Attributes:
        epochs: how often the served network sees every digit.
        fresh: the number of first epochs in which the digits are changed anew.
        teachers: how many networks it learns from; they learn from the labels alone.
        teacher_epochs: how often each of them sees every digit, always changed anew.
        further: how often the bundle's own network sees every digit again, its former answers its
            teacher; 0 trains a new one.
        seed: of the split, the weights, the order and the changes.
    """

    epochs: int = 180
    fresh: int = 50
    teachers: int = 2
    teacher_epochs: int = 60
    further: int = 0
    seed: int = 7


@dataclass(frozen=True)
class Lesson:
    """What a network is shown.

    Attributes:
        data: the digits to learn from.
        epochs: how often each of them is shown.
        seed: of the order and the changes.
        teachers: networks whose averaged answers are mixed into the targets, where they are right.
        fresh: the number of first epochs in which the digits are changed anew; later ones repeat
            the changed digits, because asking teachers is slow. None: all epochs.
        peak_rate: the highest learning rate.
    """

    data: Dataset
    epochs: int
    seed: int
    teachers: Sequence[Teacher] = ()
    fresh: int | None = None
    peak_rate: float = PEAK_RATE

    @property
    def steps(self) -> int:
        """The number of batches per epoch; the last one may be smaller."""
        return -(-len(self.data.labels) // BATCH)


@dataclass(frozen=True)
class History:
    """How a training went, one figure per epoch.

    Attributes:
        training_accuracy: on the changed digits that were learnt from, with dropout.
        held_out_accuracy: on the digits kept apart, unchanged.
        seconds: wall time of the whole training.
    """

    training_accuracy: list[float]
    held_out_accuracy: list[float]
    seconds: float


def batches(lesson: Lesson) -> Iterator[Batch]:
    """Yield every digit once per epoch; what is drawn depends only on the seed and the epoch.

    Yields:
        float32[B, 28, 28, 1] digits and float32[B, 10] targets, whose rows sum to 1.
    """
    augmenter = Augmenter(lesson.data, seed=lesson.seed)
    fresh = lesson.epochs if lesson.fresh is None else lesson.fresh
    kept: list[tuple[NDArray[np.uint8], Floats]] = []
    for epoch in range(lesson.epochs):
        if epoch >= fresh:
            yield from _again(*kept[epoch % fresh], np.random.default_rng([lesson.seed, epoch]))
            continue
        shown = []
        for batch in _anew(lesson, augmenter, epoch):
            shown.append(batch)
            yield batch
        if fresh < lesson.epochs:
            digits = np.concatenate([digits for digits, _ in shown])
            targets = np.concatenate([targets for _, targets in shown])
            kept.append((np.rint(digits * 255).astype(np.uint8), targets))


def _anew(lesson: Lesson, augmenter: Augmenter, epoch: int) -> Iterator[Batch]:
    """Change every digit, and ask the teachers about it."""
    labels = one_hot(lesson.data.labels)
    order = np.random.default_rng([lesson.seed, epoch]).permutation(len(labels))
    for number, start in enumerate(range(0, len(order), BATCH)):
        indices = order[start : start + BATCH]
        random = np.random.default_rng([lesson.seed, epoch, number])
        digits, targets = augmenter.draw(indices, random), labels[indices]
        if lesson.teachers:
            taught = np.mean([teacher(digits) for teacher in lesson.teachers], axis=0)
            right = taught.argmax(axis=1) == lesson.data.labels[indices]
            trust = np.where(right, np.float32(TRUST), np.float32(0))[:, np.newaxis]
            targets = (1 - trust) * targets + trust * taught
        yield digits, targets


def _again(
    digits: NDArray[np.uint8], targets: Floats, random: np.random.Generator
) -> Iterator[Batch]:
    """Deal digits that were shown before into new batches."""
    order = random.permutation(len(digits))
    for start in range(0, len(order), BATCH):
        indices = order[start : start + BATCH]
        yield digits[indices].astype(np.float32) / np.float32(255), targets[indices]


class Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """Prints one line per epoch, readable in a bare terminal and in a log."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the time."""
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Print the epoch's figures."""
        figures = logs or {}
        epochs = self.params["epochs"]
        print(
            f"  epoch {epoch + 1:>{len(str(epochs))}}/{epochs}"
            f"  loss {figures['loss']:.4f}"
            f"  training {figures['accuracy']:.4f}"
            f"  held out {figures['val_accuracy']:.4f}"
            f"  {time.monotonic() - self._start:5.1f} s",
            flush=True,
        )


def train(network: keras.Sequential, lesson: Lesson, held_out: Dataset) -> History:
    """Train the network in place.

    The learning rate climbs for a twentieth of the steps and falls to nothing by a cosine. The
    held-out digits are only measured: nothing is chosen by them, and the weights of the last epoch
    stay.

    Args:
        network: as `network.built` returns it.
        lesson: what it is shown.
        held_out: the digits kept apart.
    """
    steps = lesson.epochs * lesson.steps
    climb = max(1, steps // 20)
    rate = keras.optimizers.schedules.CosineDecay(
        lesson.peak_rate / 20,
        max(1, steps - climb),
        alpha=1e-3,
        warmup_target=lesson.peak_rate,
        warmup_steps=climb,
    )
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY),
        "categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    start = time.monotonic()
    log = network.fit(
        batches(lesson),
        steps_per_epoch=lesson.steps,
        epochs=lesson.epochs,
        validation_data=(held_out.digits, one_hot(held_out.labels)),
        validation_batch_size=500,
        callbacks=[Progress()],
        shuffle=False,
        verbose=0,
    ).history
    return History(
        [float(value) for value in log["accuracy"]],
        [float(value) for value in log["val_accuracy"]],
        time.monotonic() - start,
    )
