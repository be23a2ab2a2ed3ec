"""The places where the function runs: this machine and the cloud. Never shipped in the image.

Imports neither `function` nor `model`; the handler is only a string to it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

FUNCTION_FILE: Final = Path("infra/function.yaml")
"""The settings file that commands read by default, relative to the current folder."""


def version_of(root: Path) -> str:
    """Return the version of a checkout."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])
