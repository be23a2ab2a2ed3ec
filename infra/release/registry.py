"""Push an image once, and name it by its digest.

The tag is made from the image's content, so an image that the registry has under it is not pushed
again. A simulated cloud has ECR's records but no place for layers: those go to a registry on this
machine, and the manifest to ECR too.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import urllib.request
from dataclasses import dataclass

from botocore.exceptions import ClientError

from infra.containers import ContainerTool, ContainerToolFailed
from infra.image.errors import Unfit
from infra.release.aws_errors import code_of
from infra.release.target import Target

_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_ARCHITECTURES = {"amd64": "linux/amd64", "x86_64": "linux/amd64", "arm64": "linux/arm64"}


@dataclass(frozen=True)
class Pushed:
    """The digest of an image in the registry, and whether it was pushed now."""

    digest: str
    now: bool


@dataclass(frozen=True)
class Registry:
    """One repository of ECR, or of a simulated cloud's ECR."""

    target: Target
    tool: ContainerTool
    address: str  # repository, without tag: HOST/NAME
    loopback: str | None = None  # HOST:PORT of a registry on this machine, for a simulated cloud

    def push(self, image: str) -> Pushed:
        """Push an image unless it is in the repository; Unfit: Lambda would not accept it."""
        tag = self._tag_of(image)
        found = self._digest_of(tag)
        if found is not None:
            return Pushed(found, now=False)
        if self.target.simulated:
            return Pushed(self._push_simulated(image, tag), now=True)
        self._log_in()
        to = f"{self.address}:{tag}"
        self.tool.ask("tag", image, to)
        try:
            self.tool.ask("push", to)
        except ContainerToolFailed:
            # Its tags are immutable: another deploy of the same image may have been faster.
            found = self._digest_of(tag)
            if found is None:
                raise
            return Pushed(found, now=False)
        found = self._digest_of(tag)
        if found is None:
            raise ContainerToolFailed([self.tool.kind, "push"], 0, f"{to} is not in the registry")
        return Pushed(found, now=True)

    def _tag_of(self, image: str) -> str:
        template = "{{.Id}} {{.Architecture}}"
        identity, built_for = self.tool.ask("image", "inspect", "--format", template, image).split()
        platform = self.target.platform
        if _ARCHITECTURES.get(built_for, built_for) != platform:
            raise Unfit(
                image,
                [f"expected it for {platform}, as aws.architecture says, got {built_for}"],
            )
        return identity.removeprefix("sha256:")[:16]

    def _digest_of(self, tag: str) -> str | None:
        try:
            described = self.target.client("ecr").describe_images(
                repositoryName=self._repository(), imageIds=[{"imageTag": tag}]
            )
        except ClientError as error:
            if code_of(error) == "ImageNotFoundException":
                return None
            raise
        image = described["imageDetails"][0]
        kind = image.get("imageManifestMediaType", _MANIFESTS[0])
        if kind not in _MANIFESTS:
            raise Unfit(
                f"{self.address}:{tag}",
                [f"expected a single manifest, as Lambda takes, got {kind}: an index, as docker "
                 "makes for attestations or several platforms (--provenance=false)"],
            )  # fmt: skip
        digest: str = image["imageDigest"]
        return digest

    def _repository(self) -> str:
        return self.address.partition("/")[2]

    def _log_in(self) -> None:
        data = self.target.client("ecr").get_authorization_token()["authorizationData"][0]
        user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        host = self.address.partition("/")[0]
        command = self.tool.command("login", "--username", user, "--password-stdin", host)
        # By standard input: everyone on this machine could see an argument.
        done = subprocess.run(command, input=password, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ContainerToolFailed([self.tool.kind, "login"], done.returncode, done.stderr)

    def _push_simulated(self, image: str, tag: str) -> str:
        to = f"{self.loopback}/{self._repository()}:{tag}"
        self.tool.ask("tag", image, to)
        # Docker accepts loopback registries by default; podman needs an option.
        plainly = ["--tls-verify=false"] if self.tool.kind == "podman" else []
        self.tool.ask("push", *plainly, to)
        manifest = self._manifest(tag)
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        self.target.client("ecr").put_image(
            repositoryName=self._repository(),
            imageManifest=manifest.decode(),
            imageDigest=digest,
            imageTag=tag,
        )
        return digest

    def _manifest(self, tag: str) -> bytes:
        """Return the pushed manifest; the digest is that of these bytes."""
        request = urllib.request.Request(
            f"http://{self.loopback}/v2/{self._repository()}/manifests/{tag}",
            headers={"Accept": ", ".join(_MANIFESTS)},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            manifest: bytes = answer.read()
        return manifest
