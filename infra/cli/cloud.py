"""`lambake cloud`: a simulated cloud, in which functions really run."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from infra import FUNCTION_FILE
from infra.cli.exits import UNUSABLE, stop_signals
from infra.cli.flags import About, flag, port_number


@dataclass(frozen=True, kw_only=True)
class Options:
    """The flags of the command."""

    port: int = flag(5000, "port of the cloud's endpoint (%(default)s)", type=port_number)
    host: str = flag(
        "127.0.0.1", "address to listen on (%(default)s); any other lets other machines in"
    )
    function: Path = flag(FUNCTION_FILE, "the function's settings (%(default)s)", type=Path)
    empty: bool = flag(False, "start without the samples, as --images does")
    images: bool = flag(
        False,
        "keep a registry, and run each function from its own image, with docker or podman "
        "(without: this checkout's code, whatever the image)",
    )


ABOUT = About(
    "run a simulated cloud (moto) in which functions really run",
    Options, needs="cloud", failed=UNUSABLE, example="--images",
)  # fmt: skip


def run(options: Options) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    if sys.stderr.isatty():  # its imports and the samples take seconds
        sys.stderr.write("starting the simulated cloud …\n")
    from infra.cloud.cloud import run_cloud
    from infra.cloud.code import Images, one_code_for_all
    from infra.cloud.registry import Pulls, loopback_registry
    from infra.containers import find_container_tool
    from infra.settings import read

    config = read(options.function)
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stop_signals())
        images: Images = one_code_for_all
        registry: str | None = None
        if options.images:
            tool = find_container_tool()
            registry = stack.enter_context(loopback_registry())
            pulls = Pulls(tool, registry)
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
