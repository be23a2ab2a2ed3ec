"""`lambake cloud`, as a person would start and stop it."""

from __future__ import annotations

import json
import logging
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.cli import main
from infra.cloud.cloud import quiet
from tests import ROOT


def test_a_function_of_the_cloud_really_runs() -> None:
    """It says where it is and by whom, runs a function's real handler, and stops by Ctrl-C."""
    command = [sys.executable, "-m", "infra", "cloud", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.match(r"cloud:  (http://127\.0\.0\.1:\d+)\n", process.stdout.readline())
            assert found
            assert process.stdout.readline() == f"        export AWS_ENDPOINT_URL={found[1]}\n"
            said = process.stdout.readline()
            https = f"https:  the same port; an API by curl --proxy {found[1]} --cacert "
            assert said.startswith(https)
            ca = Path(said.removeprefix(https).rstrip())
            assert process.stdout.readline() == (
                f"images: none runs: function.entry.handler from {ROOT} stands for every one\n"
            )
            process.stdout.readline()
            assert process.stdout.readline().startswith("zips:   run ")
            assert process.stdout.readline() == (
                "deploy: .venv/bin/lambake deploy "
                f"--simulated-cloud {found[1]} --registry HOST:PORT\n"
            )
            context = ssl.create_default_context(cafile=str(ca))
            tls = found[1].replace("http://127.0.0.1", "https://localhost")
            with urllib.request.urlopen(f"{tls}/moto-api/ca.pem", context=context) as answer:
                assert answer.read() == ca.read_bytes()
            client = boto3.client("lambda", endpoint_url=found[1])
            role = boto3.client("iam", endpoint_url=found[1]).create_role(
                RoleName="role", AssumeRolePolicyDocument=json.dumps({"Statement": []})
            )
            client.create_function(
                FunctionName="baked",
                PackageType="Image",
                Code={"ImageUri": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/lambake:1"},
                Role=role["Role"]["Arn"],
            )
            event = {"model": "iris", "rows": [[5.1, 3.5, 1.4, 0.2]]}
            reply = client.invoke(FunctionName="baked", Payload=json.dumps(event))
            assert json.loads(reply["Payload"].read())["predictions"][0]["label"] == "setosa"
        finally:
            process.send_signal(signal.SIGINT)
    assert process.returncode == 0
    assert not ca.parent.exists()


def test_images_without_an_engine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What to install, and no cloud that would run something else."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["cloud", "--images", "--function", str(ROOT / "infra/function.yaml")]) == 2
    assert capsys.readouterr().err.endswith(": on Debian, apt install podman runc\n")


def test_a_queue_that_is_gone_is_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    """Its mapping goes next, when a stage is destroyed; other trouble is told, and later all."""
    logger = logging.getLogger("infra.local.triggers")

    def warn(code: str) -> None:
        logger.warning(f"{code}: %s", ClientError({"Error": {"Code": code}}, "ReceiveMessage"))

    with quiet():
        warn("AWS.SimpleQueueService.NonExistentQueue")
        warn("AccessDenied")
        logger.warning("nothing else")
    warn("QueueDoesNotExist")
    told = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert told == ["AccessDenied", "nothing else", "QueueDoesNotExist"]


def test_a_port_in_use_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """With the option that changes it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["cloud", "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"port {port} on 127.0.0.1 is in use: choose another with --port PORT")
