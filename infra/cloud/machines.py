"""State machines in the cloud: moto's interpreter, with what its distributed map lacks.

moto really runs the Amazon States Language (with LocalStack's interpreter), including
`lambda:invoke`. Added here, as in the service:

    ItemBatcher     unknown to moto's grammar: the definition is refused
    listObjectsV2   moto reads the first thousand objects, and fails if there are none
    many batches    moto's worker goes from one to the next by recursion, and hangs at about 900
    map run counts  moto counts batches as items, and knows the total only when all have begun
    ResultWriter    moto writes a manifest that names no files, and looks for its parameters in the
                    map's output instead of the state's input
    JSONPath        a filter that matches nothing is an empty list; moto reports a missing path

Still missing: ToleratedFailurePercentage (moto's map continues, however much fails), redrive, size
limits, the role's permissions, and JSONata.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from moto.core.config import default_user_config
from moto.stepfunctions.parser import models
from moto.stepfunctions.parser.asl.component.state.exec.state_map import state_map
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import (
    resource_eval_s3 as reader,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
    distributed_iteration_component as distributed,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor import (
    distributed_item_processor_worker as worker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer import (
    result_writer_decl as result_writer,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.resource_eval import (  # noqa: E501
    resource_eval_s3 as writer,
)
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client, json_path
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.utils import TMP_THREADS

from infra.cloud.batches import batches_of, with_batchers_read
from infra.cloud.map_runs import CountedRun, result_files
from infra.cloud.mappings import Client
from infra.cloud.replaced import replaced

_WAIT_S = 10.0


@contextlib.contextmanager
def machines_run(client: Client) -> Iterator[None]:
    """Run moto's state machines while the block runs; those still running are then stopped.

    `client` must not retry calls itself: the definition says what is retried.
    """
    settings = {"stepfunctions": {"execute_state_machine": True}}
    with (
        patch.dict(default_user_config, settings),
        replaced(
            (boto_client, "boto3", SimpleNamespace(client=_shared(client))),
            (ExecutionWorker, "start", _start),
            (AmazonStateLanguageParser, "parse", staticmethod(_parse)),
            (reader.ResourceEvalS3, "_handle_list_objects_v2", staticmethod(_list)),
            (state_map, "MapRunRecord", CountedRun),
            (distributed.DistributedIterationComponent, "_map_run", _map_run),
            (worker.DistributedItemProcessorWorker, "_eval_pool", _eval_pool),
            (worker.DistributedItemProcessorWorker, "_eval_job", _eval_job),
            (result_writer.ResultWriter, "_eval_body", _evaluate_writer),
            (writer.ResourceEvalS3, "_handle_put_object", staticmethod(_write)),
            (json_path, "_contains_slice_or_wildcard_array", _may_be_empty),
        ),
    ):
        try:
            yield
        finally:
            _stop_executions()


def _shared(client: Client) -> Callable[..., Any]:
    """Share one client per service and region: making them is slow, and not thread-safe."""
    made: dict[tuple[str, str], Any] = {}
    lock = threading.Lock()

    def shared(*, service_name: str, region_name: str, **_: Any) -> Any:
        with lock:
            key = service_name, region_name
            if key not in made:
                made[key] = client(*key)
            return made[key]

    return shared


def _stop_executions() -> None:
    accounts = list(models.stepfunctions_parser_backends.values())
    backends = [backend for regions in accounts for backend in list(regions.values())]
    for machine in [machine for backend in backends for machine in backend.state_machines]:
        for execution in machine.executions:
            if execution.status == "RUNNING" and execution.exec_worker.env is not None:
                machine.stop_execution(execution.execution_arn)
    end_s = time.monotonic() + _WAIT_S
    for thread in TMP_THREADS:
        thread.join(max(0.0, end_s - time.monotonic()))
    TMP_THREADS.clear()


_original_start = ExecutionWorker.start
_original_parse = AmazonStateLanguageParser.parse
_original_map_run = distributed.DistributedIterationComponent._map_run
_original_eval_job = worker.DistributedItemProcessorWorker._eval_job
_original_empty = json_path._contains_slice_or_wildcard_array


def _start(self: Any) -> None:
    """Start, and wait until moto knows the execution: before that nobody can see or stop it."""
    _original_start(self)
    end_s = time.monotonic() + _WAIT_S
    while self.env is None and time.monotonic() < end_s:
        time.sleep(0.005)


def _parse(definition: str) -> Any:
    return _original_parse(with_batchers_read(definition))


def _may_be_empty(path: str) -> bool:
    return "[?(" in path or bool(_original_empty(path))


def _list(env: Any, runtime: Any, credentials: Any) -> None:
    """Read every object's entry, and return them in the definition's batches."""
    parameters = env.stack.pop()
    batcher = parameters.pop("ItemBatcher", None)
    s3 = reader.ResourceEvalS3._get_s3_client(runtime, credentials)
    pages = s3.get_paginator("list_objects_v2").paginate(**parameters)
    items = [_item_of(entry) for page in pages for entry in page.get("Contents", [])]
    env.stack.append(batches_of(items, batcher) if batcher else items)


def _item_of(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry in the service's form. Source: Step Functions guide, ItemReader."""
    return {
        "Etag": entry["ETag"],
        "Key": entry["Key"],
        "LastModified": int(entry["LastModified"].timestamp()),
        "Size": entry["Size"],
        "StorageClass": entry["StorageClass"],
    }


def _map_run(self: Any, env: Any, eval_input: Any) -> None:
    children = env.stack[-1]
    eval_input.map_run_record.begin(children)
    if children:  # moto would wait for ever for the last of none; the output is empty too
        _original_map_run(self, env, eval_input)


def _eval_pool(self: Any, job: Any, worker_frame: Any) -> None:
    while job is not None:
        frame = worker_frame.open_inner_frame()
        self._eval_job(env=frame, job=job)
        worker_frame.delete_frame(frame)
        following = None if self.stopped() else self._job_pool.next_job()
        if following is None:
            self._env.delete_frame(worker_frame)  # before the map learns that the last is done
        self._job_pool.close_job(job)
        job = following


def _eval_job(self: Any, env: Any, job: Any) -> None:
    run = self._map_run_record
    self._map_run_record = run.counting(job.job_index)
    try:
        _original_eval_job(self, env, job)
    finally:
        self._map_run_record = run
        run.end(job.job_index, env.program_state())


def _evaluate_writer(self: Any, env: Any) -> None:
    env.stack.append(env.states.get_input())
    self.parargs.eval(env=env)
    env.stack.pop(-2)  # the input
    self.resource_eval.eval_resource(env=env)


def _write(env: Any, runtime: Any, credentials: Any) -> None:
    """Write every child's answer, and the manifest that names these files."""
    parameters, outputs = env.stack.pop(), env.stack.pop()
    run = env.map_run_record_pool_manager.get_all().pop()
    s3 = writer.ResourceEvalS3._get_s3_client(runtime, credentials)
    bucket, prefix = parameters["Bucket"], parameters["Prefix"]
    folder = f"{prefix.removesuffix('/')}/" if prefix else ""
    folder += run.map_run_arn.rsplit(":", 1)[-1]
    named: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    for status, lines in result_files(run, outputs).items():
        body = json.dumps(lines).encode()
        key = f"{folder}/{status}_0.json"
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        named[status].append({"Key": key, "Size": len(body)})
    manifest = {
        "DestinationBucket": bucket,
        "MapRunArn": run.map_run_arn,
        "ResultFiles": named,
    }
    key = f"{folder}/manifest.json"
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(manifest).encode())
    details = {"Bucket": bucket, "Key": key}
    env.stack.append({"MapRunArn": run.map_run_arn, "ResultWriterDetails": details})
