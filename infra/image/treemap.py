"""Draw what is in an image as an SVG: one rectangle a part, as large as its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _HEAD = 1200, 700, 40
_LETTER = 7.2  # pixels, of 12-pixel sans-serif
_LINE = 16


@dataclass(frozen=True)
class Box:
    """Be one rectangle, in pixels from the upper left corner."""

    name: str
    size: int
    x: float
    y: float
    width: float
    height: float


def svg_of(title: str, sizes: Mapping[str, int]) -> str:
    """Draw sizes in bytes, largest first."""
    found = {name: size for name, size in sizes.items() if size > 0}
    drawn = "".join(
        _drawn(box, hue=number * 47 % 360)
        for number, box in enumerate(boxes(found, 0, _HEAD, _WIDTH, _HEIGHT))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT + _HEAD}"'
        f' font-family="sans-serif" font-size="12">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text x="8" y="27" font-size="20" fill="#111">{escape(title)}</text>\n{drawn}</svg>\n'
    )


def boxes(sizes: Mapping[str, int], x: float, y: float, width: float, height: float) -> list[Box]:
    """
    Lay sizes, largest first, out over a rectangle, row by row along its shorter side, each row
    with as many as keep its boxes as square as can be.

    Source: Bruls, Huizing, van Wijk, "Squarified Treemaps", 2000.
    """
    left = list(sizes.items())
    laid: list[Box] = []
    while left:
        side = min(width, height)
        scale = width * height / sum(size for _, size in left)
        count = 1
        while count < len(left) and _worst(left[: count + 1], side, scale) <= _worst(
            left[:count], side, scale
        ):
            count += 1
        row, left = left[:count], left[count:]
        depth = sum(size for _, size in row) * scale / side
        along = 0.0
        for name, size in row:
            length = size * scale / depth
            if width >= height:
                laid.append(Box(name, size, x, y + along, depth, length))
            else:
                laid.append(Box(name, size, x + along, y, length, depth))
            along += length
        if width >= height:
            x, width = x + depth, width - depth
        else:
            y, height = y + depth, height - depth
    return laid


def _worst(row: list[tuple[str, int]], side: float, scale: float) -> float:
    """Give how far from square the least square box of a row is; 1 is a square."""
    depth = sum(size for _, size in row) * scale / side
    lengths = [size * scale / depth for _, size in row]
    return max(max(depth / length, length / depth) for length in lengths)


def _drawn(box: Box, *, hue: int) -> str:
    label = f"{box.name}: {box.size / 1e6:.2f} MB"
    lines = [box.name, f"{box.size / 1e6:.1f} MB"]
    fits = box.width > _LETTER * max(map(len, lines)) + 8 and box.height > 2 * _LINE + 4
    text = "".join(
        f'<text x="{box.x + 5:.1f}" y="{box.y + _LINE * (number + 1):.1f}" fill="#111">'
        f"{escape(line)}</text>"
        for number, line in enumerate(lines if fits else [])
    )
    return (
        f'<g><title>{escape(label)}</title><rect x="{box.x:.1f}" y="{box.y:.1f}"'
        f' width="{box.width:.1f}" height="{box.height:.1f}" fill="hsl({hue} 60% 82%)"'
        f' stroke="#fff"/>{text}</g>\n'
    )
