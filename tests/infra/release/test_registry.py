"""An image is pushed once, and named by its digest; docker and podman are fakes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.containers import ContainerTool, ContainerToolFailed
from infra.image.errors import Unfit
from infra.release.registry import Pushed, Registry
from infra.release.target import Target
from tests.infra.cloud.clouds import client_of, moto_server
from tests.infra.release.staged import registry_of, target_at

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


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Be a cloud."""
    with moto_server() as made:
        yield made


@pytest.fixture
def name(url: str, request: pytest.FixtureRequest) -> str:
    """Make a repository."""
    made = f"lambake-{abs(hash(request.node.name))}"
    client_of("ecr", url).create_repository(repositoryName=made)
    return made


def engine(
    tmp_path: Path, kind: str = "podman", *, login: int = 0, push: int = 0, built_for: str = "amd64"
) -> ContainerTool:
    """Be an engine that knows one image."""
    program = tmp_path / kind
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n'
        f"case $1 in image) echo {IDENTITY} {built_for};; login) cat > {tmp_path}/password; "
        f"echo denied >&2; exit {login};; push) echo no >&2; exit {push};; esac\n"
    )
    program.chmod(0o755)
    return ContainerTool(kind, str(program))


def asked(tmp_path: Path) -> list[str]:
    """Read what an engine was asked."""
    return (tmp_path / "asked").read_text().splitlines()


@pytest.mark.parametrize(("kind", "plainly"), [("podman", " --tls-verify=false"), ("docker", "")])
def test_simulated(url: str, name: str, tmp_path: Path, kind: str, plainly: str) -> None:
    """The layers go to the registry on this machine, the manifest to ECR, under one digest."""
    manifests = {f"/v2/{name}/manifests/{TAG}": MANIFEST}
    with registry_of(manifests) as loopback:
        registry = Registry(target_at(url), engine(tmp_path, kind), f"{HOST}/{name}", loopback)
        assert registry.push("lambake:1") == Pushed(DIGEST, now=True)
        assert registry.push("lambake:1") == Pushed(DIGEST, now=False)
    inspect = "image inspect --format {{.Id}} {{.Architecture}} lambake:1"
    to = f"{loopback}/{name}:{TAG}"
    assert asked(tmp_path) == [inspect, f"tag lambake:1 {to}", f"push{plainly} {to}", inspect]
    (image,) = client_of("ecr", url).describe_images(repositoryName=name)["imageDetails"]
    assert (image["imageDigest"], image["imageTags"]) == (DIGEST, [TAG])


class Pushes:
    """Be ECR as AWS's: the image is there once the engine has pushed it."""

    def __init__(self, found: bool, kind: str) -> None:
        self._found = found
        self._kind = kind
        self._looks = 0

    def describe_images(self, **_: Any) -> dict[str, Any]:
        """Find it on the second look."""
        from botocore.exceptions import ClientError

        self._looks += 1
        if self._looks == 1 or not self._found:
            raise ClientError({"Error": {"Code": "ImageNotFoundException"}}, "DescribeImages")
        image = {"imageDigest": DIGEST, "imageManifestMediaType": self._kind}
        return {"imageDetails": [image]}

    def get_authorization_token(self) -> dict[str, Any]:
        """Give AWS:secret."""
        return {"authorizationData": [{"authorizationToken": "QVdTOnNlY3JldA=="}]}


class OnAws(Target):
    """Be a target whose ECR is the fake above."""

    ecr: Pushes

    def client(self, service: str) -> Any:
        """Give it."""
        assert service == "ecr"
        return self.ecr


def on_aws(found: bool = True, kind: str = KIND) -> Target:
    """Make one."""
    plain = target_at(None)
    target = OnAws(plain.function_file, plain.settings, "dev", "us-east-1", None)
    object.__setattr__(target, "ecr", Pushes(found, kind))
    return target


def test_on_aws(tmp_path: Path) -> None:
    """Logged in by standard input, tagged, pushed; the digest is what ECR says."""
    address = f"{HOST}/lambake-dev"
    pushed = Registry(on_aws(), engine(tmp_path), address).push("lambake:1")
    assert pushed == Pushed(DIGEST, now=True)
    assert asked(tmp_path)[1:] == [
        f"login --username AWS --password-stdin {HOST}",
        f"tag lambake:1 {address}:{TAG}",
        f"push {address}:{TAG}",
    ]
    assert (tmp_path / "password").read_text() == "secret"


def test_login_refused(tmp_path: Path) -> None:
    """The engine's words are in the error, the password is not."""
    registry = Registry(on_aws(), engine(tmp_path, login=1), f"{HOST}/lambake-dev")
    with pytest.raises(ContainerToolFailed) as failed:
        registry.push("lambake:1")
    assert str(failed.value) == "expected podman login to succeed, got status 1:\n  denied"


def test_pushed_and_not_there(tmp_path: Path) -> None:
    """An engine that says nothing and pushes nothing is found out."""
    address = f"{HOST}/lambake-dev"
    with pytest.raises(ContainerToolFailed) as failed:
        Registry(on_aws(found=False), engine(tmp_path), address).push("lambake:1")
    assert str(failed.value) == (
        f"expected podman push to succeed, got status 0:\n  {address}:{TAG} is not in the registry"
    )


def test_somebody_else_was_faster(tmp_path: Path) -> None:
    """The tags are immutable, so the second of two pushes of one image fails: it is there."""
    registry = Registry(on_aws(), engine(tmp_path, push=1), f"{HOST}/lambake-dev")
    assert registry.push("lambake:1") == Pushed(DIGEST, now=False)


def test_push_refused(tmp_path: Path) -> None:
    """A push that fails for another reason says the engine's words."""
    registry = Registry(on_aws(found=False), engine(tmp_path, push=1), f"{HOST}/lambake-dev")
    with pytest.raises(
        ContainerToolFailed, match="expected podman push to succeed, got status 1:\n  no"
    ):
        registry.push("lambake:1")


def test_an_index(tmp_path: Path) -> None:
    """Docker makes one where it adds attestations, and Lambda takes none: told before Terraform."""
    index = "application/vnd.oci.image.index.v1+json"
    registry = Registry(on_aws(kind=index), engine(tmp_path), f"{HOST}/lambake-dev")
    with pytest.raises(Unfit) as refused:
        registry.push("lambake:1")
    assert str(refused.value) == (
        f"{HOST}/lambake-dev:{TAG} is not as it must be:\n"
        f"  expected a single manifest, as Lambda takes, got {index}: an index, as docker makes "
        "for attestations or several platforms (--provenance=false)"
    )


def test_another_architecture(tmp_path: Path) -> None:
    """An image of this laptop's kind is not pushed for a function of the other."""
    registry = Registry(on_aws(), engine(tmp_path, built_for="arm64"), f"{HOST}/lambake-dev")
    with pytest.raises(Unfit) as refused:
        registry.push("lambake:1")
    assert str(refused.value) == (
        "lambake:1 is not as it must be:\n"
        "  expected it for linux/amd64, as aws.architecture says, got arm64"
    )
    assert len(asked(tmp_path)) == 1
