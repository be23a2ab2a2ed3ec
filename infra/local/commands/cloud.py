"""
`python -m infra cloud`: a cloud in a box, in which the function's image really runs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from infra.local.commands.run import DEFAULT_FUNCTION, stop_signals
from infra.local.errors import LocalError
from infra.local.function import FunctionConfig


@dataclass(frozen=True)
class CloudOptions:
    """
    Be what the command line asks for.
    """

    port: int = 5000
    host: str = "127.0.0.1"
    function: Path | None = None
    empty: bool = False  # without a function, a state machine and buckets to try


def cloud(options: CloudOptions) -> int:
    """
    Serve until Ctrl-C or SIGTERM.

    Returns:
        The exit status: 0 when stopped, 2 when something is missing or wrong.
    """
    try:
        # Late: moto is large, and `make run` does without it.
        from infra.local.moto.cloud import run_cloud
    except ImportError as exc:
        sys.stderr.write(f"cloud: expected moto and boto3 (make test installs them), came {exc}\n")
        return 2
    try:
        config = FunctionConfig.from_yaml(options.function or DEFAULT_FUNCTION)
        with stop_signals() as stop:
            return run_cloud(
                config, stop=stop, host=options.host, port=options.port, empty=options.empty
            )
    except LocalError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
