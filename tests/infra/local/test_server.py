"""LocalLambda as a whole: concurrency through the HTTP front, hardening, other interpreters."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.errors import PortTaken, StartError
from infra.local.sandbox.launcher import runtime_version
from infra.local.server import LocalLambda
from infra.settings.errors import ConfigError
from infra.settings.function import FunctionConfig
from tests import ROOT
from tests.infra.local.invoke.calls import Caller

ECHO = """
import hashlib
def handler(event, context):
    body = event.get("body", "")
    return {"statusCode": 200, "body": hashlib.sha256(body.encode()).hexdigest()}
"""
Start = Callable[..., Caller]


async def burst(url: str, count: int) -> list[tuple[int, str]]:
    """Send requests all at once, each with a body of its own, each on a connection of its own."""
    host, port = url.removeprefix("http://").split(":")

    async def one(i: int) -> tuple[int, str]:
        body = f'"{i}"'
        reader, writer = await asyncio.open_connection(host, int(port))
        head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        reply = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        head, _, text = reply.partition("\r\n\r\n")
        return int(head.split()[1]), text

    return await asyncio.gather(*(one(i) for i in range(count)))


def test_500_requests_at_once_lose_none_and_mix_none_up(start: Start, tmp_path: Path) -> None:
    """More than there are environments: they wait in the front, and each gets its own answer."""
    (tmp_path / "echo.py").write_text(ECHO)
    lambda_ = start(root=tmp_path, handler="echo.handler", concurrency=3)
    answers = asyncio.run(burst(lambda_.local.url, 500))
    expected = [hashlib.sha256(f'"{i}"'.encode()).hexdigest() for i in range(500)]
    wrong = [one for one, right in zip(answers, expected, strict=True) if one != (200, right)]
    assert wrong[:3] == []
    assert lambda_.local.environments <= 3


def test_a_change_loses_no_invocation(start: Start, tmp_path: Path) -> None:
    """[REC] What runs ends with the old settings; what waits, and what comes, has the new."""
    lambda_ = start(concurrency=1)
    event = {"X-Amz-Invocation-Type": "Event"}
    with lambda_.busy(tmp_path) as (running,):
        for number in range(3):
            lambda_.post(f'{{"do": "who", "tag": {number}}}'.encode(), event)
        lambda_.local.change(lambda_.local.config.replace(concurrency=1, memory_mb=640))
        lambda_.local.drained()
        assert not running.done()
        assert lambda_.do("who").json["memory"] == "640"
    assert running.result().status == 200
    reports = [line for line in lambda_.local.logs if line.startswith("REPORT")]
    assert ["Memory Size: 640 MB" in line for line in reports] == [True] * 4 + [False]


def test_reserved_concurrency_throttles_the_front_too(start: Start, tmp_path: Path) -> None:
    """It is the user's own wish: nobody waits."""
    (tmp_path / "echo.py").write_text(ECHO)
    lambda_ = start(root=tmp_path, handler="echo.handler", reserved_concurrency=0)
    assert {status for status, _ in asyncio.run(burst(lambda_.local.url, 3))} <= {500, 503}


def test_it_listens_to_this_machine_only(lambda_: Caller) -> None:
    """127.0.0.1 unless another host is asked for."""
    assert lambda_.local.url.startswith("http://127.0.0.1:")
    assert lambda_.local.invoke_url.startswith("http://127.0.0.1:")


def test_it_cannot_be_used_before_it_is_started(config: FunctionConfig) -> None:
    """Every property says so."""
    local = LocalLambda(config)
    for use in (lambda: local.url, lambda: local.invoke_url, lambda: local.environments):
        with pytest.raises(StartError, match=r"^expected a started LocalLambda"):
            use()


def test_a_start_that_fails_leaves_nothing(config: FunctionConfig, lambda_: Caller) -> None:
    """The first port is given back when the second is taken."""
    taken = int(lambda_.local.invoke_url.rpartition(":")[2])
    with pytest.raises(PortTaken), LocalLambda(config, 0, taken):
        pass
    with (
        pytest.raises(ConfigError, match=r"^root: expected a folder"),
        LocalLambda(config.replace(root=Path("/nowhere"))),
    ):
        pass
    with (
        pytest.raises(StartError, match=r"^cannot listen on 192\.0\.2\.1:0: "),
        LocalLambda(config, host="192.0.2.1"),
    ):
        pass


def interpreters() -> list[str]:
    """List this Python, and those that `make test` has found and set up with awslambdaric."""
    return [sys.executable, *sorted(map(str, ROOT.glob("build/python-3.*/bin/python")))]


@pytest.mark.parametrize("python", interpreters())
def test_the_runtime_client_on_every_python(start: Start, python: str) -> None:
    """The real awslambdaric: a result, an error, an exit, a result."""
    lambda_ = start(python=python)
    assert lambda_.post(b'{"x": 1}').json == {"x": 1}
    assert lambda_.do("fail").json["errorType"] == "ValueError"
    assert "exit status 3" in lambda_.do("leave", status=3).json["errorMessage"]
    assert lambda_.do("who").json["calls"] == 1
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout
    minor = ".".join(version.split()[1].split(".")[:2])
    assert f"Runtime Version: python:{minor}.v" in lambda_.local.logs[0]
    assert lambda_.do("variables").json["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{minor}"


def test_the_runtime_version_of_what_is_no_python() -> None:
    """A wrong interpreter is a wrong setting."""
    with pytest.raises(ConfigError) as caught:
        runtime_version(FunctionConfig(handler="a.b", python="/bin/false"))
    assert str(caught.value) == "python: expected an interpreter that runs, got '/bin/false'"


def test_the_hosts_library_path_is_passed_on_last(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one variable of the host, where it has it: some interpreters do not start without."""
    monkeypatch.setenv("LD_LIBRARY_PATH", "/host/lib")
    assert start().do("variables").json["LD_LIBRARY_PATH"].endswith(":/opt/lib:/host/lib")
    monkeypatch.delenv("LD_LIBRARY_PATH")
    assert start().do("variables").json["LD_LIBRARY_PATH"].endswith(":/opt/lib")


def test_file_descriptors_stay_the_same(start: Start) -> None:
    """Ten crashes cost none; a planted leak would be seen."""
    lambda_ = start(concurrency=1)

    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    if not Path("/proc/self/fd").exists():
        pytest.skip("this machine has no /proc")
    lambda_.do("leave", status=1)
    lambda_.do("who")
    before = count()
    for _ in range(10):
        lambda_.do("leave", status=1)
    lambda_.do("who")
    assert count() <= before + 1
    leak = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
    assert count() > before + 1
    for descriptor in leak:
        os.close(descriptor)


def test_the_log_of_a_call_is_complete_when_it_is_answered(start: Start) -> None:
    """Whoever reads `logs` after an answer finds its END and REPORT."""
    lambda_ = start()
    for i in range(20):
        reply = lambda_.post(json.dumps({"do": "talk", "text": f"line {i}\n"}).encode())
        request_id = reply.headers["x-amzn-requestid"]
        tail = lambda_.local.logs[-3:]
        assert tail[0] == f"line {i}"
        assert tail[1] == f"END RequestId: {request_id}"
        assert tail[2].startswith(f"REPORT RequestId: {request_id}\t")
