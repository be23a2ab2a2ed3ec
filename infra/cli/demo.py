"""`lambake demo`: a release played on a simulated cloud, for who has no account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra import FUNCTION_FILE
from infra.cli.exits import DONE
from infra.cli.flags import About, flag


@dataclass(frozen=True, kw_only=True)
class Options:
    """Its flags."""

    base: str | None = flag(None, "the image to build on (AWS's for Python 3.13)")
    no_containers: bool = flag(False, "run this checkout's code, without building an image")
    function: Path = flag(FUNCTION_FILE, "the function's settings (%(default)s)", type=Path)


ABOUT = About(
    "play a release on a simulated cloud, without an account",
    Options, needs="cloud", stands="the simulated cloud is gone, and all that was in it",
)  # fmt: skip


def run(options: Options) -> int:
    """Play it."""
    from infra.demo.play import demo
    from infra.image.build import PUBLIC_BASE

    base = options.base or PUBLIC_BASE
    demo(options.function, base=base, containers=not options.no_containers)
    return DONE
