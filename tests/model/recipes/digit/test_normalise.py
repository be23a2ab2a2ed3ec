"""The digit recipe: what MNIST did, for a digit in any colours, light, size and place.

Accuracy over many pictures is in test_digit_pictures.py; here each rule is shown on its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.errors import InputError, Problem
from model.recipes.digit.colours import along_ink_axis, colours_of, plane_of, reduced
from model.recipes.digit.frames import inside_of_frame
from model.recipes.digit.ink import agreement_of, likeness, without_lines
from model.recipes.digit.normalise import centred, digit_of, scaled
from tests.model.recipes.digit.pens import light, noise

Floats = NDArray[np.float32]

SEVEN = np.zeros((28, 28), np.uint8)
SEVEN[4:7, 7:21] = 255
for _row in range(7, 24):
    SEVEN[_row, 19 - (_row - 7) // 2 : 22 - (_row - 7) // 2] = 255
SEVEN = np.roll(SEVEN, (4, -1), (0, 1))
"""uint8[28, 28]: a 7 as MNIST would have it, 20 pixels high, its mass in the middle."""


def sheet(*, ink: float = 20, paper: float = 240, zoom: int = 6) -> Floats:
    """Draw the 7 large: float32[168, 168]."""
    large = np.kron(SEVEN, np.ones((zoom, zoom))) / 255
    return (paper + (ink - paper) * large).astype(np.float32)


def picture(plane: Floats) -> Image.Image:
    """Round levels or colours to a picture."""
    return Image.fromarray(np.clip(np.rint(plane), 0, 255).astype(np.uint8))


def is_seven(image: Image.Image, *, within: float = 0.07) -> bool:
    """Whether a picture comes out as the 7, by the mean difference of all pixels.

    It may lie a pixel higher or lower: its middle is between two rows.
    """
    digit = digit_of(image)
    assert digit.shape == (28, 28, 1)
    assert digit.dtype == np.float32
    apart = [np.abs(digit[..., 0] - np.roll(SEVEN, by, 0) / 255).mean() for by in (-1, 0, 1)]
    return float(min(apart)) < within


def coloured(ink: tuple[int, int, int], paper: tuple[int, int, int]) -> Floats:
    """Draw the 7 in colours: float32[168, 168, 3]."""
    cover = sheet(ink=1, paper=0)[..., None]
    return cover * np.array(ink, np.float32) + (1 - cover) * np.array(paper, np.float32)


def paper_around(plane: Floats) -> Floats:
    """Put the sheet on paper of 300 x 300 pixels."""
    return np.pad(plane, ((66, 66), (66, 66)), constant_values=240)


def with_alpha(levels: float, hidden: float, *, most: float = 255) -> Image.Image:
    """Draw the 7 of one level on nothing, with another level hidden where nothing is."""
    cover = sheet(ink=most, paper=0)
    grey = np.where(cover > most / 2, levels, hidden)
    return Image.fromarray(np.stack([grey, grey, grey, cover], -1).astype(np.uint8), "RGBA")


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "dark on light": lambda: picture(sheet()),
    "light on dark": lambda: picture(sheet(ink=240, paper=20)),
    "faint": lambda: picture(sheet(ink=140, paper=150)),
    "red on green of one brightness": lambda: picture(coloured((220, 60, 40), (40, 140, 60))),
    "blue on red": lambda: picture(coloured((40, 60, 220), (190, 30, 30))),
    "black ink on nothing": lambda: with_alpha(0, 0),
    "black ink on nothing, white hidden": lambda: with_alpha(0, 255),
    "white ink on nothing": lambda: with_alpha(255, 255),
    "white ink on nothing, black hidden": lambda: with_alpha(255, 0),
    "translucent ink on nothing": lambda: with_alpha(0, 0, most=60),
    "alpha that hides nothing": lambda: picture(sheet()).convert("RGBA"),
    "one bit": lambda: picture(sheet()).convert("1"),
    "palette": lambda: picture(coloured((40, 60, 220), (190, 30, 30))).quantize(8),
    "grey and alpha": lambda: picture(sheet()).convert("LA"),
    "CMYK": lambda: picture(coloured((20, 30, 90), (250, 240, 200))).convert("CMYK"),
    "YCbCr": lambda: picture(coloured((20, 30, 90), (250, 240, 200))).convert("YCbCr"),
    "16 bits": lambda: Image.fromarray((sheet() * 257).astype(np.uint16)),
    "12 bits in 16": lambda: Image.fromarray((sheet() * 16).astype(np.uint16)),
    "32 bits": lambda: Image.fromarray((sheet() * 1000).astype(np.int32)),
    "floats": lambda: Image.fromarray(sheet() / 255),
    "anywhere on a large sheet": lambda: picture(
        np.pad(sheet(), ((700, 90), (40, 1000)), constant_values=240)
    ),
    "cropped to the ink": lambda: picture(sheet()[36:156, 42:132]),
    "seven times as large": lambda: picture(sheet(zoom=42)),
    "under a slope of light": lambda: picture(
        sheet() * light(np.random.default_rng(1), 168, 168, 0.5)
    ),
    "under noise": lambda: picture(sheet() + noise(np.random.default_rng(1), (168, 168), 25)),
    "with a shadow over a third of it": lambda: picture(
        paper_around(sheet()) * np.where(np.arange(paper_around(sheet()).shape[1]) < 100, 0.6, 1)
    ),
    "with a hard shadow": lambda: picture(
        sheet() * np.where(np.arange(168) < 90, 1.0, 0.6).astype(np.float32)
    ),
    "in a shadow, a corner in the light": lambda: picture(
        paper_around(sheet()) * np.where(np.indices((300, 300)).sum(0) < 180, 1, 0.5)
    ),
    "on squared paper": lambda: picture(
        np.where((np.indices((168, 168)) % 40 < 2).any(0), np.minimum(sheet(), 170), sheet())
    ),
    "on a rule": lambda: picture(
        np.where(np.isin(np.arange(300), (170, 171))[:, None], 20, paper_around(sheet()))
    ),
    "within a line": lambda: picture(np.pad(sheet(), 4, constant_values=30)),
    "on a dark desk": lambda: picture(np.pad(sheet(), 30, constant_values=60)),
    "with dirt": lambda: picture(
        np.where((np.indices((168, 168)) // 3 == [[[3]], [[50]]]).all(0), 30, sheet())
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_digit_is_found(name: str) -> None:
    """The same 7 comes out, whatever it is drawn on and with."""
    assert is_seven(PICTURES[name]())


@pytest.mark.parametrize("gap", [4, 60])
def test_two_digits_are_told(gap: int) -> None:
    """Side by side, near or far: which of them is meant nobody knows."""
    digit = sheet()[36:156, 42:132]
    both = np.pad(np.hstack([digit, np.full((120, gap), 240.0), digit]), 40, constant_values=240)
    with pytest.raises(InputError, match="got two digits side by side"):
        digit_of(picture(both))


@pytest.mark.parametrize("inverted", [False, True])
def test_an_mnist_digit_passes_unchanged(inverted: bool) -> None:
    """28 x 28, light on dark or dark on light: the very levels that MNIST has."""
    levels = 255 - SEVEN if inverted else SEVEN
    assert np.array_equal(digit_of(Image.fromarray(levels))[..., 0], SEVEN / np.float32(255))


def test_an_mnist_digit_in_another_mode_is_nearly_unchanged() -> None:
    """As RGB it is the same; out of a JPEG, or where a speck of noise lies, it hardly differs."""
    assert is_seven(Image.fromarray(SEVEN).convert("RGB"), within=1e-6)
    noisy = SEVEN.astype(np.float32) + noise(np.random.default_rng(0), (28, 28), 3)
    assert is_seven(picture(noisy), within=0.02)


def test_a_digit_that_is_not_centred_is_centred() -> None:
    """28 x 28, but moved by five pixels."""
    assert is_seven(Image.fromarray(np.roll(SEVEN, (-3, 5), (0, 1))), within=0.01)


def test_a_strip_keeps_its_aspect() -> None:
    """A 1 of 4 x 40 pixels becomes 2 x 20 in the middle."""
    strip = np.zeros((44, 12), np.uint8)
    strip[2:42, 4:8] = 255
    digit = digit_of(Image.fromarray(strip))[..., 0]
    rows, columns = np.flatnonzero(digit.any(1)), np.flatnonzero(digit.any(0))
    assert (len(rows), len(columns)) == (20, 2)
    assert (rows.mean(), columns.mean()) == pytest.approx((14, 14), abs=0.5)


def test_pieces_far_from_the_digit_are_left_out() -> None:
    """A second, smaller piece of ink at the other end of the sheet is not part of the digit."""
    plane = np.pad(sheet(), ((0, 300), (0, 300)), constant_values=240)
    plane[420:440, 420:440] = 20
    assert is_seven(picture(plane))


BLANKS: dict[str, Callable[[], Image.Image]] = {
    "one pixel": lambda: Image.new("L", (1, 1), 0),
    "white": lambda: Image.new("RGB", (200, 100), (255, 255, 255)),
    "nothing": lambda: Image.new("RGBA", (64, 64), (0, 0, 0, 0)),
    "16 bits of one level": lambda: Image.new("I;16", (64, 64), 12345),
    "floats of one level": lambda: Image.new("F", (64, 64), 0.5),
    "noise": lambda: picture(120 + noise(np.random.default_rng(2), (200, 200), 30)),
    "coloured noise": lambda: picture(120 + noise(np.random.default_rng(2), (90, 90, 3), 40)),
    "black or white noise": lambda: picture(
        255 * (np.random.default_rng(3).random((100, 100)) < 0.5).astype(np.float32)
    ),
    "a slope": lambda: picture(
        np.broadcast_to(np.linspace(90, 250, 200, dtype=np.float32), (150, 200))
    ),
    "a photo of paper": lambda: picture(
        220 * light(np.random.default_rng(5), 300, 200, 0.4)
        + noise(np.random.default_rng(4), (300, 200), 4)
    ),
    "ruled paper": lambda: picture(
        np.where(np.arange(200)[:, None] % 25 < 2, 150.0, 245.0) * np.ones((1, 160), np.float32)
    ),
}


@pytest.mark.parametrize("name", BLANKS)
def test_a_blank_picture_is_an_error_that_says_so(name: str) -> None:
    """Where nothing stands out from the paper, no digit is made up."""
    with pytest.raises(InputError) as caught:
        digit_of(BLANKS[name](), where="images[3]")
    assert caught.value.problems == (
        Problem(
            "images[3]",
            "a picture with one digit: ink that stands out from its paper",
            "a blank picture",
        ),
    )


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK", "I;16", "F"])
def test_a_large_picture_is_reduced_to_the_mean_of_its_pixels(mode: str) -> None:
    """Bands make no seams: reducing in bands is reducing at once."""
    levels = np.random.default_rng(0).integers(0, 256, (2000, 3000)).astype(np.uint8)
    if mode == "I;16":
        original = Image.fromarray(levels.astype(np.uint16))
    elif mode == "1":
        original = Image.fromarray(levels > 127)
    else:
        original = Image.fromarray(levels).convert(mode)
    small = reduced(original, 100)
    assert small.size == (100, 67)
    plane = plane_of(small)
    assert plane.shape == (67, 100)
    blocks = levels[:1980].reshape(66, 30, 100, 30).mean((1, 3))
    if mode in ("L", "LA", "RGB", "RGBA", "P", "CMYK"):
        assert np.abs(plane[:66] - blocks).max() < 2
    assert np.abs(np.diff(plane[:66].mean(axis=1))).max() < 30


def test_transparent_pixels_do_not_bleed_into_the_ink() -> None:
    """Reducing counts colours by their alpha: what hides behind nothing stays hidden."""
    layers = np.zeros((400, 400, 4), np.uint8)
    layers[..., :3] = 255
    layers[::2, :, :] = (10, 20, 30, 255)
    small = np.asarray(reduced(Image.fromarray(layers, "RGBA"), 100))
    assert np.abs(small[..., :3].astype(int) - (10, 20, 30)).max() <= 1
    assert np.abs(small[..., 3].astype(int) - 128).max() <= 1


def test_the_ink_axis_of_equal_brightness_is_the_hue() -> None:
    """Red on green of one brightness: hardly a contrast in grey, a strong one along the axis."""
    red_on_green = picture(coloured((220, 60, 40), (40, 140, 60)))
    in_grey = np.ptp(np.asarray(red_on_green.convert("L"), np.float32))
    assert in_grey < 8
    assert np.ptp(along_ink_axis(colours_of(red_on_green))) > 80


def test_ink_in_one_piece_off_the_edge_is_the_likelier_reading() -> None:
    """The digit's mask scores high, the paper's around it low, and an empty one nothing."""
    digit = SEVEN > 0
    assert likeness(digit) > 0.9
    assert likeness(~digit) < 0.1
    assert likeness(np.zeros((28, 28), np.bool_)) == 0


def test_thin_strokes_are_one_piece() -> None:
    """A diagonal of one pixel on a large plane is ink; what covers nearly all of it is not."""
    stroke = np.zeros((200, 200), np.bool_)
    stroke[range(20, 180), range(20, 180)] = True
    assert likeness(stroke) > 0.9
    assert likeness(~stroke) < 0.1


@pytest.mark.parametrize("turned", [False, True])
def test_rules_are_removed_and_bars_stay(turned: bool) -> None:
    """A line is a rule if it goes on past the digit, or if there are two; else the digit's own."""
    bar = np.zeros((60, 40), np.float32)
    bar[28:30] = 1
    written = bar.copy()
    written[:50, 20:24] = written[10:30, :4] = 1
    ruled = bar.copy()
    ruled[15:50, 16:22] = 1
    twice = np.maximum(written, np.roll(bar, 25, 0))
    for plane, line_stays in ((written, True), (ruled, False), (twice, False)):
        kept = without_lines(plane.T if turned else plane)
        kept = kept.T if turned else kept
        assert (kept[29, -10:] == line_stays).all()
        assert (kept[35:50, 20] == 1).all()


def test_neighbours_agree_in_a_drawing_and_not_in_noise() -> None:
    """Their correlation is near 0 in noise, and high in a digit."""
    assert abs(agreement_of(noise(np.random.default_rng(0), (64, 64), 30))) < 0.06
    assert agreement_of(sheet()) > 0.8


def test_a_frame_is_found_on_four_sides_only() -> None:
    """A line around is a frame; a line above and below belongs to the digit, as in a cropped Z."""
    framed = np.pad(sheet(), 6, constant_values=20)
    assert inside_of_frame(framed) == (10, 10, 170, 170)
    assert inside_of_frame(framed[:, 20:-20]) is None
    assert inside_of_frame(sheet()) is None


def test_scaling_keeps_a_digit_of_the_right_size() -> None:
    """A digit 18 to 20 pixels long is not touched; any other is scaled to 20."""
    ink = (SEVEN / 255).astype(np.float32)[4:, :]
    box = (5, 2, 22, 22)
    assert np.array_equal(scaled(ink, box), ink[2:22, 5:22])
    assert scaled(np.ones((50, 10), np.float32), (0, 0, 10, 50)).shape == (20, 4)
    assert scaled(np.ones((5, 2), np.float32), (0, 0, 2, 5)).shape == (20, 8)


def test_the_mass_is_put_into_the_middle_and_stays_inside() -> None:
    """A digit whose mass is at one end is moved as far as the field allows."""
    lopsided = np.zeros((20, 20), np.float32)
    lopsided[19, 19] = 1
    field = centred(lopsided)
    assert field.sum() == 1
    assert field[19, 19] == 1
