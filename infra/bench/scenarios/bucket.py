"""A large table through the bucket's door, beside NumPy and ONNX Runtime alone."""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import time
from collections.abc import Iterator
from typing import Any, Final

from infra.bench.contenders import IMAGE_PYTHON, LAMBAKE, ROOT
from infra.bench.page import Section, number
from infra.bench.places import BenchError, Running, serve
from infra.bench.samples import Client, cpu_ms, peak_mb
from infra.bench.scenarios import Plan
from infra.settings.simulated import CREDENTIALS, REGION

_BUCKET: Final = "bench"
_ROWS: Final = b"5.1,3.5,1.4,0.2\n6.7,3.1,4.7,1.5\n6.3,3.3,6.0,2.5\n4.9,3.0,1.4,0.2\n"
_HEADER: Final = b"sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm\n"
_SMALL_ROWS: Final = 10_000
_ALONE: Final = """
import io, json, sys, time
import numpy as np, onnxruntime
text = sys.stdin.buffer.read()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession("model/zoo/iris/iris.onnx", options)
labels = ["setosa", "versicolor", "virginica"]
started, cpu = time.perf_counter(), time.process_time()
rows = np.loadtxt(io.BytesIO(text), np.float32, delimiter=",", skiprows=1)
parts = [session.run(None, {"rows": rows[i : i + 1000]})[0] for i in range(0, len(rows), 1000)]
found = np.concatenate(parts)
tops, rows = found.argmax(1).tolist(), found.tolist()
took, spent = time.perf_counter() - started, time.process_time() - cpu
lines = [
    json.dumps({"line": line, "label": labels[top], "confidence": row[top],
                "probabilities": dict(zip(labels, row))})
    for line, (top, row) in enumerate(zip(tops, rows), 2)
]
written = "\\n".join(lines).encode()
told = [took, spent, time.perf_counter() - started, time.process_time() - cpu]
print(json.dumps(told))
"""
"""Run as a process: from the table's text to labels, and then to the lines of a result object."""


def run(plan: Plan) -> Section:
    """Put a table into a bucket of a simulated cloud, and tell the function of it."""
    data = table_of(plan.table_rows)
    with _cloud() as (endpoint, s3):
        s3.create_bucket(Bucket=_BUCKET)
        variables = {"AWS_ENDPOINT_URL": endpoint}
        with serve("lambake", LAMBAKE, timeout_s=900, environment=variables) as running:
            plan.tell(f"bucket: {_SMALL_ROWS:,} rows")
            _predicted(s3, running, table_of(_SMALL_ROWS))
            small_mb = sum(map(peak_mb, running.pids()))
            plan.tell(f"bucket: {plan.table_rows:,} rows")
            took_s, cpu_s = _predicted(s3, running, data)
            large_mb = sum(map(peak_mb, running.pids()))
    plan.tell("bucket: NumPy and ONNX Runtime alone")
    predicted_s, predicted_cpu_s, written_s, written_cpu_s = _alone(data)
    rows = [
        [name, number(wall), number(cpu), number(plan.table_rows / wall),
         number(len(data) / wall / 1e6), f"{written_cpu_s / cpu:.2f}"]
        for name, wall, cpu in (
            ("Lambake: object to result object", took_s, cpu_s),
            ("alone: text to lines of JSON", written_s, written_cpu_s),
            ("alone: text to labels, none written", predicted_s, predicted_cpu_s),
        )
    ]  # fmt: skip
    text = (
        f"A table of {plan.table_rows:,} rows of iris ({number(len(data) / 1e6)} MB of CSV) in one "
        "object of a simulated S3, which runs on this machine, too.\n*Alone* reads the same "
        "text with NumPy, runs ONNX Runtime on 1,000 rows at a time, writes the same lines, "
        "and validates nothing.\n"
        f"The function's memory peaks at {number(small_mb)} MB after {_SMALL_ROWS:,} rows and at "
        f"{number(large_mb)} MB after {plan.table_rows:,}. The goal is at least 0.5 of the speed."
    )
    header = ("", "s", "CPU s", "rows a second", "MB a second", "speed by CPU time")
    return Section("A table in a bucket", text, header, rows)


def table_of(count: int) -> bytes:
    """Spell a table of so many rows, a multiple of four, as CSV with a header."""
    return _HEADER + _ROWS * (count // 4)


@contextlib.contextmanager
def _cloud() -> Iterator[tuple[str, Any]]:
    """Start a simulated S3; yield its address and a client."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        client = boto3.client(  # type: ignore[call-overload]
            "s3", endpoint_url=endpoint, region_name=REGION, **CREDENTIALS
        )
        with contextlib.closing(client):
            yield endpoint, client
    finally:
        server.stop()


def _predicted(s3: Any, running: Running, data: bytes) -> tuple[float, float]:
    """Put a table and notify the function; return the call's seconds and its CPU seconds.

    Raises:
        BenchError: not every row was predicted.
    """
    key = f"in/iris/{len(data)}.csv"
    etag = s3.put_object(Bucket=_BUCKET, Key=key, Body=data)["ETag"].strip('"')
    entity = {"key": key, "size": len(data), "eTag": etag, "sequencer": "0055AED6DCD90281E5"}
    record = {
        "eventVersion": "2.3",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": _BUCKET}, "object": entity},
    }
    client = Client(running)
    with contextlib.closing(client):
        client.ask(b'{"model": "iris", "rows": [[5.1, 3.5, 1.4, 0.2]]}')  # starts the process
        before_ms = sum(map(cpu_ms, running.pids()))
        started = time.perf_counter()
        answer = json.loads(client.ask(json.dumps({"Records": [record]}).encode()))
        took_s = time.perf_counter() - started
    expected = (data.count(b"\n") - 1, 0)
    results = answer.get("results", [{}])[0]
    if (results.get("count"), results.get("failed")) != expected:
        raise BenchError(f"expected {expected[0]:,} predictions, got {str(answer)[:300]}")
    return took_s, (sum(map(cpu_ms, running.pids())) - before_ms) / 1e3


def _alone(data: bytes) -> list[float]:
    """Return the seconds and the CPU seconds to the labels, and to the lines of JSON."""
    ran = subprocess.run(
        [IMAGE_PYTHON, "-c", _ALONE], cwd=ROOT, input=data, capture_output=True, check=False
    )
    if ran.returncode:
        raise BenchError(f"expected labels, got {ran.stderr.decode().strip()[-300:]}")
    found: list[float] = json.loads(ran.stdout)
    return found
