"""The digits' training: the split, the augmentation, and a tiny training from end to end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partialmethod
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from model.predictor import Predictor
from model.zoo.digits.augment import Augmenter
from model.zoo.digits.dataset import (
    Dataset,
    DatasetError,
    full_mnist,
    one_hot,
    small_mnist,
    split_of,
)
from model.zoo.digits.habits import STEM, Floats, angular, barred, footed, with_upstroke
from model.zoo.digits.measures import calibration_error, runner
from model.zoo.digits.pens import pen_levels
from model.zoo.digits.warp import MASS_CENTRE, SIDE, Strength

if TYPE_CHECKING:  # else late, as all that imports TensorFlow: each process collects every test
    from model.zoo.digits.training import Teacher

# Keras's exporter looks for an attribute that NumPy says may come back; nothing of ours.
EXPORTER = "ignore:In the future `np.object`:FutureWarning"

# TensorFlow 2.21 copies variables in a way that NumPy 2 warns of.
VARIABLES = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"


Habit = Callable[[Floats, np.random.Generator], Floats]


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Every eighth of the digits: 625, of all classes."""
    whole = small_mnist()
    return whole.at(np.arange(0, len(whole.labels), 8))


def test_split_is_disjoint_stratified_and_whole() -> None:
    """Every digit is on one side, and a tenth of every class is held out."""
    labels = np.repeat(np.arange(10), [500, 40, 30, 500, 20, 10, 100, 200, 60, 500])
    learnt, apart = split_of(labels, seed=3)
    assert np.array_equal(np.sort(np.concatenate([learnt, apart])), np.arange(len(labels)))
    assert np.bincount(labels[apart]).tolist() == [50, 4, 3, 50, 2, 1, 10, 20, 6, 50]


def test_split_follows_the_seed() -> None:
    """The same seed holds out the same digits, another seed others."""
    labels = np.repeat(np.arange(10), 50)
    once, again, other = (split_of(labels, seed=seed)[1] for seed in (7, 7, 8))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_one_hot() -> None:
    """A label becomes a row with a one in its column."""
    assert one_hot(np.array([2, 0])).tolist() == [[0, 0, 1] + [0] * 7, [1] + [0] * 9]


def test_augmentation_follows_the_seed(data: Dataset) -> None:
    """The same state of chance changes digits in the same way, another state in another."""
    augmenter = Augmenter(data, seed=0)
    indices = np.arange(50)
    once, again, other = (
        augmenter.draw(indices, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_augmented_digits_are_digits_as_mnist_has_them(data: Dataset) -> None:
    """Changed digits lie in 0..1, about as large as MNIST's, with their mass near the centre."""
    changed = Augmenter(data, seed=0).draw(np.arange(len(data.labels)), np.random.default_rng(5))
    assert changed.shape == data.digits.shape
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1 + 1e-6
    axis = np.arange(SIDE) - MASS_CENTRE
    mass = changed.sum(axis=(1, 2, 3))
    assert mass.min() > 5
    for kept in (1, 2):
        centre = changed.sum(axis=(3 - kept, 3)) @ axis / mass
        assert np.abs(centre).max() < 4
        assert abs(np.median(centre)) < 0.2


def test_no_strength_changes_next_to_nothing(data: Dataset) -> None:
    """With every strength at nought a digit comes back as it was, but for resampling."""
    none = Strength(*[0.0] * len(Strength.__dataclass_fields__))
    indices = np.arange(200)
    same = Augmenter(data, seed=0, strength=none).draw(indices, np.random.default_rng(0))
    assert np.abs(same - data.digits[indices]).mean() < 0.045


def test_pens_grow_in_order(data: Dataset) -> None:
    """From the thinnest pen to the thickest no pixel ever loses ink, and no digit vanishes."""
    levels = pen_levels(data.digits[:40, ..., 0]).astype(int)
    assert (np.diff(levels, axis=0) >= 0).all()
    ink = levels.sum(axis=(2, 3))
    assert (ink[0] >= 0.44 * ink[len(ink) // 2]).all()
    assert (ink[-1] > ink[0]).all()


@pytest.mark.parametrize(("label", "habit"), [(1, footed), (7, barred)])
def test_habits_add_a_stroke(data: Dataset, label: int, habit: Habit) -> None:
    """Another habit takes no ink away, adds some to every digit, and stays in 0..1."""
    random = np.random.default_rng(3)
    for digit in data.digits[data.labels == label][..., 0]:
        written = habit(digit, random)
        assert (written >= digit).all()
        assert 3 < (written - digit).sum() < 60
        assert written.max() <= 1


def test_a_foot_is_at_the_bottom_and_a_bar_in_the_middle() -> None:
    """A foot widens the lowest rows of an upright stroke, a bar the ones about its middle."""
    stroke = np.zeros((28, 28), np.float32)
    stroke[4:24, 13:15] = 1
    random = np.random.default_rng(0)
    foot, bar = (
        np.ptp(np.argwhere(habit(stroke, random) > 0.5), axis=0) for habit in (footed, barred)
    )
    assert foot[1] >= 6
    assert bar[1] >= 6
    rows = (footed(stroke, random) > 0.5).sum(axis=1)
    assert rows[22:25].max() == rows.max()
    rows = (barred(stroke, random) > 0.5).sum(axis=1)
    assert 9 <= rows.argmax() <= 18


def test_an_upstroke_is_steeper_than_the_stroke_of_a_7(data: Dataset) -> None:
    """Both are drawn anew with the digit's pen; what is left of the stem falls for a 1 alone."""
    falls = []
    for label, drawn in ((1, with_upstroke), (7, angular)):
        digit = data.digits[data.labels == label][0, ..., 0]
        for seed in range(20):
            written = drawn(digit, np.random.default_rng(seed))
            assert written.shape == (28, 28)
            assert 0 <= written.min() < written.max() <= 1
            rows, columns = np.nonzero(written > 0.4)
            assert rows.max() - rows.min() >= STEM - 2
            ends = [rows[columns == columns.min()].mean(), rows.min()]
            falls.append((label, (ends[0] - ends[1]) / STEM))
    ones, sevens = ([fall for label, fall in falls if label == one] for one in (1, 7))
    assert np.mean(ones) > np.mean(sevens) + 0.05


def test_calibration_error() -> None:
    """Confidence as high as the share that is right is no error; all sure and half right is 0.5."""
    right = np.array([True, False])
    assert calibration_error(np.array([0.5, 0.5]), right) == 0
    assert calibration_error(np.array([1.0, 1.0]), right) == 0.5


@pytest.mark.filterwarnings(EXPORTER, VARIABLES)
def test_tiny_training_bakes_a_bundle_that_loads(
    data: Dataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A teacher and three epochs on 565 digits learn something, and write a bundle that loads."""
    import keras
    from sklearn import datasets

    from model.zoo.digits import network, train
    from model.zoo.digits.training import Schedule

    others = datasets.load_digits()
    few = SimpleNamespace(images=others.images[::60], target=others.target[::60])
    monkeypatch.setattr(datasets, "load_digits", lambda: few)
    # The networks that ship take a second a batch, and tracing a graph longer than a few batches.
    narrow = ((8,), (16,), (16,))
    monkeypatch.setattr(train, "built", lambda *_, **options: network.built(narrow, **options))
    eager = partialmethod(keras.Sequential.compile, run_eagerly=True)
    monkeypatch.setattr(keras.Sequential, "compile", eager)
    folder = tmp_path / "digits"
    metrics = train.bake(folder, data, Schedule(epochs=3, fresh=2, teachers=1, teacher_epochs=1))

    predictor = Predictor.load(folder)
    assert dict(predictor.manifest.metrics) == metrics
    assert metrics["validation_digits"] == 60
    answers, _ = predictor.predict([(folder / "samples" / "7.png").read_bytes()])
    assert sum(answers[0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert sorted(path.name for path in folder.iterdir()) == [
        ".baked.json", "CARD.md", "confusion_matrix.png", "digits.keras", "digits.onnx",
        "golden.json", "learning_curve.png", "model.toml", "reference.json", "samples",
    ]  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "teacher 1 of 1"
    assert any(line.startswith("golden     10 samples, and no answer") for line in lines)
    epochs = [line.split() for line in lines if line.startswith("  epoch")]
    assert [words[1] for words in epochs] == ["1/1", "1/3", "2/3", "3/3"]
    assert float(epochs[3][3]) < float(epochs[1][3])  # the loss

    _, (history,) = train.learn_on(folder, data, data, Schedule(further=1))
    assert history.training_accuracy[0] > 0.15  # chance is 0.1


def test_lesson_shows_every_digit_once_an_epoch(data: Dataset) -> None:
    """An epoch has each digit's label once; past the fresh epochs come the same digits again."""
    from model.zoo.digits.training import Lesson, batches

    lesson = Lesson(data, epochs=3, seed=4, fresh=2)
    shown = list(batches(lesson))
    assert len(shown) == 3 * lesson.steps
    epochs = [shown[at : at + lesson.steps] for at in range(0, len(shown), lesson.steps)]
    whole = [np.concatenate([digits for digits, _ in epoch]) for epoch in epochs]
    targets = [np.concatenate([target for _, target in epoch]) for epoch in epochs]
    for target in targets:
        assert np.array_equal(target.sum(axis=0), one_hot(data.labels).sum(axis=0))
    ink = [np.sort(digits.sum(axis=(1, 2, 3))) for digits in whole]
    assert not np.allclose(ink[0], ink[1], atol=0.5)
    np.testing.assert_allclose(ink[0], ink[2], atol=0.5)
    assert not np.array_equal(targets[0], targets[2])


def test_lesson_follows_the_seed(data: Dataset) -> None:
    """The same seed shows the same digits in the same order, another seed others."""
    from model.zoo.digits.training import Lesson, batches

    once, again, other = (next(batches(Lesson(data, 1, seed)))[0] for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_teachers_soften_the_targets(data: Dataset) -> None:
    """A target is mostly the teachers' mean answer where that is right, and else the label."""
    from model.zoo.digits.training import TRUST, Lesson, batches

    def sure_of(*labels: int) -> Teacher:
        answer = one_hot(np.array(labels)).mean(axis=0, keepdims=True)
        return lambda digits: answer.repeat(len(digits), axis=0)

    lesson = Lesson(data, 1, seed=1, teachers=[sure_of(3), sure_of(3, 5)])
    _, targets = next(batches(lesson))
    assert targets.sum(axis=1) == pytest.approx(1)
    threes = targets[:, 3] > 0
    assert threes.any()
    assert targets[threes, 3] == pytest.approx(1 - TRUST / 4)
    assert targets[threes, 5] == pytest.approx(TRUST / 4)
    assert np.unique(targets[~threes]).tolist() == [0, 1]


@pytest.mark.filterwarnings(EXPORTER, VARIABLES)
def test_export_is_the_network() -> None:
    """An untrained network of any width answers the same in Keras and in ONNX Runtime."""
    import keras

    from model.zoo.digits.network import built, exported

    keras.utils.set_random_seed(1)
    network = built(((4,), (8, 8), (12,)))
    digits = np.random.default_rng(2).random((9, 28, 28, 1), dtype=np.float32)
    expected = np.asarray(network(digits, training=False))
    np.testing.assert_allclose(runner(exported(network))(digits), expected, rtol=0, atol=1e-5)


def no_network(*_: Any) -> None:
    """Fail as keras does where no name resolves."""
    raise Exception("URL fetch failure on https://example.invalid/mnist.npz: None -- no such host")


def test_full_says_what_it_lacks_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network and a cache, all of MNIST is one clear error with its cause."""
    from keras.datasets import mnist

    monkeypatch.setattr(mnist, "load_data", no_network)
    with pytest.raises(DatasetError) as caught:
        full_mnist()
    assert str(caught.value) == (
        "--full: expected all of MNIST from keras.datasets.mnist (needs a network the first time), "
        "got URL fetch failure on https://example.invalid/mnist.npz: None -- no such host"
    )
    assert str(caught.value.__cause__).startswith("URL fetch failure")


def test_command_line_ends_with_one_line_when_digits_are_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`--full` without a network prints one line to stderr, exits with 1, and writes nothing."""
    from keras.datasets import mnist

    from model.zoo.digits.train import main

    monkeypatch.setattr(mnist, "load_data", no_network)
    assert main(["--full", "--folder", str(tmp_path / "digits")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "digits").exists()


def test_full_normalises_both_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of MNIST comes as training and test digits, uint8 made float in 0..1."""
    from keras.datasets import mnist

    pixels = np.zeros((3, 28, 28), dtype=np.uint8)
    pixels[1] = 255
    monkeypatch.setattr(
        mnist,
        "load_data",
        lambda: ((pixels, np.array([4, 5, 6], np.uint8)), (pixels[:2], np.array([7, 8], np.uint8))),
    )
    training, testing = full_mnist()
    assert training.digits.shape == (3, 28, 28, 1)
    assert training.digits[1].min() == training.digits.max() == 1
    assert (training.labels.tolist(), testing.labels.tolist()) == ([4, 5, 6], [7, 8])
