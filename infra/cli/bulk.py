"""`lambake bulk`: predict every object below a prefix, and show how far it is."""

from __future__ import annotations

import shlex
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TextIO

from infra.bulk.addresses import Folder
from infra.bulk.errors import BulkError, MissingError
from infra.bulk.execution import (
    Clients,
    Execution,
    clients_of,
    look,
    machine_arn,
    outcome,
    refusals_told,
    require_folders,
    start,
)
from infra.bulk.progress import progress_line
from infra.bulk.result_files import Outcome
from infra.settings import FUNCTION_FILE, read
from infra.settings.errors import InfraError

DEFAULT_FUNCTION: Final = FUNCTION_FILE
POLL_S: Final = 1.0
QUIET_S: Final = 10.0
"""How long a file, or another program, waits for the next line of progress."""

MOST_TYPES: Final = 10
INTERRUPTED: Final = 130


@dataclass(frozen=True)
class BulkOptions:
    """Be what the command line asks for."""

    inputs: str
    results: str
    model: str | None = None
    version: str | None = None
    state_machine: str | None = None
    name: str | None = None
    batch: int = 20
    concurrency: int = 10
    pause_s: int = 10
    endpoint_url: str | None = None
    region: str | None = None


@dataclass(frozen=True)
class Clock:
    """Tell the time, and wait."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def bulk(options: BulkOptions, out: TextIO | None = None, clock: Clock | None = None) -> int:
    """
    Start a run, or find the one of the same name, and watch it to its end.

    Returns:
        The exit status: 0 when every object was answered, 1 when some were not, 2 when the run
        could not be started or watched, 130 by Ctrl-C, which leaves the run to itself.
    """
    out = out or sys.stdout
    try:
        with refusals_told():
            run = _Run.begun(options, out, clock or Clock())
        try:
            with refusals_told():
                return run.watched()
        except KeyboardInterrupt:
            out.write("\n" + run.way_back())
            return INTERRUPTED
        except BulkError:
            out.write(run.way_back())
            raise
    except InfraError as error:
        sys.stderr.write(f"bulk: {error}\n")
        return 2


@dataclass(frozen=True)
class _Run:
    """One execution, and who watches it."""

    options: BulkOptions
    out: TextIO
    clock: Clock
    clients: Clients
    name: str
    execution: str

    @classmethod
    def begun(cls, options: BulkOptions, out: TextIO, clock: Clock) -> _Run:
        inputs, results = Folder.of(options.inputs), Folder.of(options.results)
        results.require_outside(inputs)
        task = task_of(options, inputs, results)
        machine = options.state_machine or read(DEFAULT_FUNCTION).bulk_machine
        clients = clients_of(options.endpoint_url, options.region)
        require_folders(clients.s3, inputs, results)
        arn = machine_arn(clients.states, machine)
        name = options.name or f"bulk-{uuid.uuid4().hex[:12]}"
        execution = start(clients.states, arn, name, task)
        version = f", version {options.version}" if options.version else ""
        out.write(
            f"bulk:     {inputs.uri} -> {results.uri}, by {task['model']}{version}\n"
            f"run:      {execution}\n"
        )
        return cls(options, out, clock, clients, name, execution)

    def watched(self) -> int:
        """Show the progress until the end, then the outcome."""
        began = shown = self.clock.now()
        terminal, before = self.out.isatty(), None
        while True:
            state = look(self.clients.states, self.execution)
            before = state.counts.done if before is None else before
            now = self.clock.now()
            if terminal or state.ended or now - shown >= QUIET_S:
                shown = now
                told = progress_line(state.counts, before=before, elapsed_s=now - began)
                line = f"progress: {told}"
                self.out.write(f"\r\x1b[K{line}" if terminal else f"{line}\n")
                self.out.flush()
            if state.ended:
                self.out.write("\n" if terminal else "")
                return self.ended(state)
            self.clock.sleep(POLL_S)

    def ended(self, state: Execution) -> int:
        """Sum up."""
        results = Folder.of(self.options.results)
        found = outcome(self.clients, self.execution, results)
        if state.status != "SUCCEEDED":
            self.out.write(f"stopped:  {state.status} {state.error}\n")
        if found is None:
            return 1
        manifest, became = found
        self.out.write(summary(became, Folder.of(self.options.inputs).bucket))
        self.out.write(f"results:  {results.uri}, each batch's in the files of {manifest}\n")
        return 0 if state.status == "SUCCEEDED" and not became.failed else 1

    def way_back(self) -> str:
        """Say how to look again, and how to stop what runs on."""
        again = ["lambake", "bulk", self.options.inputs, self.options.results]
        again += ["--name", self.name]
        for flag, default in _FLAGS.items():
            value = getattr(self.options, flag)
            if value != default:
                again += [f"--{flag.replace('_', '-')}", str(value)]
        stop = ["aws", "stepfunctions", "stop-execution", "--execution-arn", self.execution]
        if self.options.endpoint_url:
            stop += ["--endpoint-url", self.options.endpoint_url]
        return (
            f"the run goes on; to look again: {shlex.join(again)}\n"
            f"                 to stop it:    {shlex.join(stop)}\n"
        )


_FLAGS: Final[dict[str, Any]] = {
    "model": None,
    "version": None,
    "state_machine": None,
    "batch": BulkOptions.batch,
    "concurrency": BulkOptions.concurrency,
    "endpoint_url": None,
    "region": None,
}


def task_of(options: BulkOptions, inputs: Folder, results: Folder) -> dict[str, Any]:
    """
    Give the execution's input, as infra/aws/bulk.asl.json reads it.

    Raises:
        MissingError: neither an option nor the folder of the inputs names the model.
    """
    model = options.model or inputs.name
    if not model:
        raise MissingError("expected --model, or a folder named like one: s3://BUCKET/digits")
    return {
        "model": model,
        "version": options.version,
        "input": {"bucket": inputs.bucket, "prefix": inputs.prefix},
        "output": {"bucket": results.bucket, "uri": results.uri, "runs": results.runs},
        "batch": options.batch,
        "concurrency": options.concurrency,
        "pause_s": options.pause_s,
    }


def summary(became: Outcome, bucket: str) -> str:
    """Say what became of the objects: the most frequent errors, each with an example."""
    failed = became.failed.total()
    skipped = f", {became.skipped} skipped" if became.skipped else ""
    lines = [f"done:     {became.answered} answered{skipped}, {failed} failed"]
    for kind, count in became.failed.most_common(MOST_TYPES):
        example = f"s3://{bucket}/{became.examples[kind]}"
        lines.append(f"          {count} x {_harmless(kind)}, e.g. {_harmless(example)}")
    if became.again:
        lines.append(f"          {became.again} of them may succeed if run again")
    return "\n".join(lines) + "\n"


def _harmless(text: str) -> str:
    """Take out what would move a terminal's cursor; a key may hold anything."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
