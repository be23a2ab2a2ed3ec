"""`lambake deploy`: from a checkout to an HTTPS address."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.cli.exits import DONE
from infra.cli.flags import About, flag, host_and_port
from infra.cli.stage import StageOptions, ask, folder_of, say, stage_of

if TYPE_CHECKING:
    from infra.release.deploy import Deploy
    from infra.release.preflight import Tools
    from infra.release.registry import Pushed
    from infra.release.target import Target


@dataclass(frozen=True, kw_only=True)
class Options(StageOptions):
    """The flags of the command."""

    yes: bool = flag(False, "do not ask for confirmation")
    base: str | None = flag(None, "the image to build on (AWS's for Python 3.13)")
    registry: str | None = flag(
        None, "where a simulated cloud keeps its images", type=host_and_port, metavar="HOST:PORT"
    )


ABOUT = About(
    "build, push, apply, shift traffic and try it", Options, stands="nothing was changed",
    example="--simulated-cloud http://127.0.0.1:5000 --registry 127.0.0.1:5001",
)  # fmt: skip


def run(options: Options) -> int:
    """Deploy, and print how to call the function."""
    from infra.release.calls import call_lines
    from infra.release.deploy import deploy
    from infra.release.status import api_url

    with stage_of(options) as target:
        deploy(job_of(target, options))
        for line in call_lines(target, api_url(target), target.aws.api.auth):
            say(line)
    return DONE


def job_of(target: Target, options: Options) -> Deploy:
    """Return the deployment: the target, this machine's docker or podman, and how to ask."""
    from infra.release.deploy import Deploy

    def images(tools: Tools, address: str) -> Pushed:
        return _push_image(target, options, tools, address)

    def agree(question: str) -> bool:
        return options.yes or ask(f"{question} [y/N]").lower() in ("y", "yes")

    folder = folder_of(target)
    return Deploy(target, folder, images, say, agree, registry=options.registry)


def _push_image(target: Target, options: Options, tools: Tools, address: str) -> Pushed:
    from infra import version_of
    from infra.image.build import PUBLIC_BASE, Build
    from infra.image.errors import ImageError
    from infra.image.report import make_image
    from infra.release.registry import Registry

    # A tag of its own: another checkout's or stage's build must not be pushed here.
    place = hashlib.sha256(bytes(folder_of(target))).hexdigest()[:8]
    tag = f"lambake:{version_of(target.root)}-{target.stage}-{place}"
    base, platform = options.base or PUBLIC_BASE, target.platform
    if tools.containers is None:
        raise ImageError(f"{tag} was not built")
    build = Build(target.root, tag, base, platform=platform, make="deploy")
    make_image(tools.containers, build, say)
    return Registry(target, tools.containers, address, options.registry).push(tag)
