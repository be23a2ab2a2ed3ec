"""Watch a run to its end: its progress, then its outcome."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TextIO

from infra.bulk.addresses import Folder
from infra.bulk.execution import Clients, Execution, look, outcome
from infra.bulk.progress import progress_line
from infra.bulk.result_files import Tally

POLL_S: Final = 1.0
QUIET_S: Final = 10.0
"""Between two lines of progress for a file or another program."""

MOST_TYPES: Final = 10


@dataclass(frozen=True)
class Pace:
    """The time, and a way to wait."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Run:
    """One execution of the state machine."""

    clients: Clients
    execution: str
    inputs: Folder
    results: Folder


def watch(run: Run, out: TextIO, clock: Pace) -> bool:
    """Show the progress, then the outcome; return whether every object was answered."""
    began = shown = clock.now()
    terminal, before = out.isatty(), None
    while True:
        state = look(run.clients.states, run.execution)
        before = state.counts.done if before is None else before
        now = clock.now()
        if terminal or state.ended or now - shown >= QUIET_S:
            shown = now
            told = progress_line(state.counts, before=before, elapsed_s=now - began)
            out.write(f"\r\x1b[Kprogress: {told}" if terminal else f"progress: {told}\n")
            out.flush()
        if state.ended:
            out.write("\n" if terminal else "")
            return _sum_up(run, state, out)
        clock.sleep(POLL_S)


def _sum_up(run: Run, state: Execution, out: TextIO) -> bool:
    found = outcome(run.clients, run.execution, run.results)
    if state.status != "SUCCEEDED":
        out.write(f"stopped:  {state.status} {state.error}\n")
    if found is None:
        return False
    manifest, became = found
    out.write(summary(became, run.inputs.bucket))
    out.write(f"results:  {run.results.uri}, each batch's in the files of {manifest}\n")
    return state.status == "SUCCEEDED" and not became.failed


def summary(became: Tally, bucket: str) -> str:
    """Return the outcome: the most frequent errors, each with an example."""
    failed = became.failed.total()
    skipped = f", {became.skipped} skipped" if became.skipped else ""
    lines = [f"done:     {became.answered} answered{skipped}, {failed} failed"]
    for kind, count in became.failed.most_common(MOST_TYPES):
        example = f"s3://{bucket}/{became.examples[kind]}"
        lines.append(f"          {count} x {_printable(kind)}, e.g. {_printable(example)}")
    if became.again:
        lines.append(f"          {became.again} of them may succeed if run again")
    return "\n".join(lines) + "\n"


def _printable(text: str) -> str:
    """Remove characters that would move a terminal's cursor; a key may contain any."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
