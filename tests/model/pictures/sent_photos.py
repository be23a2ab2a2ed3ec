"""Pictures that are hard because of their paper, their light or their camera."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from tests.model.recipes.digit.pens import (
    Digit,
    Random,
    dark_on_light,
    drawn,
    grey,
    inked,
    noise,
    photographed,
    placed,
    saved,
    sheet_of,
)

PENS = ((30, 40, 140), (160, 30, 40), (30, 100, 50), (40, 40, 40))
"""Blue, red, green and black ink."""


def salt_and_pepper(digit: Digit, random: Random) -> bytes:
    """Up to 6 % of the pixels are black or white."""
    plane = dark_on_light(digit, random, side=(50, 300))
    hit = random.random(plane.shape) < random.uniform(0.01, 0.06)
    plane[hit] = random.choice([0.0, 255.0], int(hit.sum()))
    return saved(grey(plane))


def noisy(digit: Digit, random: Random) -> bytes:
    """A high ISO: noise of 10 to 40 levels."""
    plane = dark_on_light(digit, random, side=(28, 300))
    if random.random() < 0.4:
        plane = 255 - plane
    return saved(grey(plane + noise(random, plane.shape, random.uniform(10, 40))))


def framed(digit: Digit, random: Random) -> bytes:
    """A line around the picture, at its edge or a little inside."""
    plane = dark_on_light(digit, random, side=(60, 400))
    edge = min(plane.shape)
    inset = int(random.integers(0, max(1, edge // 25)))
    thick = int(random.integers(1, max(2, edge // 30)))
    level = random.uniform(0, 90)
    room = inset + thick + max(2, edge // 20)
    plane = np.pad(plane, room, mode="edge")
    inner = np.zeros(plane.shape, bool)
    inner[inset + thick : -(inset + thick), inset + thick : -(inset + thick)] = True
    outer = np.zeros(plane.shape, bool)
    outer[inset : plane.shape[0] - inset, inset : plane.shape[1] - inset] = True
    plane[outer & ~inner] = level
    return saved(grey(plane))


def dirty(digit: Digit, random: Random) -> bytes:
    """Specks of dirt, much smaller than the digit, anywhere."""
    plane = dark_on_light(digit, random, side=(60, 400))
    height, width = plane.shape
    y, x = np.mgrid[0:height, 0:width]
    for _ in range(int(random.integers(2, 12))):
        radius = random.uniform(0.004, 0.015) * min(height, width) + 0.5
        centre = random.uniform(0, height), random.uniform(0, width)
        plane[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2] = random.uniform(0, 120)
    return saved(grey(plane))


def photo(digit: Digit, random: Random) -> bytes:
    """A phone's photo of a digit on paper: slope, shadow, dark corners, blur, noise, JPEG."""
    scene = dark_on_light(digit, random, side=(200, 900))
    picture = photographed(
        random, scene, depth=random.uniform(0.2, 0.6), sigma=random.uniform(1, 8)
    )
    return saved(picture, "JPEG", quality=int(random.integers(40, 95)))


def photo_in_colour(digit: Digit, random: Random) -> bytes:
    """The same with a coloured pen on tinted paper, under warm or cold light."""
    sheet = sheet_of(digit, random, side=(200, 700))
    paper = random.uniform(190, 255, 3).astype(np.float32)
    ink = np.array(PENS[int(random.integers(len(PENS)))], np.float32)
    tint = np.array([1, random.uniform(0.85, 1), random.uniform(0.7, 1)], np.float32)
    scene = inked(sheet, ink, paper) * tint
    picture = photographed(
        random, scene, depth=random.uniform(0.2, 0.55), sigma=random.uniform(1, 6)
    )
    return saved(picture, "JPEG", quality=int(random.integers(50, 95)))


def photo_of_a_small_digit(digit: Digit, random: Random) -> bytes:
    """A large photo of a page with one small digit somewhere."""
    width, height = int(random.integers(900, 1600)), int(random.integers(700, 1200))
    ink = drawn(digit, int(random.integers(80, 260)), pen=float(random.uniform(-0.3, 0.8)))
    at = (random.uniform(0.05, 0.95), random.uniform(0.05, 0.95))
    scene = inked(
        placed(ink, width, height, at=at), random.uniform(10, 70), random.uniform(190, 250)
    )
    picture = photographed(
        random, scene, depth=random.uniform(0.1, 0.5), sigma=random.uniform(1, 6), blur=0.002
    )
    return saved(picture, "JPEG", quality=85)


def chalkboard(digit: Digit, random: Random) -> bytes:
    """Light chalk on a dark board that was not wiped clean."""
    sheet = sheet_of(digit, random, side=(120, 600))
    chalk = random.uniform(170, 240) + noise(random, sheet.shape, 18)
    clouds = random.uniform(0, 1, (6, 6)).astype(np.float32) * 40
    size = (sheet.shape[1], sheet.shape[0])
    board = np.asarray(grey(clouds).resize(size, Image.Resampling.BICUBIC), np.float32)
    scene = inked(sheet, chalk, random.uniform(20, 60) + board)
    return saved(photographed(random, scene, depth=0.3, sigma=4), "JPEG")


def textured(digit: Digit, random: Random) -> bytes:
    """Paper with a grain: clouds of two sizes."""
    sheet = sheet_of(digit, random, side=(100, 500))
    size = (sheet.shape[1], sheet.shape[0])
    paper = np.full(sheet.shape, random.uniform(190, 240), np.float32)
    for cells in (5, 25):
        clouds = random.uniform(-14, 14, (cells, cells)).astype(np.float32) + 128
        paper += np.asarray(grey(clouds).resize(size, Image.Resampling.BICUBIC), np.float32) - 128
    return saved(grey(inked(sheet, random.uniform(20, 90), paper)))


def poor_jpeg(digit: Digit, random: Random) -> bytes:
    """A JPEG of quality 8 to 30."""
    plane = dark_on_light(digit, random, side=(48, 300))
    return saved(grey(plane), "JPEG", quality=int(random.integers(8, 31)))


def blurred(digit: Digit, random: Random) -> bytes:
    """Out of focus, and moved a little."""
    picture = grey(dark_on_light(digit, random, side=(60, 400)))
    radius = random.uniform(0.015, 0.04) * min(picture.size)
    return saved(picture.filter(ImageFilter.GaussianBlur(radius)), "JPEG")


def ruled(digit: Digit, random: Random) -> bytes:
    """Ruled or squared paper, lines lighter than the ink."""
    sheet = sheet_of(digit, random, side=(80, 500), pen=float(random.uniform(0, 0.9)))
    plane = inked(sheet, random.uniform(0, 60), 250.0)
    pitch = round(min(sheet.shape) * random.uniform(0.12, 0.3))
    thick = max(1, round(min(sheet.shape) * 0.006))
    level, start = random.uniform(150, 220), int(random.integers(0, pitch))
    lines = np.zeros(sheet.shape, bool)
    lines[(np.arange(sheet.shape[0]) + start) % pitch < thick] = True
    if random.random() < 0.5:
        lines[:, (np.arange(sheet.shape[1]) + start) % pitch < thick] = True
    return saved(grey(np.where(lines, np.minimum(plane, level), plane)))


def faint(digit: Digit, random: Random) -> bytes:
    """A pencil: 20 to 50 levels between ink and paper, and a little noise."""
    sheet = sheet_of(digit, random)
    paper = random.uniform(80, 240)
    step = random.uniform(20, 50) * random.choice([-1, 1])
    plane = inked(sheet, paper + step, paper) + noise(random, sheet.shape, 1.5)
    return saved(grey(plane))


def tilted(digit: Digit, random: Random) -> bytes:
    """Turned by up to ten degrees, paper and all."""
    sheet = sheet_of(digit, random, side=(80, 400))
    paper = random.uniform(200, 255)
    picture = grey(inked(sheet, random.uniform(0, 60), paper))
    angle = float(random.uniform(-10, 10))
    return saved(
        picture.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=round(paper))
    )


def on_a_desk(digit: Digit, random: Random) -> bytes:
    """A sheet of paper on a darker desk that shows on all four sides."""
    paper = dark_on_light(digit, random, side=(60, 500))
    desk = round(min(paper.shape) * random.uniform(0.03, 0.2))
    scene = np.pad(paper, desk, constant_values=random.uniform(20, 100))
    return saved(grey(scene + noise(random, scene.shape, 3)), "JPEG")


KINDS = (
    salt_and_pepper,
    noisy,
    framed,
    dirty,
    photo,
    photo_in_colour,
    photo_of_a_small_digit,
    chalkboard,
    textured,
    poor_jpeg,
    blurred,
    ruled,
    faint,
    tilted,
    on_a_desk,
)
