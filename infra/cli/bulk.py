"""`lambake bulk`: predict every object below a prefix, and show the progress."""

from __future__ import annotations

import shlex
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from infra.cli.exits import DONE, FAILED, INTERRUPTED, UNUSABLE
from infra.cli.flags import About, argument, count, endpoint, flag, flags_of, spelt

if TYPE_CHECKING:
    from infra.bulk.addresses import Folder
    from infra.bulk.watch import Pace, Run


@dataclass(frozen=True, kw_only=True)
class Options:
    """The flags of the command."""

    inputs: str = argument("where the objects are: s3://BUCKET/PREFIX")
    results: str = argument("where the results go: s3://BUCKET/PREFIX")
    model: str | None = flag(None, "the model (the name of the inputs' last folder)")
    version: str | None = flag(None, "version of the model, or a label (the latest)")
    state_machine: str | None = flag(
        None, "its ARN or name (the name in infra/function.yaml, with -bulk)"
    )
    name: str | None = flag(None, "name of the run; an earlier run's name shows that run again")
    batch: int = flag(20, "objects in one invocation (%(default)s)", type=count)
    concurrency: int = flag(10, "invocations at once (%(default)s)", type=count)
    pause_s: int = 10
    endpoint_url: str | None = flag(
        None, "address of a simulated cloud, such as http://127.0.0.1:5000", type=endpoint
    )
    region: str | None = flag(None, "AWS region (AWS_REGION, or the profile's)")


ABOUT = About(
    "predict every object below a prefix of a bucket",
    Options, needs="run", failed=UNUSABLE, example="s3://photos/in/digits/ s3://photos/out/",
)  # fmt: skip


def run(options: Options, out: TextIO | None = None, clock: Pace | None = None) -> int:
    """Start a run, or find the one with the same name, and watch it to its end.

    Returns:
        The exit status: FAILED if some objects were not answered. Ctrl-C does not stop the run.
    """
    from infra.bulk.errors import BulkError
    from infra.bulk.execution import refusals_told
    from infra.bulk.watch import Pace, watch

    out = out or sys.stdout
    with refusals_told():
        begun = _begin(options, out)
    try:
        with refusals_told():
            return DONE if watch(begun, out, clock or Pace()) else FAILED
    except KeyboardInterrupt:
        out.write("\n" + _way_back(options, begun))
        return INTERRUPTED
    except BulkError:
        out.write(_way_back(options, begun))
        raise


def _begin(options: Options, out: TextIO) -> Run:
    from infra.bulk.addresses import Folder
    from infra.bulk.execution import clients_of, machine_arn, require_folders, start
    from infra.bulk.watch import Run
    from infra.settings import read

    inputs, results = Folder.of(options.inputs), Folder.of(options.results)
    results.require_outside(inputs)
    task = task_of(options, inputs, results)
    machine = options.state_machine or read().bulk_machine
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
    return Run(clients, execution, inputs, results)


def task_of(options: Options, inputs: Folder, results: Folder) -> dict[str, Any]:
    """Return the execution's input, as infra/aws/bulk.asl.json reads it.

    Raises:
        MissingError: neither an option nor the inputs' folder names the model.
    """
    from infra.bulk.errors import MissingError

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


def _way_back(options: Options, begun: Run) -> str:
    """Return the commands that show the run again and that stop it."""
    again = ["lambake", "bulk", options.inputs, options.results]
    again += ["--name", begun.execution.rpartition(":")[2]]
    for one in flags_of(Options):
        value = getattr(options, one.name)
        if one.name not in ("inputs", "results", "name") and value != one.default:
            again += [spelt(one.name), str(value)]
    stop = ["aws", "stepfunctions", "stop-execution", "--execution-arn", begun.execution]
    if options.endpoint_url:
        stop += ["--endpoint-url", options.endpoint_url]
    return (
        f"the run goes on; to look again: {shlex.join(again)}\n"
        f"                 to stop it:    {shlex.join(stop)}\n"
    )
