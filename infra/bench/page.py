"""docs/benchmark.md and its charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

_BAR_PX: Final = 18
_LABEL_PX: Final = 150
_WIDTH_PX: Final = 420


@dataclass(frozen=True)
class Chart:
    """Horizontal bars that start at zero.

    Attributes:
        name: of the file, without its ending.
        title: what the bars show, with the unit.
        bars: each bar's label and value, 0 or more.
    """

    name: str
    title: str
    bars: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Section:
    """One part of the page: a table, what must be known to read it, and charts."""

    title: str
    text: str
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    charts: Sequence[Chart] = ()


def number(value: float) -> str:
    """Spell a number with three digits, or with all before the point."""
    if value == 0:
        return "0"
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{decimals}f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Spell a table in Markdown, numbers to the right."""
    lines = [f"| {' | '.join(header)} |", f"|---|{'---:|' * (len(header) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def svg(chart: Chart) -> str:
    """Draw a chart, readable on white and on black."""
    most = max((value for _, value in chart.bars), default=0) or 1
    height = 24 + _BAR_PX * len(chart.bars)
    width = _LABEL_PX + _WIDTH_PX + 80
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="#7b8794" role="img">',
        f'<title>{escape(chart.title)}</title><text y="12">{escape(chart.title)}</text>',
    ]
    for place, (label, value) in enumerate(chart.bars):
        top, length = 20 + _BAR_PX * place, max(1, round(_WIDTH_PX * value / most))
        colour = "#2563eb" if label.startswith("Lambake") else "#9aa5b1"
        parts.append(
            f'<text x="{_LABEL_PX - 6}" y="{top + 13}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{_LABEL_PX}" y="{top + 2}" width="{length}" height="14" fill="{colour}"/>'
            f'<text x="{_LABEL_PX + length + 5}" y="{top + 13}">{number(value)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def page(facts: dict[str, str], sections: Sequence[Section], *, folder: Path) -> str:
    """Write the page and its charts into a folder; return the page's text."""
    parts = [
        "# Benchmark",
        "`make bench` writes this page. Everything is measured in one run on one machine; "
        "contenders take turns, in fresh processes.\nTimes depend on the machine, "
        "so look at the ratios first. `make bench QUICK=1` takes a minute.",
        table(["machine", ""], list(map(list, facts.items()))),
    ]
    for section in sections:
        parts += [f"## {section.title}", section.text]
        if section.rows:
            parts.append(table(section.header, section.rows))
        for chart in section.charts:
            name = f"benchmark_{chart.name}.svg"
            (folder / name).write_text(svg(chart), encoding="utf-8")
            parts.append(f"![{chart.title}]({name})")
    text = "\n\n".join(parts) + "\n"
    (folder / "benchmark.md").write_text(text, encoding="utf-8")
    return text
