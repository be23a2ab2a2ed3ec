"""The state machine for bulk runs, run for real: moto's interpreter, and the emulator behind it."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.s3.models import s3_backends

from infra.bulk.addresses import Folder
from infra.bulk.execution import Clients, Execution, look, outcome
from infra.bulk.progress import Counts
from infra.bulk.result_files import Tally
from infra.cloud.cloud import Cloud, cloud
from infra.cloud.ready import definition_of
from infra.settings.function import FunctionConfig
from tests.infra.cloud.clouds import REGION, bucket, created, until

ROLE = "arn:aws:iam::123456789012:role/bulk"
ABSENT = f"arn:aws:lambda:{REGION}:123456789012:function:absent"


@pytest.fixture(scope="module")
def box(config: FunctionConfig) -> Iterator[Cloud]:
    """One cloud for the tests of this module."""
    with cloud(config.replace(handler="bulk.handler"), port=0) as made:
        yield made


@dataclass
class Ran:
    """One run that has ended."""

    state: Execution
    counts: dict[str, Any]
    became: Tally
    lines: list[dict[str, Any]]
    function: str

    def results(self) -> dict[str, Any]:
        """Return each object's one result."""
        pairs = [
            (item["Key"], result)
            for line in self.lines
            for item, result in zip(
                json.loads(line["Input"])["Items"],
                json.loads(line["Output"])["results"],
                strict=True,
            )
        ]
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)


class Runner:
    """Fill buckets, and run the state machine over them."""

    def __init__(self, box: Cloud) -> None:
        self.s3, self.states, self.iam = (
            box.client(service, REGION) for service in ("s3", "stepfunctions", "iam")
        )
        self._box = box

    def machine(self, function_arn: str) -> str:
        """Create the state machine of a function."""
        name = f"m-{uuid.uuid4().hex[:8]}"
        made = self.states.create_state_machine(
            name=name, roleArn=ROLE, definition=definition_of(function_arn)
        )
        return str(made["stateMachineArn"])

    def run(self, keys: list[str], *, function_arn: str | None = None, **options: Any) -> Ran:
        """Run it over objects of these keys, to its end."""
        name = created(lambda service: self._box.client(service, REGION))
        arn = function_arn or f"arn:aws:lambda:{REGION}:123456789012:function:{name}"
        if "concurrency_of_function" in options:
            self._box.client("lambda", REGION).put_function_concurrency(
                FunctionName=name,
                ReservedConcurrentExecutions=options.pop("concurrency_of_function"),
            )
        inputs, results = Folder(bucket(self.s3), "in/"), Folder(bucket(self.s3), "out/")
        stored = s3_backends["123456789012"]["aws"]
        for key in keys:
            # Not by HTTP: there are tests with a thousand of them.
            stored.put_object(inputs.bucket, f"in/{key}", b"x")
        self.s3.put_object(Bucket=inputs.bucket, Key="not-in/x", Body=b"x")
        task = {
            "model": "digits",
            "version": None,
            "input": {"bucket": inputs.bucket, "prefix": inputs.prefix},
            "output": {"bucket": results.bucket, "uri": results.uri, "runs": results.runs},
            "batch": 10,
            "concurrency": 3,
            "pause_s": 1,
            **options,
        }
        execution = self.states.start_execution(
            stateMachineArn=self.machine(arn), name="once", input=json.dumps(task)
        )["executionArn"]
        until(lambda: look(self.states, execution).ended)
        return self._ran(execution, results, name)

    def _ran(self, execution: str, results: Folder, function: str) -> Ran:
        [run] = self.states.list_map_runs(executionArn=execution)["mapRuns"]
        described = self.states.describe_map_run(mapRunArn=run["mapRunArn"])
        found = outcome(Clients(self.states, self.s3), execution, results)
        assert found is not None
        keys = [
            entry["Key"]
            for entry in self.s3.list_objects_v2(Bucket=results.bucket)["Contents"]
            if not entry["Key"].endswith("manifest.json")
        ]
        lines = [
            line
            for key in keys
            for line in json.load(self.s3.get_object(Bucket=results.bucket, Key=key)["Body"])
        ]
        return Ran(look(self.states, execution), described["itemCounts"], found[1], lines, function)


@pytest.fixture(scope="module")
def runner(box: Cloud) -> Runner:
    """What runs the state machine."""
    return Runner(box)


def batches_seen(box: Cloud, ran: Ran) -> list[list[str]]:
    """List the batches that the function was invoked with, by its log."""
    said = [line.partition("batch: ")[2] for line in box.functions.logs(ran.function)]
    return [keys.split() for keys in said if keys]


def test_every_good_object_is_answered_and_every_bad_one_named(runner: Runner, box: Cloud) -> None:
    """Of sixty objects two are bad: each has one result, and each was predicted once."""
    keys = [f"{n:02}{'-bad' if n in (7, 33) else ''}" for n in range(60)]
    ran = runner.run(keys)
    assert ran.state.status == "SUCCEEDED"
    assert (ran.became.answered, ran.became.failed) == (58, Counter(InputError=2))
    results = ran.results()
    assert sorted(results) == [f"in/{key}" for key in keys]
    assert {key for key, result in results.items() if "error" in result} == {
        "in/07-bad",
        "in/33-bad",
    }
    batches = batches_seen(box, ran)
    assert [len(batch) for batch in batches] == [10] * 6
    assert sorted(key for batch in batches for key in batch) == sorted(results)
    assert (ran.counts["total"], ran.counts["succeeded"], ran.counts["failed"]) == (60, 60, 0)
    assert (ran.counts["pending"], ran.counts["running"]) == (0, 0)


def test_the_function_is_told_what_it_needs(runner: Runner) -> None:
    """Model, version, bucket and output come with each batch, the objects as S3 lists them."""
    ran = runner.run(["a"], version="2")
    told = json.loads(ran.lines[0]["Input"])
    request = told["BatchInput"]["request"]
    assert (request["model"], request["version"]) == ("digits", "2")
    assert request["output"].endswith("/out/")
    [item] = told["Items"]
    assert set(item) == {"Etag", "Key", "LastModified", "Size", "StorageClass"}
    assert (item["Key"], item["Size"]) == ("in/a", 1)
    assert ran.results()["in/a"]["result"] == f"{request['output']}/in/a.json"


def test_an_object_that_kills_the_function_takes_no_other_with_it(
    runner: Runner, box: Cloud
) -> None:
    """A batch whose invocation fails is taken apart: all but the culprit are answered."""
    ran = runner.run([*(f"{n}" for n in range(9)), "crash", *(f"m{n}" for n in range(10))])
    results = ran.results()
    failed = {key: result for key, result in results.items() if "error" in result}
    assert failed == {"in/crash": {"error": {"type": "Runtime.ExitError", "retry": False}}}
    assert (len(results), ran.became.answered) == (20, 19)
    sizes = Counter(len(batch) for batch in batches_seen(box, ran))
    assert sizes == {10: 2, 1: 10}


def test_a_passing_failure_is_tried_again(runner: Runner) -> None:
    """What fails for now gets an invocation of its own; what fails then too is said to be so."""
    ran = runner.run(["a", "alone", "never", "bad", "skip"])
    results = ran.results()
    assert "result" in results["in/alone"]
    assert results["in/never"]["error"] == {"type": "StorageError", "status": 503, "retry": True}
    assert (ran.became.answered, ran.became.skipped, ran.became.again) == (2, 1, 1)
    assert ran.became.failed == Counter(StorageError=1, InputError=1)
    assert ran.became.examples["StorageError"] == "in/never"


def test_throttling_loses_nothing(runner: Runner) -> None:
    """A function of one environment under four invocations at once: refused ones are repeated."""
    ran = runner.run([f"{n}" for n in range(12)], batch=2, concurrency=4, concurrency_of_function=1)
    assert (ran.became.answered, ran.became.failed) == (12, Counter())


def test_more_objects_than_a_page_of_the_listing(runner: Runner) -> None:
    """The service lists all objects below a prefix, not a thousand of them."""
    ran = runner.run([f"{n:04}" for n in range(1_005)], batch=100)
    assert (ran.became.answered, ran.counts["total"]) == (1_005, 1_005)


def test_nothing_to_do(runner: Runner) -> None:
    """An empty folder is a run of no objects, not a failure."""
    ran = runner.run([])
    assert (ran.state.status, ran.became.answered, ran.became.failed) == ("SUCCEEDED", 0, Counter())


def test_without_the_function_each_object_is_listed(runner: Runner) -> None:
    """A wrong set-up fails the batches at once, and their objects stand in the result files."""
    ran = runner.run([f"{n}" for n in range(12)], function_arn=ABSENT)
    assert ran.became.failed == {"Lambda.ResourceNotFoundException": 12}
    assert (ran.became.answered, ran.became.again) == (0, 12)
    assert {line["Status"] for line in ran.lines} == {"FAILED"}
    assert (ran.counts["failed"], ran.state.counts.lost, ran.state.counts.done) == (12, 12, 12)


def test_a_run_is_stopped(runner: Runner) -> None:
    """StopExecution ends a run that waits."""
    waits = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    machine = runner.states.create_state_machine(
        name="stopped", roleArn=ROLE, definition=json.dumps(waits)
    )["stateMachineArn"]
    execution = runner.states.start_execution(stateMachineArn=machine, name="one")["executionArn"]
    assert look(runner.states, execution) == Execution("RUNNING", Counts())
    runner.states.stop_execution(executionArn=execution)
    until(lambda: look(runner.states, execution).status == "ABORTED")


BROKEN = [
    ("mismatched input", "{", "{{"),
    ('at "ItemBatchr"', '"ItemBatcher"', '"ItemBatchr"'),
    ("ItemBatcher of Predict every object: expected ", '"MaxItemsPerBatchPath"', '"MaxItems"'),
    ("expected one MaxItemsPerBatch or -Path", '"MaxItemsPerBatchPath": "$.batch",', ""),
    ("only listObjectsV2 is emulated", "s3:listObjectsV2", "s3:getObject"),
    ("at 5", '"Resource": "arn:aws:states:::lambda:invoke"', '"Resource": 5'),
    ('at "Choose"', '"Type": "Choice"', '"Type": "Choose"'),
]


@pytest.mark.parametrize(("why", "good", "bad"), BROKEN)
def test_a_broken_definition_is_refused(runner: Runner, why: str, good: str, bad: str) -> None:
    """Whatever is wrong with a definition, it is refused when the state machine is created."""
    definition = definition_of(ABSENT)
    assert good in definition
    with pytest.raises(ClientError) as refused:
        runner.states.create_state_machine(
            name="broken", roleArn=ROLE, definition=definition.replace(good, bad, 1)
        )
    assert why in refused.value.response["Error"]["Message"]
