"""Drift: the index is as defined, low while nothing shifts, high once something does."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from model.bake.write import write_reference
from model.bundle.drift import EVERY, LARGE, LEAST, MODERATE, SPAN, Drift, psi
from model.bundle.reference import ANSWERS, INPUTS, Watched
from model.predictor import Predictor
from model.zoo.digits.dataset import small_mnist, split_of
from tests.model.bundle.bundles import ZOO, changed, write_bundle

Array = NDArray[Any]

COUNTS = st.lists(st.integers(0, 10_000), min_size=2, max_size=20)
PAIRS = st.integers(2, 20).flatmap(
    lambda bins: st.tuples(*[st.lists(st.integers(0, 10_000), min_size=bins, max_size=bins)] * 2)
)
DRAWN = 300
"""As few as give an index: chance shows most."""


def index(one: Sequence[float] | Array, other: Sequence[float] | Array) -> float:
    """Call psi with numbers of any kind."""
    return psi(np.array(one, float), np.array(other, float))


@given(COUNTS)
def test_no_distance_to_itself(counts: list[int]) -> None:
    """Equal counts have an index of exactly 0."""
    assert index(counts, counts) == 0


@given(PAIRS)
def test_a_distance(pair: tuple[list[int], list[int]]) -> None:
    """The index is finite, never negative, and the same both ways."""
    one, other = pair
    assert 0 <= index(one, other) < 30
    assert index(one, other) == pytest.approx(index(other, one), abs=1e-12)


def test_a_distance_by_hand() -> None:
    """With many instances half of one more matters little: 0.2 x ln(0.6 / 0.4) twice."""
    expected = 2 * 0.2 * np.log(0.6 / 0.4)
    assert index([600_000, 400_000], [400_000, 600_000]) == pytest.approx(expected, abs=1e-5)


def test_chance_alone_stays_below_the_threshold() -> None:
    """Of so few instances as give an index, one draw in a hundred at most reaches 0.1."""
    random = np.random.default_rng(7)
    shares = np.full(10, 0.1)
    reference = random.multinomial(5_000, shares)
    draws = [index(reference, random.multinomial(LEAST, shares)) for _ in range(1_000)]
    assert np.mean(draws) == pytest.approx(9 * (1 / LEAST + 1 / 5_000), rel=0.15)
    assert np.quantile(draws, 0.99) < MODERATE


def served(name: str, instances: list[Any]) -> Drift:
    """Predict some instances with a real model that is watched, and return the indices."""
    predictor = Predictor.load(ZOO / name)
    predictor.watch()
    assert predictor.window
    for start in range(0, len(instances), 50):
        predictor.predict(instances[start : start + 50])
    return predictor.window.indices()


@pytest.fixture(scope="module")
def flowers() -> Array:
    """Draw flowers like those of iris, each measured once more."""
    from sklearn.datasets import load_iris

    random = np.random.default_rng(3)
    rows: Array = load_iris().data
    drawn = rows[random.integers(0, len(rows), 2 * DRAWN)]
    # Another ruler: the forest is surer of the very rows that it has seen.
    measured: Array = drawn + random.uniform(-0.1, 0.1, drawn.shape)
    return measured


def test_iris_unshifted(flowers: Array) -> None:
    """Flowers like those it was made from: every index is low."""
    indices = served("iris", flowers.tolist())
    assert list(indices)[-2:] == [LABELS, (ANSWERS, "confidence")]
    assert max(indices.values()) < MODERATE


LABELS = (ANSWERS, "labels")
FLOWER_SHIFTS: dict[str, tuple[Callable[[Any], Any], Watched]] = {
    "in inches": (lambda rows: rows / 2.54, (INPUTS, "petal_length_cm")),
    "a tenth longer": (lambda rows: rows * 1.1, (INPUTS, "sepal_length_cm")),
    "columns swapped": (lambda rows: rows[:, [1, 0, 2, 3]], (INPUTS, "sepal_width_cm")),
    "one species": (lambda rows: np.tile(rows[rows[:, 3] < 0.7], (3, 1)), LABELS),
}


@pytest.mark.parametrize(("shift", "shown_by"), FLOWER_SHIFTS.values(), ids=FLOWER_SHIFTS)
def test_iris_shifted(flowers: Array, shift: Callable[[Any], Any], shown_by: Watched) -> None:
    """What shifts shows in its own index, as a large shift."""
    assert served("iris", shift(flowers).tolist())[shown_by] > LARGE


@pytest.fixture(scope="module")
def digits() -> list[Image.Image]:
    """Take digits that were held out, as pictures."""
    data = small_mnist()
    _, apart = split_of(data.labels, seed=7)
    chosen = np.random.default_rng(3).permutation(apart)[:DRAWN]
    planes = np.rint(data.digits[chosen, ..., 0] * 255).astype(np.uint8)
    return [Image.fromarray(plane) for plane in planes]


def png_of(picture: Image.Image) -> bytes:
    """Spell a picture as a PNG."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_digits_unshifted(digits: list[Image.Image]) -> None:
    """Held-out digits: every index is low."""
    assert max(served("digits", [png_of(one) for one in digits]).values()) < MODERATE


def noised(picture: Image.Image) -> Image.Image:
    """Take the picture with a bad camera: larger, and with noise."""
    levels = np.asarray(picture.resize((56, 56)), float)
    noise = np.random.default_rng(3).normal(0, 60, levels.shape)
    return Image.fromarray(np.clip(levels + noise, 0, 255).astype(np.uint8))


DIGIT_SHIFTS: dict[str, tuple[Callable[[Image.Image], Image.Image], str]] = {
    "a thick pen": (lambda picture: picture.filter(ImageFilter.MaxFilter(3)), "ink"),
    "out of focus": (lambda picture: picture.filter(ImageFilter.GaussianBlur(1.2)), "edge"),
    "noise": (noised, "edge"),
    "italics": (
        lambda picture: picture.transform(
            picture.size, Image.Transform.AFFINE, (1, 0.35, -5, 0, 1, 0)
        ),
        "slant",
    ),
}


@pytest.mark.parametrize(("shift", "shown_by"), DIGIT_SHIFTS.values(), ids=DIGIT_SHIFTS)
def test_digits_shifted(
    digits: list[Image.Image], shift: Callable[[Image.Image], Image.Image], shown_by: str
) -> None:
    """What pens and cameras change shows in the features of the ink."""
    assert served("digits", [png_of(shift(one)) for one in digits])[INPUTS, shown_by] > LARGE


def test_only_sevens() -> None:
    """A form that asks for sevens only: the labels show it."""
    data = small_mnist()
    sevens = data.digits[data.labels == 7][:DRAWN, ..., 0]
    pictures = [png_of(Image.fromarray((one * 255).astype(np.uint8))) for one in sevens]
    assert served("digits", pictures)[LABELS] > LARGE


@pytest.fixture
def predictor(tmp_path: Path) -> Predictor:
    """Load a bundle of our own whose reference is uniform from 0 to 1, and watch it."""
    return watched(write_bundle(tmp_path / "tiny"))


def watched(folder: Path) -> Predictor:
    """Load and watch a bundle whose reference is uniform from 0 to 1."""
    inputs = np.random.default_rng(7).uniform(0, 1, (5_000, 3)).astype(np.float32)
    shares = np.random.default_rng(7).dirichlet((1, 1, 1), 500)
    write_reference(folder, {"rows": inputs}, {"probabilities": shares}, source="uniform")
    predictor = Predictor.load(folder)
    predictor.watch()
    return predictor


def ask(predictor: Predictor, count: int, *, above: float = 0.0, size: int = 1) -> list[Drift]:
    """Predict rows of uniform numbers, some a call, shifted or not; return what news there was."""
    assert predictor.window
    random = np.random.default_rng(count)
    news = []
    for _ in range(count // size):
        predictor.predict((random.uniform(0, 1, (size, 3)) + above).tolist())
        news.append(predictor.window.news())
    return [one for one in news if one]


def test_too_few_say_nothing(predictor: Predictor) -> None:
    """Before there are enough instances there is no index, however far they are off."""
    assert predictor.window
    assert ask(predictor, LEAST - 1, above=5) == []
    assert predictor.window.indices() == {}
    assert len(ask(predictor, 1, above=5)) == 1
    assert predictor.window.indices()[INPUTS, "a"] > LARGE


def test_news_come_now_and_then(predictor: Predictor) -> None:
    """Every so many instances there is news, and it is told once."""
    assert len(ask(predictor, LEAST + 4 * EVERY)) == 5


def test_what_is_long_past_is_forgotten(predictor: Predictor) -> None:
    """After a shift is over the index falls again, and before it is, it stays."""
    assert predictor.window
    ask(predictor, 10 * SPAN, size=4)
    assert predictor.window.indices()[INPUTS, "a"] < MODERATE
    ask(predictor, SPAN, above=5, size=4)
    assert predictor.window.indices()[INPUTS, "a"] > LARGE
    ask(predictor, 8 * SPAN, size=4)
    assert predictor.window.indices()[INPUTS, "a"] < MODERATE


def test_a_batch_counts_as_many(predictor: Predictor) -> None:
    """Instances are counted, not calls."""
    assert predictor.window
    random = np.random.default_rng(7)
    for _ in range(LEAST // 4):
        predictor.predict(random.uniform(0, 1, (4, 3)).tolist())
    inputs = [(INPUTS, name) for name in "abc"]
    assert list(predictor.window.indices()) == [*inputs, LABELS, (ANSWERS, "confidence")]


def test_threads_may_share_a_window(predictor: Predictor) -> None:
    """What several threads predict at once is counted whole."""
    window = predictor.window
    assert window

    def work() -> None:
        for _ in range(500):
            predictor.predict([[0.1, 0.2, 0.3]])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # 2,000 instances: halved at 1,000 and again at 500 more, as often as EVERY divides them.
    assert [round(counts.sum()) for counts in window._counts.values()] == [500] * 5


def test_who_does_not_watch_pays_nothing(tmp_path: Path) -> None:
    """Without being told to a predictor has no window; nor has one without a reference."""
    predictor = Predictor.load(write_bundle(tmp_path / "tiny"))
    assert predictor.window is None
    predictor.watch()
    assert predictor.window is None


def test_a_column_may_be_called_as_the_answers_are(tmp_path: Path) -> None:
    """Columns `labels` and `confidence` have indices of their own beside the answers'."""
    document = changed("rows.columns.0.name", "labels")
    document = changed("rows.columns.1.name", "confidence", document)
    predictor = watched(write_bundle(tmp_path / "tiny", document))
    ask(predictor, LEAST)
    assert predictor.window
    indices = predictor.window.indices()
    assert len(indices) == 5
    assert indices[INPUTS, "labels"] < MODERATE < indices[ANSWERS, "confidence"]
