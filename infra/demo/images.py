"""The images of the demonstration: real ones in a real registry, or folders of code."""

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
from typing import Any, Final

from infra.cloud.registry import Pulls
from infra.containers import ContainerTool, ContainerToolFailed
from infra.release.preflight import Tools
from infra.release.registry import Pushed, Registry
from infra.release.target import Target

CODE: Final = ("function", "model")


@dataclass
class Containers:
    """Images built from an existing one, with the checkout's manifests and golden vectors.

    The rest is in the base, so each takes a second; they share layers, as versions do.
    """

    tool: ContainerTool
    base: str
    registry: str | None
    _made: set[str] = field(default_factory=set)
    _stood: bool = field(init=False)

    def __post_init__(self) -> None:
        """See whether the base was there before."""
        try:
            self._stood = bool(self._identity_of(self.base))
        except ContainerToolFailed:
            self._stood = False

    def push(self, target: Target, tools: Tools, address: str) -> Pushed:
        """Build, and push by digest."""
        zoo = target.root / "model" / "zoo"
        files = sorted([*zoo.glob("*/model.toml"), *zoo.glob("*/golden.json")])
        names = [path.relative_to(zoo).as_posix() for path in files]
        lines = [f"COPY {name} /var/task/model/zoo/{name}\n" for name in names]
        tag = f"localhost/lambake:demo-{_digest(files)[:12]}"
        build = self.tool.command("build", "--tag", tag, "--file", "-", str(zoo))
        recipe = f"FROM {self._pinned}\n{''.join(lines)}"
        done = subprocess.run(build, input=recipe, text=True, capture_output=True, check=False)
        if done.returncode:
            raise ContainerToolFailed([self.tool.kind, "build"], done.returncode, done.stderr)
        self._made.add(self._identity_of(tag))
        return Registry(target, self.tool, address, self.registry).push(tag)

    @functools.cached_property
    def _pinned(self) -> str:
        """The base's identity: another build may take its tag meanwhile."""
        return self._identity_of(self.base)

    def _identity_of(self, image: str) -> str:
        return self.tool.ask("image", "inspect", "--format", "{{.Id}}", image)

    def close(self) -> None:
        """Remove what was built, under all its names; the base, if it was not there before."""
        with contextlib.suppress(ContainerToolFailed):
            made = [*(self._made - {self._pinned}), *([] if self._stood else [self.base])]
            self.tool.ask("rmi", "--force", *made)

    def settings_of(self, uri: str) -> Mapping[str, Any]:
        """Pull an image from the registry, as Lambda does."""
        return Pulls(self.tool, str(self.registry)).settings_of(uri)


@dataclass
class Folders:
    """A copy of the checkout's code for each image, if no image can be built."""

    place: Path
    registry: str | None = None

    def push(self, target: Target, tools: Tools, address: str) -> Pushed:
        """Copy the code, and record a manifest with its digest."""
        files = [file for part in CODE for file in sorted((target.root / part).rglob("*.*"))]
        config = {"digest": f"sha256:{_digest(files)}", "size": 0}
        kind = "application/vnd.oci.image.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}
        text = json.dumps(manifest)
        digest = hashlib.sha256(text.encode()).hexdigest()
        known = (self.place / digest).exists()
        if not known:
            for part in CODE:
                shutil.copytree(target.root / part, self.place / digest / part)
            target.client("ecr").put_image(
                repositoryName=address.partition("/")[2],
                imageManifest=text,
                imageDigest=f"sha256:{digest}",
                imageTag=digest[:16],
            )
        return Pushed(f"sha256:{digest}", now=not known)

    def settings_of(self, uri: str) -> Mapping[str, Any]:
        """Return the settings that run the copy."""
        return {"root": self.place / uri.rpartition(":")[2]}


Images = Containers | Folders
"""Makes an image of a checkout, and returns the settings by which the emulator runs it."""


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
