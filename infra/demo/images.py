"""
What stands for an image in the demonstration: a real one in
a real registry, or a folder of code.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import ClientError

from infra.cloud.registry import Pulls
from infra.containers import ContainerTool, ContainerToolFailed
from infra.release.preflight import Tools
from infra.release.registry import Pushed, Registry
from infra.release.target import Target

CODE = ("function", "model")
_MODEL = ("model.toml", "golden.json")


class Images(Protocol):
    """Make an image of a checkout, and say by what the emulator runs it."""

    registry: str | None

    def push(self, target: Target, tools: Tools, address: str) -> Pushed:
        """Have the image of the target's checkout in the repository at an address."""

    def settings_of(self, uri: str) -> Mapping[str, Any]:
        """Give the emulator's settings for an image."""


@dataclass
class Containers:
    """
    Build each image from one that is there, with the checkout's manifests and golden vectors.

    All else is in the base, so each takes a second; they share layers, as versions do.
    """

    engine: ContainerTool
    base: str
    registry: str | None
    _made: set[str] = field(default_factory=set)

    def push(self, target: Target, tools: Tools, address: str) -> Pushed:
        """Build, and push by digest."""
        zoo = target.root / "model" / "zoo"
        files = [path for name in _MODEL for path in sorted(zoo.glob(f"*/{name}"))]
        names = [path.relative_to(zoo).as_posix() for path in files]
        lines = [f"COPY {name} /var/task/model/zoo/{name}" for name in names]
        tag = f"localhost/lambake:demo-{_digest(*(path.read_bytes() for path in files))[:12]}"
        recipe = "\n".join([f"FROM {self._pinned}", *lines, ""])
        build = self.engine.command("build", "--tag", tag, "--file", "-", str(zoo))
        done = subprocess.run(build, input=recipe, text=True, capture_output=True, check=False)
        if done.returncode:
            raise ContainerToolFailed([self.engine.kind, "build"], done.returncode, done.stderr)
        self._made.add(self._identity_of(tag))
        return Registry(target, self.engine, address, self.registry).push(tag)

    @functools.cached_property
    def _pinned(self) -> str:
        """Name the base by its identity: another build may take its tag meanwhile."""
        return self._identity_of(self.base)

    def _identity_of(self, image: str) -> str:
        return self.engine.ask("image", "inspect", "--format", "{{.Id}}", image)

    def close(self) -> None:
        """Remove what was built, by all its names; the base stays."""
        for identity in self._made - {self._pinned}:
            with contextlib.suppress(ContainerToolFailed):
                self.engine.ask("rmi", "--force", identity)

    def settings_of(self, uri: str) -> Mapping[str, Any]:
        """Pull it from the registry, as Lambda does."""
        return Pulls(self.engine, str(self.registry)).settings_of(uri)


@dataclass
class Folders:
    """Keep a copy of the checkout's code for each image, where no engine can build one."""

    place: Path
    registry: str | None = None
    _folders: dict[str, Path] = field(default_factory=dict)

    def push(self, target: Target, tools: Tools, address: str) -> Pushed:
        """Copy the code, and record a manifest of its digest."""
        files = [file for part in CODE for file in sorted((target.root / part).rglob("*.*"))]
        content = _digest(*(file.read_bytes() for file in files if file.is_file()))
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"digest": f"sha256:{content}", "size": 0},
                "layers": [],
            }
        )
        digest = f"sha256:{_digest(manifest.encode())}"
        known = digest in self._folders
        if not known:
            folder = self.place / content[:16]
            for part in CODE:
                shutil.copytree(target.root / part, folder / part)
            self._folders[digest] = folder
        return Pushed(digest, now=self._recorded(target, address, manifest, digest))

    def settings_of(self, uri: str) -> Mapping[str, Any]:
        """Find the copy."""
        return {"root": self._folders[uri.partition("@")[2]]}

    def _recorded(self, target: Target, address: str, manifest: str, digest: str) -> bool:
        try:
            target.client("ecr").put_image(
                repositoryName=address.partition("/")[2],
                imageManifest=manifest,
                imageDigest=digest,
                imageTag=digest[7:23],
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ImageAlreadyExistsException":
                return False
            raise
        return True


def _digest(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()
