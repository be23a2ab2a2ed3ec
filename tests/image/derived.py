"""Images with one thing more than the image under test, made in a second."""

from __future__ import annotations

import subprocess
from pathlib import Path

from infra.containers import ContainerTool


def derived(tool: ContainerTool, image: str, name: str, lines: str, *, folder: Path) -> str:
    """Build an image from another.

    Args:
        tool: builds it.
        image: what it starts from.
        name: its tag.
        lines: of the Dockerfile, below FROM.
        folder: what COPY copies from.

    Returns:
        Its name.
    """
    tag = f"localhost/lambake:{name}"
    recipe = tool.command("build", "--tag", tag, "--file", "-", str(folder))
    subprocess.run(
        recipe, input=f"FROM {image}\n{lines}\n", text=True, check=True, capture_output=True
    )
    return tag


def layers_of(tool: ContainerTool, image: str) -> list[str]:
    """Return the digests of an image's layers, lowest first."""
    known = tool.inspect(image) or {}
    layers: list[str] = known["RootFS"]["Layers"]
    return layers
