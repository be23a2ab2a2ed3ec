"""Images with one thing more than the image under test, made in a second."""

from __future__ import annotations

import subprocess
from pathlib import Path

from infra.containers import ContainerTool

MADE = "lambake.made-by=tests"
"""The label of every image that is derived."""


def derived(
    tool: ContainerTool, image: str, name: str, lines: str, *, folder: Path, label: str = MADE
) -> str:
    """Build an image from another.

    Args:
        tool: builds it.
        image: what it starts from.
        name: its tag.
        lines: of the Dockerfile, below FROM.
        folder: what COPY copies from.
        label: by which it is removed.

    Returns:
        Its name.
    """
    tag = f"localhost/lambake:{name}"
    recipe = tool.command("build", "--tag", tag, "--label", label, "--file", "-", str(folder))
    subprocess.run(
        recipe, input=f"FROM {image}\n{lines}\n", text=True, check=True, capture_output=True
    )
    return tag


def remove_derived(tool: ContainerTool, label: str = MADE) -> None:
    """Remove the images of a label that no container uses, and builds that have lost their tag."""
    tool.ask("image", "prune", "--force", "--all", "--filter", f"label={label}")
    untagged = "label=org.opencontainers.image.title=lambake"
    tool.ask("image", "prune", "--force", "--filter", untagged)


def layers_of(tool: ContainerTool, image: str) -> list[str]:
    """Return the digests of an image's layers, lowest first."""
    known = tool.inspect(image) or {}
    layers: list[str] = known["RootFS"]["Layers"]
    return layers
