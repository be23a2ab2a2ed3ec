"""The log's rows: docs/contract.md 6.4."""

from __future__ import annotations

import re
from pathlib import Path

from tests.contract.clients import Facts, masked
from tests.contract.rows import Bench, Rows, reports, until
from tests.contract.target import Spec, done, invoked

ROWS = Rows()

_HANDLERS = Path(__file__).parent / "handlers"
_MB = re.compile(r"Max Memory Used: (\d+) MB")
_KINDS = ("INIT_START", "START", "out", "END", "REPORT")


def _fields(report: str) -> list[str]:
    return [masked(field.split(": ")[0]) for field in report.rstrip("\t").split("\t")]


@ROWS.add(
    "6.4 lines",
    lines=["START RequestId: <id> Version: $LATEST", "out", "END RequestId: <id>"],
    one_id=True,
)
def lines(bench: Bench) -> Facts:
    """START, the function's output, END, with the invocation's id."""
    running = bench.start(Spec())
    done(running, "talk", text="out\n")
    log = until(running, lambda log: len(reports(log)) == 1)
    found = [line for line in log if line.startswith(("START", "out", "END"))]
    ids = {re.sub(r".*RequestId: (\S+).*", r"\1", line) for line in found if line != "out"}
    return {"lines": [masked(line) for line in found], "one_id": len(ids) == 1}


@ROWS.add("6.4 order", kinds=list(_KINDS))
def order(bench: Bench) -> Facts:
    """A cold start opens with INIT_START, before the invocation's own lines."""
    running = bench.start(Spec())
    done(running, "talk", text="out\n")
    log = until(running, lambda log: len(reports(log)) == 1)
    kinds = [line.split(" ")[0] for line in log]
    return {"kinds": [kind for kind in kinds if kind in _KINDS]}


_WARM = ["REPORT RequestId", "Duration", "Billed Duration", "Memory Size", "Max Memory Used"]


@ROWS.add("6.4 warm report", fields=_WARM)
def warm_report(bench: Bench) -> Facts:
    """A warm REPORT has five fields, in this order."""
    return {"fields": _fields(_two_reports(bench)[1])}


@ROWS.add("6.4 cold report", fields=[*_WARM, "Init Duration"])
def cold_report(bench: Bench) -> Facts:
    """A cold REPORT has the init's duration, last."""
    return {"fields": _fields(_two_reports(bench)[0])}


@ROWS.add("6.4 memory", measured=True)
def memory(bench: Bench) -> Facts:
    """The memory that was used is measured: not 0, and not simply the limit."""
    found = _MB.search(_two_reports(bench)[1])
    return {"measured": found is not None and 0 < int(found[1]) < 512}


@ROWS.add(
    "6.4 init report",
    lines=["INIT_REPORT Phase: init Status: error", "INIT_REPORT Phase: invoke Status: error"],
)
def init_report(bench: Bench) -> Facts:
    """An init that failed is reported, and again when the invocation repeats it."""
    running = bench.start(Spec(_HANDLERS, "broken.handler"))
    invoked(running)
    found = [line.split("\t") for line in running.logs() if line.startswith("INIT_REPORT")]
    return {"lines": [" ".join(["INIT_REPORT", *fields[1:3]]) for fields in found]}


def _two_reports(bench: Bench) -> list[str]:
    running = bench.start(Spec())
    for _ in range(2):
        done(running, "who")
    return reports(until(running, lambda log: len(reports(log)) == 2))
