"""Build Dockerfile.lambda with docker or podman: without a network, and reproducibly per commit."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra import version_of
from infra.containers import ContainerTool, ContainerToolFailed
from infra.image.collect import extras_of
from infra.image.errors import ImageError
from infra.image.wheels import PLATFORMS, fetch_wheels

PUBLIC_BASE = "public.ecr.aws/lambda/python:3.13"
DOCKERFILE = "Dockerfile.lambda"
WHEELS = Path("build/image/wheels")
LOCK = Path("function/requirements.txt")
ZOO = Path("model/zoo")
STAND_IN = "localhost/lambake-stand-in:latest"
# Steps that take a moment, as podman and docker print them; the others only set metadata.
_STEP = re.compile(r"(\[\d+/\d+\] )?STEP \d+/\d+: (FROM|COPY|RUN) |#\d+ \[.*\d+/\d+\] ")
_WIDTH = 96
# 1 January 1980, the date of every file and of the image itself: a layer with the same content has
# the same digest in every build, and is neither pushed nor pulled again.
_EPOCH = "315532800"
# For docker. Lambda takes a single manifest; an attestation would make it an index.
_ENVIRONMENT = {
    "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    "DOCKER_BUILDKIT": "1",
    "SOURCE_DATE_EPOCH": _EPOCH,
}


@dataclass(frozen=True)
class Build:
    """What to build."""

    root: Path
    tag: str
    base: str = PUBLIC_BASE
    platform: str | None = None  # None: the machine's own
    # Podman records in an image which steps, and so which builds, it came from: with a cache the
    # layers are the same but the digest is not.
    cached: bool = False
    make: str = "image"  # the Makefile's target that was called, for error messages


def prepare(tool: ContainerTool, build: Build) -> bool:
    """Fetch the wheels that the build needs.

    Returns:
        Whether any were missing.
    """
    platform = build.platform or _own_platform(tool)
    if platform not in PLATFORMS:
        raise ImageError(f"platform: expected one of {', '.join(PLATFORMS)}, got {platform}")
    return fetch_wheels(locks_of(build.root), platform, build.root / WHEELS)


def locks_of(root: Path) -> list[Path]:
    """Return the locks of an image: the packages', and one for each extra that a model needs."""
    lock = root / LOCK
    return [lock, *(lock.with_stem(f"{lock.stem}-{extra}") for extra in extras_of(root / ZOO))]


Say = Callable[[str], None]
aloud: Say = functools.partial(print, flush=True)


def build_image(tool: ContainerTool, build: Build, say: Say = aloud) -> None:
    """Build and tag the image, printing a line per step; if one fails, all its output is printed.

    Raises:
        ContainerToolFailed: a step failed.
        ImageError: the base image is not available.
    """
    if tool.inspect(build.base) is None:
        _pull(tool, build, say)
    command = build_command(tool, build)
    said = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, **_ENVIRONMENT},
    ) as process:
        for line in process.stdout or ():
            said.append(line)
            if _STEP.match(line):
                say(f"  {' '.join(line.split())[:_WIDTH]}")
    if process.returncode:
        for line in said:
            say(f"  {line.rstrip()}")
        raise ContainerToolFailed([tool.kind, "build"], process.returncode, "".join(said))


def _pull(tool: ContainerTool, build: Build, say: Say) -> None:
    say(f"Pulling {build.base}, 200 MB or so …")
    try:
        tool.ask("pull", *_platform(build), build.base)
    except ContainerToolFailed as exc:
        raise ImageError(
            f"expected to find or pull {build.base}: {exc}\n"
            f"another base: make {build.make} BASE_IMAGE=IMAGE, or --base IMAGE\n"
            f"a stand-in, where AWS's registry is not reached, on Debian as root: "
            f".venv/bin/python -m tests.image.stand_in.build, "
            f"and then make {build.make} BASE_IMAGE={STAND_IN}"
        ) from exc


def build_command(tool: ContainerTool, build: Build) -> list[str]:
    """Return the command line of a build."""
    root = build.root
    arguments = {
        "BASE_IMAGE": build.base,
        "PIP_NO_INDEX": "1",
        "SOURCE_DATE_EPOCH": _EPOCH,
    }
    options = [part for pair in arguments.items() for part in ("--build-arg", "=".join(pair))]
    # Not as build arguments: podman 4 would take such a label from its cache, with the old value.
    options += [
        part for pair in labels(tool, build).items() for part in ("--label", "=".join(pair))
    ]
    kind = ["--timestamp", _EPOCH] if tool.kind == "podman" else []
    cache = [] if build.cached else ["--no-cache"]
    return tool.command(
        *("build", "--network", "none", *kind, *cache, *_platform(build), *options),
        *("--file", str(root / DOCKERFILE), "--tag", build.tag, str(root)),
    )


def labels(tool: ContainerTool, build: Build) -> dict[str, str]:
    """Return the labels that differ from build to build."""
    known = tool.inspect(build.base) or {}
    values = {
        "version": version_of(build.root),
        "revision": revision_of(build.root),
        "base.name": build.base,
        "base.digest": known.get("Digest") or _repo_digest(known.get("RepoDigests") or []),
    }
    return {f"org.opencontainers.image.{name}": value for name, value in values.items()}


def revision_of(root: Path) -> str:
    """Return the commit, marked if the working tree differs from it."""
    commit = _git(root, "rev-parse", "HEAD") or "unknown"
    dirty = _git(root, "status", "--porcelain", "--", "function", "model", DOCKERFILE)
    return f"{commit}-changed" if dirty else commit


def _platform(build: Build) -> list[str]:
    return ["--platform", build.platform] if build.platform else []


def _own_platform(tool: ContainerTool) -> str:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}
    template = "{{.Host.Arch}}" if tool.kind == "podman" else "{{.Architecture}}"
    said = tool.ask("info", "--format", template)
    return f"linux/{machine.get(said, said)}"


def _repo_digest(known: list[str]) -> str:
    return known[0].partition("@")[2] if known else ""


def _git(root: Path, *arguments: str) -> str:
    """Run git; return an empty string without git or a repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
