"""`lambake demo`: a release on a simulated cloud, without an AWS account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra import FUNCTION_FILE
from infra.cli.exits import DONE
from infra.cli.flags import About, flag


@dataclass(frozen=True, kw_only=True)
class Options:
    """The flags of the command."""

    base: str | None = flag(None, "the image to build on (AWS's for Python 3.13)")
    no_containers: bool = flag(False, "run this checkout's code, without building an image")
    function: Path = flag(FUNCTION_FILE, "the function's settings (%(default)s)", type=Path)


ABOUT = About(
    "play a release on a simulated cloud, without an account",
    Options, needs="cloud", stands="the simulated cloud and everything in it is gone",
)  # fmt: skip


def run(options: Options) -> int:
    """Play the release."""
    from infra.demo.play import demo
    from infra.image.build import PUBLIC_BASE

    base = options.base or PUBLIC_BASE
    try:
        demo(options.function, base=base, containers=not options.no_containers)
    except KeyboardInterrupt:  # what a step says of it is said of a cloud that is gone
        raise KeyboardInterrupt from None
    return DONE
