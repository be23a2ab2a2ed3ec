"""Run the scenarios in turn, and write the page."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from infra.bench.contenders import IMAGE_PYTHON
from infra.bench.page import page
from infra.bench.places import machine
from infra.bench.scenarios import (
    Plan,
    Scenario,
    at_once,
    bucket,
    cost,
    emulators,
    floor,
    many,
    memory,
    side_by_side,
    start,
)

SCENARIOS: Final[dict[str, Scenario]] = {
    "side-by-side": side_by_side.run,
    "start": start.run,
    "floor": floor.run,
    "emulators": emulators.run,
    "many": many.run,
    "bucket": bucket.run,
    "at-once": at_once.run,
    "memory": memory.run,
    "cost": cost.run,
}
_PACKAGES: Final = ("fastapi", "mangum", "numpy", "onnxruntime", "pydantic")


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

    plan = Plan(2, 0, 50, 50, 40_000, told) if quick else Plan(10, 10, 50, 120, 1_000_000, told)
    chosen = [SCENARIOS[only]] if only else SCENARIOS.values()
    sections = [scenario(plan) for scenario in chosen]
    facts = {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "took": f"{time.monotonic() - started:.0f} s{', --quick' if quick else ''}",
        **machine(),
        "functions": _versions_in(IMAGE_PYTHON, _PACKAGES),
        "Keras and template": _versions_in(sys.executable, ("tensorflow-cpu",)),
    }
    return page(facts, sections, folder=folder)


def _versions_in(python: str, packages: Sequence[str]) -> str:
    """Return the version of an interpreter, and those of the packages that it has."""
    code = (
        "import importlib.metadata as m, platform as p, sys;"
        "found = {d.name.lower().replace('_', '-'): d.version for d in m.distributions()};"
        "names = [f'{n} {found[n]}' for n in sys.argv[1:] if n in found];"
        "print(', '.join([f'Python {p.python_version()}', *names]))"
    )
    told = subprocess.run(
        [python, "-c", code, *packages], capture_output=True, text=True, check=True
    )
    return told.stdout.strip()
