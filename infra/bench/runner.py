"""Run the scenarios in turn, and write the page."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from infra.bench.page import page
from infra.bench.places import machine
from infra.bench.scenarios import (
    Plan,
    Scenario,
    at_once,
    cost,
    emulators,
    many,
    side_by_side,
    start,
)

SCENARIOS: Final[dict[str, Scenario]] = {
    "side-by-side": side_by_side.run,
    "start": start.run,
    "emulators": emulators.run,
    "many": many.run,
    "at-once": at_once.run,
    "cost": cost.run,
}
_VERSIONS: Final = ("fastapi", "mangum", "numpy", "onnxruntime", "pydantic", "tensorflow-cpu")


def bench(folder: Path, tell: Callable[[str], None], *, quick: bool, only: str = "") -> str:
    """Measure everything that this machine can; return the page, which is written to a folder.

    Args:
        folder: of the page and its charts.
        tell: shows one line of progress.
        quick: two rounds, and nothing with TensorFlow.
        only: the one of SCENARIOS to run; empty for all.
    """
    started = time.monotonic()

    def told(line: str) -> None:
        tell(f"{time.monotonic() - started:5.0f} s  {line}")

    plan = Plan(2, 0, 50, 50, told) if quick else Plan(10, 10, 50, 250, told)
    chosen = [SCENARIOS[only]] if only else SCENARIOS.values()
    sections = [scenario(plan) for scenario in chosen]
    facts = {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "took": f"{time.monotonic() - started:.0f} s{', --quick' if quick else ''}",
        **machine(),
        "packages": ", ".join(f"{name} {_version_of(name)}" for name in _VERSIONS),
    }
    return page(facts, sections, folder=folder)


def _version_of(name: str) -> str:
    try:
        return version(name)
    except ModuleNotFoundError:
        return "absent"
