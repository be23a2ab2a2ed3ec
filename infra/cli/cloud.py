"""
`lambake cloud`: a cloud in a box, in which
functions really run; --images: their images.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.cli.run import DEFAULT_FUNCTION, stop_signals
from infra.containers import find_container_tool
from infra.settings import read
from infra.settings.errors import InfraError


@dataclass(frozen=True)
class CloudOptions:
    """Be what the command line asks for."""

    port: int = 5000
    host: str = "127.0.0.1"
    function: Path | None = None
    empty: bool = False  # without a function, a state machine and buckets to try
    images: bool = False  # run images; else the checkout's code stands for each


def cloud(options: CloudOptions) -> int:
    """
    Serve until Ctrl-C or SIGTERM.

    Returns:
        The exit status: 0 when stopped, 2 when something is missing or wrong.
    """
    # Late: moto is large, and `make run` does without it.
    from infra.cloud.cloud import run_cloud
    from infra.cloud.code import Images, one_code_for_all
    from infra.cloud.registry import Pulls, loopback_registry

    try:
        config = read(options.function or DEFAULT_FUNCTION)
        with contextlib.ExitStack() as stack:
            stop = stack.enter_context(stop_signals())
            images: Images = one_code_for_all
            registry: str | None = None
            if options.images:
                engine = find_container_tool()
                registry = stack.enter_context(loopback_registry())
                pulls = Pulls(engine, registry)
                stack.callback(pulls.forget)
                images = pulls.settings_of
            return run_cloud(
                config,
                stop=stop,
                host=options.host,
                port=options.port,
                empty=options.empty,
                images=images,
                registry=registry,
            )
    except InfraError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
