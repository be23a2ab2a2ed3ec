"""What `lambake` knows of its own installation, and what installs what is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).parents[2]
_LOCKS: Final = {
    "run": "infra/requirements.txt",
    "bake": "model/bake/requirements.txt",
    "image": "infra/image/requirements.txt",
    "cloud": "infra/cloud/requirements.txt",
}


def is_a_copy() -> bool:
    """Whether only Python's files are here, as after `pip install .`."""
    return not (CHECKOUT / "infra" / "function.yaml").exists()


def is_checkouts(environment: Path) -> bool:
    """Whether an environment is the one that the Makefile sets up."""
    return environment.resolve() == (CHECKOUT / ".venv").resolve()


def what_installs(needs: str, environment: Path | None = None) -> str:
    """Say how a command's packages come into the environment that runs it.

    Args:
        needs: the target of the Makefile that sets them up: .venv/.NEEDS.
        environment: the folder of the environment; None: the one that runs this.
    """
    environment = environment or Path(sys.prefix)
    if is_checkouts(environment):
        return f"run make .venv/.{needs}"
    if (CHECKOUT / ".venv" / "bin" / "lambake").exists():
        return f"{environment} is another environment: run .venv/bin/lambake"
    return f"run {environment}/bin/python -m pip install -r {_LOCKS[needs]}"
