"""The weight of an image, by layer and by content, as a table with bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infra.image.contents import Layer

_BAR = 32
_NAME = 34
_SHOWN = 16


def layer_table(layers: Sequence[Layer]) -> str:
    """Draw the layers on top of the base, largest first, and the base in one line."""
    base = sum(layer.size_bytes for layer in layers if layer.base)
    ours = {layer.name: layer.size_bytes for layer in layers if not layer.base}
    added = sum(ours.values())
    return "\n".join(
        [
            *_rows("layer", dict(sorted(ours.items(), key=lambda item: -item[1]))),
            _row("on top of the base", added, ""),
            _row("the base", base, ""),
            _row("the image", base + added, ""),
        ]
    )


def part_table(head: str, parts: Mapping[str, int]) -> str:
    """Draw the largest parts, and the rest in one line.

    Args:
        head: what the parts are.
        parts: bytes by name, largest first.
    """
    shown = dict(list(parts.items())[:_SHOWN])
    rest = sum(parts.values()) - sum(shown.values())
    lines = _rows(head, shown)
    if rest:
        lines.append(_row(f"{len(parts) - len(shown)} others", rest, ""))
    return "\n".join(lines)


def _rows(head: str, sizes: Mapping[str, int]) -> list[str]:
    largest = max(sizes.values(), default=1) or 1
    lines = [f"{head:<{_NAME}}{'MB':>8}"]
    return lines + [
        _row(name, size, "█" * max(1, round(_BAR * size / largest))) for name, size in sizes.items()
    ]


def _row(name: str, size_bytes: int, bar: str) -> str:
    return f"{name:<{_NAME}}{size_bytes / 1e6:>8.1f}  {bar}".rstrip()
