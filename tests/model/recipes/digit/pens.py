"""Draw a digit with a pen, put it on paper, light it, save it.

The tools of the picture generator (pictures.py), in NumPy and Pillow only, and nothing of the
recipe that has to read the pictures. Planes are float32[height, width]: ink 0..1, or levels 0..255.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float32]
Digit = NDArray[np.uint8]
Random = np.random.Generator


def drawn(digit: Digit, height: int, *, pen: float = 0.0) -> Floats:
    """Draw the digit's ink `height` pixels high, cropped to its box.

    Args:
        digit: uint8[28, 28].
        height: pixels of the longer side.
        pen: -1 a fine liner, 0 as written, 1 a thick marker.

    Returns:
        float32[h, w], 1 where there is ink.
    """
    rows, columns = np.flatnonzero(digit.any(1)), np.flatnonzero(digit.any(0))
    tight = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # Legible pens only: a heavy hand closes its loops, a light one breaks its strokes.
    cover = float((tight > 127).mean())
    pen = min(pen, 0.0) if cover > 0.42 else max(pen, 0.0) if cover < 0.24 else pen
    padded = np.pad(tight, 2)
    zoom = height / max(tight.shape)
    size = (max(1, round(padded.shape[1] * zoom)), max(1, round(padded.shape[0] * zoom)))
    large = Image.fromarray(padded).resize(size, Image.Resampling.BICUBIC)
    if zoom > 2:
        large = large.filter(ImageFilter.GaussianBlur(zoom * 0.35))
    if zoom > 1.2 or pen:
        cut = 0.5 - 0.22 * pen
        soft = max(0.08, 0.5 / zoom)
        ink = np.clip((np.asarray(large, np.float32) / 255 - cut) / soft + 0.5, 0, 1)
    else:
        ink = np.asarray(large, np.float32) / 255
    rows, columns = np.flatnonzero((ink > 0.3).any(1)), np.flatnonzero((ink > 0.3).any(0))
    if not len(rows):
        return drawn(digit, height)
    cropped: Floats = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return cropped


def placed(ink: Floats, width: int, height: int, *, at: tuple[float, float]) -> Floats:
    """Put ink on an empty sheet; at = (0, 0) is the upper left corner, (1, 1) the lower right."""
    width, height = max(width, ink.shape[1]), max(height, ink.shape[0])
    left = round(at[0] * (width - ink.shape[1]))
    top = round(at[1] * (height - ink.shape[0]))
    sheet = np.zeros((height, width), np.float32)
    sheet[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return sheet


def sheet_of(
    digit: Digit, random: Random, *, side: tuple[int, int] = (40, 400), pen: float | None = None
) -> Floats:
    """Draw the digit somewhere near the middle of a sheet of any size in `side`."""
    edge = int(np.exp(random.uniform(np.log(side[0]), np.log(side[1]))))
    share = random.uniform(0.45, 0.85)
    pen = float(random.uniform(-0.6, 0.9)) if pen is None else pen
    ink = drawn(digit, max(8, round(edge * share)), pen=pen)
    width, height = (round(edge * random.uniform(1.0, 1.4)), edge)
    if random.random() < 0.5:
        width, height = height, width
    return placed(ink, width, height, at=(random.uniform(0.2, 0.8), random.uniform(0.2, 0.8)))


def inked(sheet: Floats, ink: Floats | float, paper: Floats | float) -> Floats:
    """Mix grey levels 0..255 (or colours, [3]) by the ink on the sheet."""
    cover = sheet[..., None] if 1 in (np.ndim(ink), np.ndim(paper)) else sheet
    mixed: Floats = (cover * ink + (1 - cover) * paper).astype(np.float32)
    return mixed


def grey(plane: Floats) -> Image.Image:
    """Round to a picture of mode L or RGB."""
    return Image.fromarray(np.clip(np.rint(plane), 0, 255).astype(np.uint8))


def saved(picture: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    """Write the picture into bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def dark_on_light(digit: Digit, random: Random, **options: Any) -> Floats:
    """Draw dark ink on light paper, grey levels at random."""
    sheet = sheet_of(digit, random, **options)
    return inked(sheet, random.uniform(0, 80), random.uniform(180, 255))


def noise(random: Random, shape: tuple[int, ...], sigma: float) -> Floats:
    """Return a camera's noise."""
    return (random.standard_normal(shape, np.float32) * np.float32(sigma)).astype(np.float32)


def light(random: Random, height: int, width: int, depth: float) -> Floats:
    """Light a sheet unevenly: a slope in any direction, darker corners and one soft shadow.

    Returns:
        float32[height, width], at most 1, down to about 1 - depth.
    """
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    angle = random.uniform(0, 2 * np.pi)
    slope = (np.cos(angle) * x + np.sin(angle) * y + 1.4) / 2.8
    falloff = 1 - random.uniform(0, 0.6) * depth * (x**2 + y**2) / 2
    lit = (1 - depth * random.uniform(0.2, 1) * slope) * falloff
    if random.random() < 0.6:
        angle, offset = random.uniform(0, 2 * np.pi), random.uniform(-0.6, 0.6)
        edge = (np.cos(angle) * x + np.sin(angle) * y - offset) / random.uniform(0.02, 0.4)
        lit = lit * (1 - random.uniform(0.2, 0.8) * depth / (1 + np.exp(-np.clip(edge, -30, 30))))
    return np.asarray(lit, np.float32)


def photographed(
    random: Random, scene: Floats, *, depth: float, sigma: float, blur: float = 0.012
) -> Image.Image:
    """Light, blur (up to a share of the shorter side) and expose a scene of levels or colours."""
    height, width = scene.shape[:2]
    lit = light(random, height, width, depth)
    scene = scene * (lit if scene.ndim == 2 else lit[..., None])
    blur = random.uniform(0, blur) * min(height, width)
    soft = np.asarray(grey(scene).filter(ImageFilter.GaussianBlur(blur)), np.float32)
    return grey(soft + noise(random, soft.shape, sigma))


def colours_apart(random: Random, distance: float) -> tuple[Floats, Floats]:
    """Draw two colours, 0..255 each channel, at least `distance` apart."""
    while True:
        first, second = random.uniform(0, 255, (2, 3)).astype(np.float32)
        if np.linalg.norm(first - second) >= distance:
            return first, second
