"""What a sandboxed process gets, how it is measured, and what it leaves: docs/contract.md 6.3."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from infra.local.broker import InvokeRequest
from infra.local.sandbox.sandbox import wrapped
from infra.local.server import LocalLambda
from infra.settings.function import FunctionConfig
from tests.infra.cloud.clouds import until
from tests.infra.conftest import HANDLERS
from tests.infra.local.invoke.calls import Caller
from tests.infra.local.processes import note_stream, sandboxed_processes

Start = Callable[..., Caller]


def test_memory_is_measured(start: Start) -> None:
    """Max Memory Used is what the process used, for the environment's life."""
    lambda_ = start(memory_mb=512)

    def used() -> int:
        report = [line for line in lambda_.local.logs if line.startswith("REPORT")][-1]
        found = re.search(r"Memory Size: 512 MB\tMax Memory Used: (\d+) MB", report)
        assert found is not None
        return int(found[1])

    lambda_.do("who")
    small = used()
    assert 5 < small < 60
    lambda_.do("fill", mb=100)
    assert small + 95 < used() < small + 110
    lambda_.do("who")
    assert used() > 100


@pytest.mark.parametrize("seconds", [0, 20])
def test_memory_is_enforced(start: Start, seconds: int) -> None:
    """Beyond the setting the process is killed, however short the call: the caller sees the signal,
    the report the whole memory and its error type.
    """
    lambda_ = start(memory_mb=128)
    lambda_.do("who")
    reply = lambda_.do("fill", mb=200, seconds=seconds, tail=True)
    assert reply.json == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {reply.headers['x-amzn-requestid']} Error: Runtime exited"
        " with error: signal: killed",
    }
    assert "\tMemory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: error\t" in reply.log
    assert reply.log.endswith("Error Type: Runtime.OutOfMemory\t\n")
    assert lambda_.do("who").json["calls"] == 1
    assert "signal: killed" not in lambda_.do("fill", mb=50).body.decode()


def test_a_childs_memory_counts(start: Start) -> None:
    """The group is measured, not only its first process."""
    lambda_ = start(memory_mb=128)
    reply = lambda_.do("fill_child", mb=200)
    assert reply.json["errorMessage"].endswith("signal: killed")


def test_the_environment_variables_are_the_services(start: Start) -> None:
    """6.3.1, all of them, the function's own, and nothing of the host's."""
    os.environ["HOST_SECRET"] = "host"
    os.environ["AWS_PROFILE"] = "host"
    try:
        lambda_ = start(environment={"MINE": "1"})
        seen = lambda_.do("variables").json
    finally:
        del os.environ["HOST_SECRET"], os.environ["AWS_PROFILE"]
    root = str(HANDLERS)
    fixed = {
        "AWS_LAMBDA_FUNCTION_NAME": "tested",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/tested",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": "acts.handler",
        "LAMBDA_TASK_ROOT": root,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "PYTHONPATH": "/var/runtime",
        "PWD": root,
        "SHLVL": "0",
        "MINE": "1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info[0]}.{sys.version_info[1]}",
    }
    assert {name: seen.get(name) for name in fixed} == fixed
    varying = {
        "AWS_LAMBDA_LOG_STREAM_NAME": r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}",
        "AWS_LAMBDA_RUNTIME_API": r"127\.0\.0\.1:\d+",
        "AWS_ACCESS_KEY_ID": r"ASIA[A-Z]{16}",
        "AWS_SECRET_ACCESS_KEY": r".{40}",
        "AWS_SESSION_TOKEN": r".+dummy.+",
        "_X_AMZN_TRACE_ID": r"Root=.*",
        "LD_LIBRARY_PATH": r"/var/lang/lib:.*",
        "TMPDIR": r"/.*",
    }
    for name, pattern in varying.items():
        assert re.fullmatch(pattern, seen[name]), name
    assert set(seen) == set(fixed) | set(varying)


@pytest.mark.parametrize("newer", [False, True])
def test_the_real_runtime_client_in_both_its_ways(start: Start, *, newer: bool) -> None:
    """1.2, R1: AWS_EXECUTION_ENV decides whether it escapes JSON, whether a lone surrogate ends it,
    and so how large an answer is.
    """
    lambda_ = start(environment={"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13" if newer else ""})
    answered = lambda_.post('"é😀"'.encode()).body
    assert answered == ('"é😀"' if newer else r'"\u00e9\ud83d\ude00"').encode()
    lone = lambda_.post(rb'"\ud800"')
    assert lone.json == "\ud800" if not newer else "exit status 1" in lone.json["errorMessage"]
    large = lambda_.post(('"' + 1_500_000 * "é" + '"').encode())
    assert ("x-amz-function-error" in large.headers) is not newer


@pytest.mark.parametrize(
    ("mode", "status", "output"),
    [(0o755, 0, "set by the wrapper\n"), (0o644, 126, ""), (None, 127, "")],
)
def test_a_wrapper_starts_the_runtime(
    tmp_path: Path, mode: int | None, status: int, output: str
) -> None:
    """6.3.1: AWS_LAMBDA_EXEC_WRAPPER gets the command; without one, 127, as on the service."""
    wrapper = tmp_path / "wrapper"
    if mode is not None:
        wrapper.write_text("#!/bin/sh\nexport MINE='set by the wrapper'\nexec \"$@\"\n")
        wrapper.chmod(mode)
    environment = {"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper)}
    config = FunctionConfig(handler="a.b", environment=environment)
    command = wrapped([sys.executable, "-Sc", "import os; print(os.environ['MINE'])"], config)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (status, output)
    assert wrapped(["python"], FunctionConfig(handler="a.b")) == ["python"]


def test_open_files_are_limited(start: Start) -> None:
    """6.3: RLIMIT_NOFILE is 1,024."""
    reply = start().do("open_many", count=5_000).json
    assert reply["errno"] == 24
    assert 900 < reply["opened"] < 1_024


def test_a_process_starts_in_the_task_root_and_leads_a_group(start: Start) -> None:
    """6.3: so that all of it can be stopped, and files beside the code are found."""
    found = start().do("place").json
    assert (found["folder"], found["leads_its_group"]) == (str(HANDLERS), True)


def is_stopped(pid: int) -> bool:
    """Whether a process is frozen; a shell whose vforked child is stopped sleeps instead."""
    try:
        stopped = (psutil.STATUS_STOPPED, psutil.STATUS_DISK_SLEEP)
        return psutil.Process(pid).status() in stopped
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    ("shutdown", "asked", "grace_s"),
    [("none", False, 0.0), ("internal", True, 0.5), ("external", True, 0.3)],
)
def test_the_end_comes_at_once_or_is_announced(
    config: FunctionConfig,
    tmp_path: Path,
    *,
    shutdown: str,
    asked: bool,
    grace_s: float,
    frozen: bool,
) -> None:
    """6.3: without an extension straight SIGKILL; with one SIGTERM first, and a while to react, be
    it right after a call or out of the freeze.
    """
    noted = tmp_path / "noted"
    local = LocalLambda(config.replace(shutdown=shutdown))
    local.listen(note_stream)
    with contextlib.closing(Caller(local)) as caller, local:
        assert caller.do("trap", file=str(noted)).json == "ready\n"
        if frozen:
            until(lambda: all(is_stopped(pid) for pid in sandboxed_processes()))
        started_s = time.monotonic()
    assert time.monotonic() - started_s >= grace_s
    assert noted.exists() is asked


@pytest.mark.parametrize("shutdown", ["none", "internal", "external"])
def test_nothing_is_left_after_the_end(config: FunctionConfig, shutdown: str) -> None:
    """No process, port or file: also with a frozen environment, a busy one and a daemon."""
    local = LocalLambda(config.replace(shutdown=shutdown, concurrency=2))
    local.listen(note_stream)
    with local:
        caller = Caller(local)
        folder = Path(caller.do("write", name="x").json["folder"])
        caller.do("double_fork")
        caller.post(b'{"do":"wait","seconds":60}', {"X-Amz-Invocation-Type": "Event"})
        assert len(sandboxed_processes()) >= 2
        urls = (local.url, local.invoke_url)
    assert sandboxed_processes() == []
    assert not folder.exists()
    for url in urls:
        host, port = url.removeprefix("http://").split(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)))


def test_a_call_from_another_thread_needs_no_http(lambda_: Caller) -> None:
    """`invoke` is for the triggers and the moto plug-in."""
    result = lambda_.local.invoke(InvokeRequest(b'{"x":1}'))
    assert (result.payload, result.function_error) == (b'{"x": 1}', None)
    assert f"END RequestId: {result.request_id}\n".encode() in result.log_tail
