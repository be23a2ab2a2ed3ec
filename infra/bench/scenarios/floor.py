"""How many instructions a cold start takes, and how many of them no function with FastAPI saves.

Instructions are the same however busy the machine is. valgrind counts them, some fifty times slower
than they run.
"""

from __future__ import annotations

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from infra.bench.contenders import BAREST, LAMBAKE, Contender
from infra.bench.page import Section, number
from infra.bench.places import BenchError, errors_of_python
from infra.bench.scenarios import Plan

TITLE: Final = "Instructions of a cold start"
STEPS: Final = (
    ("Python and awslambdaric", ("awslambdaric.bootstrap",) * 2),
    ("NumPy", ("numpy",) * 2),
    ("ONNX Runtime", ("onnxruntime",) * 2),
    ("Pillow", ("PIL.PngImagePlugin",) * 2),
    ("Mangum, pydantic, FastAPI", ("mangum, function.http.lean_fastapi", "mangum, fastapi")),
    ("the function itself", ("function.entry", "barest")),
)
"""What each step imports: for Lambake, and for the barest function."""

_OF_ENTRY: Final = {"OPENBLAS_NUM_THREADS": "1", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
_COUNT: Final = re.compile(r"Collected : (\d+)")


def run(plan: Plan) -> Section:
    """Count the instructions from Python's start to the end of each step."""
    if not plan.slow_rounds:
        return Section(TITLE, "Left out: it takes minutes.")
    if not shutil.which("valgrind"):
        return Section(TITLE, "Left out: there is no valgrind.")
    plan.tell("instructions of a cold start, two minutes")
    for one in (LAMBAKE, BAREST):  # what the first run compiles must not count
        _imported(one, len(STEPS) - 1, [])
    cases = [(one, step) for one in (LAMBAKE, BAREST) for step in range(len(STEPS))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = list(pool.map(lambda case: _millions(*case), cases))
    ours, theirs = counts[: len(STEPS)], counts[len(STEPS) :]
    rows = [
        [
            name,
            *(number(count[step] - (count[step - 1] if step else 0)) for count in (ours, theirs)),
        ]
        for step, (name, _) in enumerate(STEPS)
    ]
    rows.append(["all", number(ours[-1]), number(theirs[-1])])
    return Section(TITLE, _text(ours, theirs), ("millions", "Lambake", "barest"), rows)


def _text(ours: list[float], theirs: list[float]) -> str:
    floor = ours[-2]
    return (
        "From Python's start until the function is imported and its models are loaded; each step's "
        "own. Lambake defers what FastAPI's import builds for OpenAPI.\n"
        f"Lambake takes {ours[-1] / theirs[-1]:.2f} of the barest's instructions. A function that "
        f"imports these libraries and does nothing takes {floor / theirs[-1]:.2f} of them: that is "
        "the floor of what has\nFastAPI and ONNX Runtime in it, and what Lambake adds, models, "
        f"settings, validation and metrics, is {(ours[-1] - floor) / theirs[-1]:.2f}."
    )


def _millions(contender: Contender, step: int) -> float:
    """Return the instructions, in millions, of a fresh process that imports all up to a step."""
    report = _imported(
        contender, step, ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    )
    found = _COUNT.search(report)
    if not found:
        raise BenchError(f"expected valgrind to count instructions, got {report[-200:]!r}")
    return int(found[1]) / 1e6


def _imported(contender: Contender, step: int, under: list[str]) -> str:
    """Import all up to a step in a fresh process; return what is written to its errors."""
    side = 0 if contender is LAMBAKE else 1
    code = "\n".join(f"import {modules[side]}" for _, modules in STEPS[: step + 1])
    if side == 0:  # as function.entry does before its imports
        code = f"import gc, os; gc.disable(); os.environ.update({_OF_ENTRY})\n{code}"
    return errors_of_python(contender, "-c", code, under=under, variables={"PYTHONHASHSEED": "0"})
