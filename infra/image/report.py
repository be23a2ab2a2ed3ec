"""From a checkout to an image that follows the rules: build it, weigh it, list it, check it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from infra.containers import ContainerTool
from infra.image.build import LOCK, Build, Say, build_image, prepare
from infra.image.checks import breaches_of
from infra.image.contents import Contents, contents_of
from infra.image.errors import Unfit
from infra.image.init_time import measure_inits
from infra.image.packages import packages_of, sizes
from infra.image.sbom import write_bill
from infra.image.sizes import layer_table, part_table

BILL: Final = Path("build/image/sbom.cdx.json")


def make_image(tool: ContainerTool, build: Build, say: Say, *, tables: bool = False) -> None:
    """Build the image and inspect it.

    Raises:
        ImageError: it could not be built.
        Unfit: it breaks a rule.
    """
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
            parts = part_table(sizes(contents, packages_of(contents)))
            say(f"\n{layer_table(contents.layers)}\n\n{parts}\n")
        breaches = _write_bill(contents, build, say)
        breaches += breaches_of(contents, lock=build.root / LOCK, zoo=build.root / "model" / "zoo")
    if breaches:
        raise Unfit(build.tag, breaches)
    say("Checked: user, entry point, packages, models, compiled code, permissions, size")


def measure_init(tool: ContainerTool, image: str, say: Say) -> None:
    """Print how long the init takes in the container, with the CPUs that Lambda gives."""
    say("\nInit in the container, with the share of a CPU that Lambda gives …")
    for found in measure_inits(tool, image):
        say(
            f"  {found.memory_mb:>5} MB  {found.cpus:.2f} CPU  {found.duration_s * 1000:>6.0f} ms"
            f"   1/{1 / found.share_of_limit:.0f} of the limit of 10 s"
        )


def _write_bill(contents: Contents, build: Build, say: Say) -> list[str]:
    path = build.root / BILL
    path.parent.mkdir(parents=True, exist_ok=True)
    breaches = write_bill(contents, path)
    say(f"Its bill of materials (CycloneDX): {BILL}")
    return breaches
