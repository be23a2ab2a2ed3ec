"""An image is pushed once, and named by its digest; docker and podman are fakes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.containers import ContainerTool, ContainerToolFailed
from infra.image.errors import Unfit
from infra.release.registry import Pushed, Registry
from tests.infra.cloud.clouds import client_of
from tests.infra.release.staged import registry_of, target_at, with_clients

IDENTITY = "sha256:" + "0123456789abcdef" * 4
TAG = IDENTITY[7:23]
KIND = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": KIND,
        "config": {"digest": IDENTITY, "size": 1},
        "layers": [],
    }
).encode()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture
def name(endpoint: str, request: pytest.FixtureRequest) -> str:
    """Make a repository."""
    made = f"lambake-{abs(hash(request.node.name))}"
    client_of("ecr", endpoint).create_repository(repositoryName=made)
    return made


def tool_at(
    tmp_path: Path, kind: str = "podman", *, login: int = 0, push: int = 0, built_for: str = "amd64"
) -> ContainerTool:
    """A container tool that knows one image."""
    program = tmp_path / kind
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n'
        f"case $1 in image) echo {IDENTITY} {built_for};; login) cat > {tmp_path}/password; "
        f"echo denied >&2; exit {login};; push) echo no >&2; exit {push};; esac\n"
    )
    program.chmod(0o755)
    return ContainerTool(kind, str(program))


def asked(tmp_path: Path) -> list[str]:
    """Read what the container tool was asked."""
    return (tmp_path / "asked").read_text().splitlines()


@pytest.mark.parametrize(("kind", "plainly"), [("podman", " --tls-verify=false"), ("docker", "")])
def test_simulated(endpoint: str, name: str, tmp_path: Path, kind: str, plainly: str) -> None:
    """The layers go to the registry on this machine, the manifest to ECR, under one digest."""
    manifests = {f"/v2/{name}/manifests/{TAG}": MANIFEST}
    with registry_of(manifests) as loopback:
        there = Registry(target_at(endpoint), tool_at(tmp_path, kind), f"{HOST}/{name}", loopback)
        assert there.push("lambake:1") == Pushed(DIGEST, now=True)
        assert there.push("lambake:1") == Pushed(DIGEST, now=False)
    inspect = "image inspect --format {{.Id}} {{.Architecture}} lambake:1"
    to = f"{loopback}/{name}:{TAG}"
    assert asked(tmp_path) == [inspect, f"tag lambake:1 {to}", f"push{plainly} {to}", inspect]
    (image,) = client_of("ecr", endpoint).describe_images(repositoryName=name)["imageDetails"]
    assert (image["imageDigest"], image["imageTags"]) == (DIGEST, [TAG])


class Pushes:
    """ECR as AWS's: the image is there once the tool has pushed it."""

    def __init__(self, found: bool, kind: str) -> None:
        self._kinds = [None, kind if found else None, kind if found else None]

    def describe_images(self, **_: Any) -> dict[str, Any]:
        """Find it on the second look."""
        kind = self._kinds.pop(0)
        if kind is None:
            raise ClientError({"Error": {"Code": "ImageNotFoundException"}}, "DescribeImages")
        return {"imageDetails": [{"imageDigest": DIGEST, "imageManifestMediaType": kind}]}

    def get_authorization_token(self) -> dict[str, Any]:
        """Return AWS:secret."""
        return {"authorizationData": [{"authorizationToken": "QVdTOnNlY3JldA=="}]}


ADDRESS = f"{HOST}/lambake-dev"


def registry(tool: ContainerTool, *, found: bool = True, kind: str = KIND) -> Registry:
    """Make a repository of AWS's, which knows an image once it was pushed, or never."""
    return Registry(with_clients(target_at(None), {"ecr": Pushes(found, kind)}), tool, ADDRESS)


def test_on_aws(tmp_path: Path) -> None:
    """Logged in by standard input, tagged, pushed; the digest is what ECR says."""
    assert registry(tool_at(tmp_path)).push("lambake:1") == Pushed(DIGEST, now=True)
    assert asked(tmp_path)[1:] == [
        f"login --username AWS --password-stdin {HOST}",
        f"tag lambake:1 {ADDRESS}:{TAG}",
        f"push {ADDRESS}:{TAG}",
    ]
    assert (tmp_path / "password").read_text() == "secret"


def test_somebody_else_was_faster(tmp_path: Path) -> None:
    """The tags are immutable, so the second of two pushes of one image fails: it is there."""
    assert registry(tool_at(tmp_path, push=1)).push("lambake:1") == Pushed(DIGEST, now=False)


INDEX = "application/vnd.oci.image.index.v1+json"
FAILURES: dict[str, tuple[dict[str, Any], dict[str, Any], type[Exception], str]] = {
    "login refused, and the password is not told": (
        {"login": 1},
        {},
        ContainerToolFailed,
        "expected podman login to succeed, got status 1:\n  denied",
    ),
    "pushed and not there": (
        {},
        {"found": False},
        ContainerToolFailed,
        f"expected podman push to succeed, got status 0:\n  {ADDRESS}:{TAG} is not in the registry",
    ),
    "push refused": (
        {"push": 1},
        {"found": False},
        ContainerToolFailed,
        "expected podman push to succeed, got status 1:\n  no",
    ),
    "an index, as docker makes where it adds attestations": (
        {},
        {"kind": INDEX},
        Unfit,
        f"{ADDRESS}:{TAG} breaks the rules of an image:\n"
        f"  expected a single manifest, as Lambda takes, got {INDEX}: an index, as docker makes "
        "for attestations or several platforms (--provenance=false)",
    ),
    "another architecture": (
        {"built_for": "arm64"},
        {},
        Unfit,
        "lambake:1 breaks the rules of an image:\n"
        "  expected it for linux/amd64, as aws.architecture says, got arm64",
    ),
}


@pytest.mark.parametrize(("tool", "ecr", "kind", "said"), FAILURES.values(), ids=FAILURES)
def test_failures(
    tmp_path: Path, tool: dict[str, Any], ecr: dict[str, Any], kind: type[Exception], said: str
) -> None:
    """What the tool or ECR has against an image; one of another kind is not even pushed."""
    with pytest.raises(kind) as failed:
        registry(tool_at(tmp_path, **tool), **ecr).push("lambake:1")
    assert str(failed.value) == said
    assert len(asked(tmp_path)) == 1 or "built_for" not in tool
