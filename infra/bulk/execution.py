"""The calls to Step Functions and S3, and the meaning of their refusals."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from infra.bulk.addresses import Folder
from infra.bulk.errors import CloudError, MissingError
from infra.bulk.progress import Counts
from infra.bulk.result_files import Tally, tally_of
from infra.settings import simulated

_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}
_ENDED: Final = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}
_NO_SUCH_BUCKET: Final = {"404", "NoSuchBucket"}
_FORBIDDEN: Final = {"403", "AccessDenied", "AccessDeniedException"}


@dataclass(frozen=True)
class Clients:
    """The clients of the two services that a bulk run needs."""

    states: Any
    s3: Any


@dataclass(frozen=True)
class Execution:
    """The state of a run."""

    status: str
    counts: Counts
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in _ENDED


@contextlib.contextmanager
def refusals_told() -> Iterator[None]:
    """Convert boto3's errors inside the block to MissingError and CloudError."""
    try:
        yield
    except NoCredentialsError as error:
        raise MissingError(
            "expected AWS credentials, got none: `aws configure`, or set AWS_PROFILE"
        ) from error
    except NoRegionError as error:
        raise MissingError("expected a region, got none: --region, or AWS_REGION") from error
    except ClientError as error:
        told = error.response["Error"]
        said = f"{told.get('Code')} {told.get('Message')}"
        raise CloudError(f"{error.operation_name} was refused: {said}") from error
    except BotoCoreError as error:  # no answer, an expired login, ...
        raise CloudError(str(error)) from error


def clients_of(endpoint_url: str | None, region: str | None) -> Clients:
    """Make the clients as the AWS CLI does, which heeds AWS_REGION; boto3 does not.

    A cloud on this machine takes any credentials.
    """
    session = boto3.session.Session(region_name=region or os.environ.get("AWS_REGION"))
    options: dict[str, Any] = {"endpoint_url": endpoint_url}
    if endpoint_url and urlsplit(endpoint_url).hostname in _LOOPBACK:
        options["region_name"] = session.region_name or simulated.REGION
        if session.get_credentials() is None:
            options |= simulated.CREDENTIALS
    return Clients(session.client("stepfunctions", **options), session.client("s3", **options))


def require_folders(s3: Any, inputs: Folder, results: Folder) -> None:
    """Raise MissingError if there is nothing to predict, or no bucket for the results."""
    with _bucket_looked_at(inputs.bucket):
        found = s3.list_objects_v2(Bucket=inputs.bucket, Prefix=inputs.prefix, MaxKeys=1)
    if not found.get("KeyCount"):
        raise MissingError(f"expected objects below {inputs.uri}, got none")
    with _bucket_looked_at(results.bucket):
        s3.head_bucket(Bucket=results.bucket)


@contextlib.contextmanager
def _bucket_looked_at(bucket: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _NO_SUCH_BUCKET:
            raise MissingError(
                f"expected a bucket {bucket}, got none (`aws s3 mb s3://{bucket}` makes one)"
            ) from error
        if code in _FORBIDDEN:
            raise MissingError(
                f"expected the permission s3:ListBucket on {bucket}, got a refusal"
            ) from error
        raise


def machine_arn(states: Any, machine: str) -> str:
    """Return a state machine's ARN, by its name or ARN; MissingError lists the existing ones."""
    if machine.startswith("arn:"):
        return machine
    pages = states.get_paginator("list_state_machines").paginate()
    arns = {one["name"]: str(one["stateMachineArn"]) for p in pages for one in p["stateMachines"]}
    if machine not in arns:
        got = ", ".join(sorted(arns)[:10]) or "none"
        raise MissingError(
            f"expected a state machine {machine} in {states.meta.region_name}, got {got}: make"
            " it of infra/aws/bulk.asl.json, or name another with --state-machine"
        )
    return arns[machine]


def start(states: Any, machine: str, name: str, task: dict[str, Any]) -> str:
    """Start an execution, or find one with the same name and input; return its ARN."""
    told = json.dumps(task, sort_keys=True)
    try:
        reply = states.start_execution(stateMachineArn=machine, name=name, input=told)
        return str(reply["executionArn"])
    except states.exceptions.StateMachineDoesNotExist as error:
        raise MissingError(f"expected a state machine {machine}, got none") from error
    except states.exceptions.ExecutionAlreadyExists as error:
        execution = machine.replace(":stateMachine:", ":execution:") + f":{name}"
        if json.loads(states.describe_execution(executionArn=execution)["input"]) == task:
            return execution
        raise MissingError(
            f"expected a new name, or the task that {name} had before: choose another with --name"
        ) from error


def look(states: Any, execution: str) -> Execution:
    """Return the state of a run."""
    told = states.describe_execution(executionArn=execution)
    cause = " ".join(str(told.get("cause", "")).split())[:300]
    error = f"{told.get('error', '')}: {cause}" if told.get("error") or cause else ""
    return Execution(told["status"], _counts(states, execution), error)


def _counts(states: Any, execution: str) -> Counts:
    total = done = running = lost = 0
    for one in states.list_map_runs(executionArn=execution)["mapRuns"]:
        counts = states.describe_map_run(mapRunArn=one["mapRunArn"])["itemCounts"]
        failed = counts["failed"] + counts["timedOut"] + counts["aborted"]
        total += counts["total"]
        done += counts["succeeded"] + failed
        running += counts["running"]
        lost += failed
    return Counts(total, done, running, lost)


def outcome(clients: Clients, execution: str, results: Folder) -> tuple[str, Tally] | None:
    """Return where the manifest of an ended run is, and its content, if there is one."""
    for one in clients.states.list_map_runs(executionArn=execution)["mapRuns"]:
        identifier = one["mapRunArn"].rpartition(":")[2]
        key = f"{results.runs}/{identifier}/manifest.json"
        with contextlib.suppress(clients.s3.exceptions.NoSuchKey):
            return f"s3://{results.bucket}/{key}", tally_of(clients.s3, results.bucket, key)
    return None
