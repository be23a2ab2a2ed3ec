"""From a checkout to an image that follows the rules: build it, weigh it, list it, check it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from infra.containers import ContainerTool
from infra.image.build import ZOO, Build, Say, build_image, locks_of, prepare
from infra.image.checks import breaches_of
from infra.image.collect import extras_of, strays
from infra.image.contents import Contents, contents_of
from infra.image.errors import ImageError, Unfit
from infra.image.init_time import Init, measure_inits
from infra.image.packages import packages_of, sizes_of
from infra.image.sbom import write_bill
from infra.image.sizes import layer_table, part_table

BILL: Final = Path("build/image/sbom.cdx.json")


def make_image(tool: ContainerTool, build: Build, say: Say, *, tables: bool = False) -> None:
    """Build the image and inspect it.

    Raises:
        ImageError: it could not be built.
        Unfit: it breaks a rule.
    """
    for folder in strays(build.root / ZOO):
        say(f"Left out: {ZOO / folder.name} has no model.toml")
    for extra in extras_of(build.root / ZOO):
        say(f"Added: {extra}, which a model needs")
    say("Fetching the locked wheels, 66 MB the first time …")
    fetched = prepare(tool, build)
    say(f"  {'fetched' if fetched else 'all there'}")
    say(f"Building {build.tag} on {build.base} with {tool.kind}: half a minute …")
    build_image(tool, build, say)
    known = tool.inspect(build.tag) or {}
    say(f"Built {build.tag}: {known.get('Digest') or known.get('Id')}")
    check_image(tool, build, say, tables=tables)


def check_image(tool: ContainerTool, build: Build, say: Say, *, tables: bool = False) -> None:
    """Check an image against the rules, and write its bill of materials.

    Raises:
        Unfit: it breaks a rule.
    """
    say(f"Reading {build.tag} …")
    with contents_of(tool, build.tag, build.base) as contents:
        if tables:
            sizes = sizes_of(contents, packages_of(contents))
            say(f"\n{layer_table(contents.layers)}")
            say(f"\n{part_table('package or part', sizes.parts)}")
            say(f"\n{part_table('model', sizes.models)}\n")
        breaches = _write_bill(contents, build, say)
        breaches += breaches_of(contents, locks=locks_of(build.root), zoo=build.root / ZOO)
    if breaches:
        raise Unfit(build.tag, breaches)
    say("Checked: user, entry point, packages, models, compiled code, permissions, size")


def measure_init(tool: ContainerTool, image: str, say: Say) -> None:
    """Print how long the init takes in the container, and how much memory, with the CPUs that
    Lambda gives.

    Raises:
        ImageError: the function never became ready.
    """
    say("\nInit in the container, with the share of a CPU that Lambda gives …")
    inits = []
    for init in measure_inits(tool, image):
        say(f"  {init.memory_mb:>5} MB  {init.cpus:.2f} CPU  {_told(init)}")
        inits.append(init)
    if not any(init.is_ready for init in inits):
        raise ImageError(f"expected {image} to get ready, got the end of its process each time")


def _told(init: Init) -> str:
    if not init.is_ready:
        return "ended before it was ready, as for want of memory"
    time = f"{init.duration_s * 1000:>6.0f} ms   {init.used_mb:>5.0f} MB used   "
    if init.share_of_limit > 1:
        return f"{time}longer than the limit of 10 s: it runs again inside the first call"
    return f"{time}1/{1 / init.share_of_limit:.0f} of the limit of 10 s"


def _write_bill(contents: Contents, build: Build, say: Say) -> list[str]:
    path = build.root / BILL
    path.parent.mkdir(parents=True, exist_ok=True)
    breaches = write_bill(contents, path)
    say(f"Its bill of materials (CycloneDX): {BILL}")
    return breaches
