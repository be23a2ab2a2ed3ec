"""`lambake cloud --images`: what is deployed there runs from its image."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3

from infra.containers import ContainerTool
from tests import ROOT
from tests.conftest import require_tool
from tests.image.derived import derived

ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
HANDLER = """
def handler(event, context):
    return "from the image"
"""


def digest_of(registry: str) -> str:
    """Ask the registry by which digest it has lambake-dev:1."""
    request = urllib.request.Request(
        f"http://{registry}/v2/lambake-dev/manifests/1",
        headers={"Accept": "application/vnd.oci.image.manifest.v1+json"},
        method="HEAD",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.headers["docker-content-digest"])


def test_an_image_runs_and_leaves_no_name(tool: ContainerTool, image: str, tmp_path: Path) -> None:
    """It is pulled from the registry that the line for deploy names, which goes with the cloud."""
    require_tool("docker-registry")
    (tmp_path / "other.py").write_text(HANDLER)
    changed = derived(tool, image, "cloud", "COPY other.py /var/task/", folder=tmp_path)
    command = [sys.executable, "-m", "infra", "cloud", "--images", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = "".join(process.stdout.readline() for _ in range(6))
            line = (
                r"^deploy: \.venv/bin/lambake deploy --simulated-cloud (\S+)"
                r" --registry (\S+)$"
            )
            found = re.search(line, said, re.MULTILINE)
            assert found, said
            url, registry = found.groups()
            assert f"images: each really runs, pulled from the registry at {registry}\n" in said
            pushed = f"{registry}/lambake-dev:1"
            tool.ask("tag", changed, pushed)
            plainly = ["--tls-verify=false"] if tool.kind == "podman" else []
            tool.ask("push", *plainly, pushed)
            known = tool.inspect(pushed) or {}
            tool.ask("rmi", pushed)
            digest = digest_of(registry)
            role = boto3.client("iam", endpoint_url=url).create_role(
                RoleName="role", AssumeRolePolicyDocument="{}"
            )
            client = boto3.client("lambda", endpoint_url=url)
            assert client.list_functions()["Functions"] == []
            client.create_function(
                FunctionName="baked",
                PackageType="Image",
                Code={"ImageUri": f"{ECR}/lambake-dev@{digest}"},
                ImageConfig={"Command": ["other.handler"]},
                Role=role["Role"]["Arn"],
                Timeout=60,
                MemorySize=1024,
            )
            reply = client.invoke(FunctionName="baked")
            assert json.loads(reply["Payload"].read()) == "from the image"
            tool.ask("tag", changed, f"{registry}/lambake-dev:2")
        finally:
            process.send_signal(signal.SIGINT)
    assert process.returncode == 0
    left = tool.inspect(changed) or {}
    assert left["Id"] == known["Id"]
    assert registry in json.dumps([known["RepoTags"], known["RepoDigests"]])
    assert registry not in json.dumps([left["RepoTags"], left["RepoDigests"]])
