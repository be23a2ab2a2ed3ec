"""`lambake image`: build the function's image and inspect it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from infra.cli.exits import DONE, FAILED, UNUSABLE
from infra.cli.flags import About, flag
from infra.cli.stage import say

LATEST = "lambake:latest"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The flags of the command."""

    tag: str | None = flag(None, f"tag of the image (lambake:VERSION, and {LATEST})")
    base: str | None = flag(None, "the image it is built on (AWS's for Python 3.13)")
    platform: str | None = flag(None, "linux/amd64 or linux/arm64 (this machine's)")
    only_check: bool = flag(False, "check the image, and build nothing")
    cached: bool = flag(False, "reuse the steps of earlier builds: faster, but the digest differs")
    no_init: bool = flag(False, "do not measure how long the init takes")


ABOUT = About("build the function's image and inspect it", Options, failed=UNUSABLE)


def run(options: Options) -> int:
    """Build the image unless --only-check is given, and inspect it.

    Returns:
        The exit status: FAILED if it breaks a rule.
    """
    from infra import version_of
    from infra.containers import find_container_tool
    from infra.image.build import PUBLIC_BASE, Build
    from infra.image.errors import Unfit
    from infra.image.report import check_image, make_image, measure_init

    root = Path.cwd()
    build = Build(
        root=root,
        tag=options.tag or f"lambake:{version_of(root)}",
        base=options.base or PUBLIC_BASE,
        platform=options.platform,
        cached=options.cached,
    )
    tool = find_container_tool()
    try:
        (check_image if options.only_check else make_image)(tool, build, say, tables=True)
    except Unfit as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    if options.tag is None:
        tool.ask("tag", build.tag, LATEST)
    if not options.no_init:
        measure_init(tool, build.tag, say)
    return DONE
