"""Where the import of a function goes, package by package."""

from __future__ import annotations

import re
import sys
from collections import Counter
from typing import Final

from infra.bench.contenders import BAREST, LAMBAKE, Contender
from infra.bench.page import Chart, Section, number
from infra.bench.places import errors_of_python
from infra.bench.scenarios import Plan

_LINE: Final = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)")
_OWN: Final = {
    "function": "the function itself",
    "model": "the function itself",
    "barest": "the function itself",
}
_SHOWN: Final = 14


def run(plan: Plan) -> Section:
    """Import Lambake and the barest function with `-X importtime`, and add up the times."""
    costs: dict[str, Counter[str]] = {}
    for one in (LAMBAKE, BAREST):
        plan.tell(f"where the import of {one.name} goes")
        costs[one.name] = by_package([_import_times(one) for _ in range(plan.rounds)])
    ours, theirs = costs[LAMBAKE.name], costs[BAREST.name]
    shown = [name for name, _ in ours.most_common(_SHOWN)]
    shown_of = [sum(one[name] for name in shown) for one in (ours, theirs)]
    lines = [(name, ours[name], theirs[name]) for name in shown]
    lines.append(("the rest", ours.total() - shown_of[0], theirs.total() - shown_of[1]))
    lines.append(("all", ours.total(), theirs.total()))
    rows = [[name, number(mine / 1e3), number(its / 1e3)] for name, mine, its in lines]
    text = (
        f"Each module's own time as `python -X importtime` tells it, the least of {plan.rounds} "
        "fresh processes, in ms, added up by package;\nthat of the function's own code holds "
        "the loading of the models. `make profile-cold` measures this alone."
    )
    bars = [(name, mine / 1e3) for name, mine, _ in lines[:-1]]
    header = ("package", "Lambake", "barest")
    return Section(
        "Where a cold start goes",
        text,
        header,
        rows,
        [Chart("start", "Lambake's import, ms", bars)],
    )


def by_package(processes: list[dict[str, int]]) -> Counter[str]:
    """Add up the least time of each module by package, the function's own packages as one.

    Args:
        processes: for each process the microseconds by module.
    """
    least: dict[str, int] = {}
    for times in processes:
        for module, spent in times.items():
            least[module] = min(spent, least.get(module, spent))
    packages: Counter[str] = Counter()
    for module, spent in least.items():
        package = module.partition(".")[0]
        standard = package.lstrip("_") in sys.stdlib_module_names or package.startswith("_")
        packages[_OWN.get(package, "standard library" if standard else package)] += spent
    return packages


def _import_times(contender: Contender) -> dict[str, int]:
    """Import a function in a fresh process; return each module's own microseconds."""
    module = contender.handler.rpartition(".")[0]
    return times_in(errors_of_python(contender, "-X", "importtime", "-c", f"import {module}"))


def times_in(report: str) -> dict[str, int]:
    """Read what `-X importtime` writes: each module's own microseconds."""
    return {module: int(spent) for spent, module in _LINE.findall(report)}
