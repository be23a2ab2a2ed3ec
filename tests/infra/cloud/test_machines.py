"""The bulk machine's definition, against AWS's own linter; and moto's interpreter of it."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor.distributed_item_processor_worker import (  # noqa: E501
    DistributedItemProcessorWorker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.job import JobPool

from infra.bulk.execution import look
from infra.cloud.cloud import run_cloud
from infra.cloud.machines import machines_run
from infra.cloud.ready import definition_of
from infra.settings import Settings
from tests.infra.cloud.clouds import client_of, moto_server

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:lambake"
ROLE = "arn:aws:iam::123456789012:role/bulk"


@pytest.fixture
def definition() -> dict[str, Any]:
    """The definition, loaded."""
    loaded: dict[str, Any] = json.loads(definition_of(FUNCTION))
    return loaded


def found_by_the_linter(definition: dict[str, Any]) -> list[str]:
    """List what AWS's linter of CloudFormation finds."""
    from cfnlint import api  # type: ignore[import-untyped]
    from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

    properties = {"RoleArn": ROLE, "DefinitionString": json.dumps(definition)}
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    template = json.dumps({"Resources": {"Bulk": machine}})
    return [found.message for found in api.lint(template, config=ManualArgs(regions=["us-east-1"]))]


def test_the_linter_finds_nothing(definition: dict[str, Any]) -> None:
    """Every state has the fields that the service knows for its type."""
    assert found_by_the_linter(definition) == []


def test_the_linter_can_find_something(definition: dict[str, Any]) -> None:
    """A field that the service does not know is found, deep inside too."""
    inner = definition["States"]["Predict every object"]["ItemProcessor"]["States"]
    inner["Pause"]["SecondPath"] = inner["Pause"].pop("SecondsPath")
    [message] = found_by_the_linter(definition)
    assert "'SecondPath' was unexpected" in message


def machines_of(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a state machine, and those of its maps."""
    yield machine
    for state in machine["States"].values():
        if "ItemProcessor" in state:
            yield from machines_of(state["ItemProcessor"])


def followers(state: dict[str, Any]) -> set[str]:
    """Name the states that may come next."""
    choices = [*state.get("Choices", []), *state.get("Catch", [])]
    names = [state.get("Next"), state.get("Default"), *(one["Next"] for one in choices)]
    return {name for name in names if name is not None}


def dead_ends(definition: dict[str, Any]) -> list[str]:
    """List states that lead nowhere, or to which nothing leads."""
    breaches = []
    for machine in machines_of(definition):
        states, reached, waiting = machine["States"], set(), {machine["StartAt"]}
        while waiting:
            reached |= waiting
            known = [states[name] for name in waiting if name in states]
            waiting = set().union(*map(followers, known)) - reached
        breaches += [f"{name}: no such state" for name in sorted(reached - set(states))]
        breaches += [f"{name}: never reached" for name in sorted(set(states) - reached)]
        for name, state in states.items():
            if not followers(state) and not state.get("End") and state["Type"] != "Fail":
                breaches.append(f"{name}: neither End nor Next")
    return breaches


def test_every_state_is_reached_and_leads_on(definition: dict[str, Any]) -> None:
    """No transition leads nowhere, and no state is forgotten."""
    assert dead_ends(definition) == []


def test_a_dead_end_can_be_found(definition: dict[str, Any]) -> None:
    """A misspelt target, the state it leaves behind, and a state without an end are named."""
    inner = definition["States"]["Predict every object"]["ItemProcessor"]["States"]
    inner["Any passing failure?"]["Choices"][0]["Next"] = "Paws"
    inner["Predict the batch"]["Catch"][1]["Next"] = "Done"
    del inner["Done"]["End"]
    assert dead_ends(definition) == [
        "Paws: no such state",
        "One by one: never reached",
        "Pause: never reached",
        "Done: neither End nor Next",
    ]


def test_both_tasks_are_repeated_alike(definition: dict[str, Any]) -> None:
    """One object is invoked for with the same patience as a batch, and by the same function."""
    inner = definition["States"]["Predict every object"]["ItemProcessor"]["States"]
    batch = inner["Predict the batch"]
    one = inner["One by one"]["ItemProcessor"]["States"]["Predict one"]
    assert batch["Retry"] == one["Retry"]
    names = {batch["Parameters"]["FunctionName"], one["Parameters"]["FunctionName"]}
    assert names == {FUNCTION}
    assert "${" not in json.dumps(definition)


def test_executions_end_with_their_cloud() -> None:
    """Who leaves the cloud while state machines run leaves no thread of theirs behind."""
    before = set(threading.enumerate())
    waits = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    with moto_server() as url:
        states = client_of("stepfunctions", url)
        with machines_run(lambda service, _: client_of(service, url)):
            machine = states.create_state_machine(
                name="left", roleArn=ROLE, definition=json.dumps(waits)
            )["stateMachineArn"]
            execution = states.start_execution(stateMachineArn=machine, name="one")["executionArn"]
            assert look(states, execution).status == "RUNNING"
    assert not [thread for thread in set(threading.enumerate()) - before if thread.is_alive()]


class Counting(DistributedItemProcessorWorker):  # type: ignore[misc]
    """A worker of moto's with nothing to do."""

    def _eval_job(self, env: Any, job: Any) -> None:
        job.job_output = job.job_index


def test_one_worker_takes_any_number_of_batches() -> None:
    """moto's own worker goes on by recursion, and would leave its map waiting for ever."""
    frame = SimpleNamespace(open_inner_frame=lambda: None, delete_frame=lambda _: None)

    def worker(pool: JobPool) -> Any:
        return Counting(
            work_name="",
            job_pool=pool,
            env=frame,
            item_reader=None,
            parameters=None,
            item_selector=None,
            map_run_record=None,
        )

    with pytest.raises(RecursionError):
        worker(JobPool(None, list(range(2_000)))).eval()
    with machines_run(client_of):
        pool = JobPool(None, list(range(2_000)))
        worker(pool).eval()
    assert [closed.job_output for closed in pool.get_closed_jobs()] == list(range(2_000))


class Looking(threading.Event):
    """The end of a cloud, at which somebody looks at what is in it, at the address told."""

    def __init__(self, out: io.StringIO) -> None:
        super().__init__()
        self.functions: list[str] = []
        self._out = out

    def wait(self, timeout: float | None = None) -> bool:
        """Look, and let it end."""
        url = self._out.getvalue().split()[1]
        with contextlib.closing(client_of("lambda", url)) as client:
            self.functions = [one["FunctionName"] for one in client.list_functions()["Functions"]]
        return True


@pytest.mark.parametrize("empty", [True, False])
def test_a_cloud_to_try_or_an_empty_one(config: Settings, empty: bool) -> None:
    """The command says where its cloud is, and what to try in it; with --empty there is nothing."""
    out = io.StringIO()
    stop = Looking(out)
    assert run_cloud(config, stop=stop, port=0, empty=empty, out=out) == 0
    assert f"none runs: {config.handler} from " in out.getvalue()
    tried = "try:    .venv/bin/lambake bulk s3://" in out.getvalue()
    assert tried is not empty
    assert stop.functions == ([] if empty else [config.name])
