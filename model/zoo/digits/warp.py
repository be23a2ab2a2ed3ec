"""Warp digits, and normalise them as MNIST did: the ink in a box, its mass in the centre.

Both warps are composed before sampling, so a pixel costs one look-up of four neighbours and is
blurred once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.zoo.digits.pens import ENLARGEMENT

SIDE: Final = 28
INK_BOX: Final = 20.0
"""Pixels; MNIST fits every digit into a box with this side."""

MASS_CENTRE: Final = 14.0
"""The row and column in whose middle MNIST puts the mass, counted from 0."""

CONTROL_POINTS: Final = (4, 6)
"""Control points per side of the coarse and the fine elastic field: proportions, wobbly strokes."""

FIRST_LOOK: Final = 1.4
"""How much smaller a digit is drawn to find its ink."""

INK: Final = 0.2
"""The grey from which a pixel counts as ink when the box is measured."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Strength:
    """How far a digit may be changed.

    Attributes:
        rotation_deg: largest rotation either way; uniform.
        shear: most columns a row either way; uniform.
        aspect: largest change of height to width, as a logarithm; uniform.
        elastic_px: largest standard deviation of an elastic field's control points, in pixels.
        pen_px: standard deviation of the pen's width, in pixels.
        box_px: most pixels by which the ink's box is smaller than MNIST's; sometimes a little
            larger.
        shift_px: standard deviation of the centre, in pixels.
        optics_share: the share of digits that look photographed.
        habit_share: the share of 1s and 7s that are written in another habit.
    """

    rotation_deg: float = 15.0
    shear: float = 0.25
    aspect: float = 0.3
    elastic_px: float = 2.1
    pen_px: float = 0.6
    box_px: float = 1.5
    shift_px: float = 0.8
    optics_share: float = 0.25
    habit_share: float = 0.3


@dataclass(frozen=True)
class Warp:
    """Where each pixel of B new digits lies on the old ones.

    Attributes:
        matrices: float32[B, 2, 2], rotation, shear and aspect, from new (row, column) to old.
        fields: for each of CONTROL_POINTS float32[B, 2, C, C], the elastic shift of the control
            points, in pixels of MNIST.
    """

    matrices: Floats
    fields: tuple[Floats, ...]

    def places(self, rows: Floats, columns: Floats) -> tuple[Floats, Floats]:
        """Return the old rows and columns, float32[B, 28, 28] each.

        Args:
            rows: float32[B, 28], in pixels of MNIST from the middle.
            columns: float32[B, 28], the same.
        """
        matrices, down, across = self.matrices, rows[:, :, None], columns[:, None]
        old_rows: Floats = (
            matrices[:, 0, 0, None, None] * down + matrices[:, 0, 1, None, None] * across
        )
        old_columns: Floats = (
            matrices[:, 1, 0, None, None] * down + matrices[:, 1, 1, None, None] * across
        )
        for field in self.fields:
            shift = _elastic(field, rows, columns)
            old_rows, old_columns = old_rows + shift[:, 0], old_columns + shift[:, 1]
        return old_rows, old_columns


def warped(sources: Floats, strength: Strength, random: np.random.Generator) -> Floats:
    """Warp digits and normalise them as MNIST did.

    Args:
        sources: float32[B, S, S] in 0..1.
        strength: how far.
        random: the only source of chance.

    Returns:
        float32[B, 28, 28]: the ink in a box of about 20 pixels, its mass about in the centre.
    """
    count = len(sources)
    warp = _drawn(count, strength, random)
    axis = np.broadcast_to(_axis(), (count, SIDE))
    # A first look, from further away so that nothing leaves the frame, shows where the ink is.
    look = _sampled(sources, *warp.places(axis * FIRST_LOOK, axis * FIRST_LOOK))
    target = INK_BOX + random.uniform(-strength.box_px, strength.box_px * 0.6, count)
    zoom = np.clip(_ink_side(look) * FIRST_LOOK / target, 0.3, 2.0)
    scale = zoom.astype(np.float32)[:, np.newaxis]
    shift = random.normal(0.0, strength.shift_px, (2, count, 1)).astype(np.float32)
    row, column = _mass_centre(look)
    rows = (axis + shift[0]) * scale + row[:, np.newaxis] * FIRST_LOOK
    columns = (axis + shift[1]) * scale + column[:, np.newaxis] * FIRST_LOOK
    return _sampled(sources, *warp.places(rows, columns))


def _drawn(count: int, strength: Strength, random: np.random.Generator) -> Warp:
    """Draw one warp for each of `count` digits."""
    angle = np.deg2rad(random.uniform(-strength.rotation_deg, strength.rotation_deg, count))
    shear = random.uniform(-strength.shear, strength.shear, count)
    aspect = np.exp(random.uniform(-strength.aspect, strength.aspect, count) / 2)
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    slant = np.zeros((count, 2, 2))
    slant[:, 0, 0], slant[:, 1, 1], slant[:, 1, 0] = aspect, 1 / aspect, shear
    # Some digits are bent a little and some a lot: each has its own strength.
    strengths = random.uniform(0.0, strength.elastic_px, (count, 1, 1, 1))
    fields = tuple(
        (strengths * random.normal(size=(count, 2, points, points))).astype(np.float32)
        for points in CONTROL_POINTS
    )
    return Warp((rotation @ slant).astype(np.float32), fields)


def _elastic(field: Floats, rows: Floats, columns: Floats) -> Floats:
    """Return float32[B, 2, 28, 28]: the field at some places, by cubic B-splines."""
    points = field.shape[2]
    weights = _spline_basis(columns, points).swapaxes(1, 2)[:, np.newaxis]
    half = np.matmul(_spline_basis(rows, points)[:, np.newaxis], field)
    shift: Floats = np.matmul(half, weights)
    return shift


def _sampled(sources: Floats, rows: Floats, columns: Floats) -> Floats:
    """Sample the sources by linear interpolation between four neighbours.

    Args:
        sources: float32[B, S, S].
        rows: float32[B, 28, 28], in pixels of MNIST from the middle.
        columns: the same.

    Returns:
        float32[B, 28, 28]
    """
    count, side = len(sources), sources.shape[1]
    y = np.clip(rows * ENLARGEMENT + (side - 1) / 2, 0, side - 1.001)
    x = np.clip(columns * ENLARGEMENT + (side - 1) / 2, 0, side - 1.001)
    y0, x0 = y.astype(np.int32), x.astype(np.int32)
    dy, dx = y - y0, x - x0
    flat = sources.reshape(-1)
    corner = (np.arange(count, dtype=np.int32) * side * side)[:, None, None] + y0 * side + x0
    above = flat[corner] * (1 - dx) + flat[corner + 1] * dx
    below = flat[corner + side] * (1 - dx) + flat[corner + side + 1] * dx
    sampled: Floats = (above * (1 - dy) + below * dy).astype(np.float32)
    return sampled


def _spline_basis(places: Floats, count: int) -> Floats:
    """Return float32[B, 28, count]: the weight of each control point at each place."""
    spacing = SIDE / (count - 1)
    points = np.linspace(-SIDE / 2, SIDE / 2, count, dtype=np.float32)
    distance = np.abs(places[..., np.newaxis] - points) / np.float32(spacing)
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    weights: Floats = np.where(distance < 1, near, far).astype(np.float32)
    return weights


def _ink_side(images: Floats) -> Floats:
    """Return the longer side of the box around each picture's ink, float32[B], in pixels."""
    across, down = images.max(axis=2) > INK, images.max(axis=1) > INK
    height = SIDE - across[:, ::-1].argmax(axis=1) - across.argmax(axis=1)
    width = SIDE - down[:, ::-1].argmax(axis=1) - down.argmax(axis=1)
    longer: Floats = np.maximum(height, width).astype(np.float32)
    return longer


def _mass_centre(images: Floats) -> tuple[Floats, Floats]:
    """Return the row and column of the centre of mass, from MASS_CENTRE, float32[B] each."""
    axis = _axis()
    mass = np.maximum(images.sum(axis=(1, 2)), 1e-6)
    return images.sum(axis=2) @ axis / mass, images.sum(axis=1) @ axis / mass


def _axis() -> Floats:
    """Return float32[28]: the positions of the pixels along one side, from the centre of mass."""
    return np.arange(SIDE, dtype=np.float32) - np.float32(MASS_CENTRE)
