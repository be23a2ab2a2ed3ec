"""`lambake image`: build the image, show what is in it, hold it to its rules."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from infra.containers import ContainerTool, find_container_tool
from infra.image.build import PUBLIC_BASE, Build, Say, aloud, build_image, prepare, version_of
from infra.image.checks import breaches_of
from infra.image.contents import Contents, contents_of
from infra.image.errors import Unfit
from infra.image.init_time import measured_inits
from infra.image.packages import packages_of, sizes
from infra.image.sbom import write_bill
from infra.image.sizes import layer_table, part_table
from infra.settings.errors import InfraError

_FOLDER = Path("build/image")


@dataclass(frozen=True)
class ImageOptions:
    """Be what the command line asks for."""

    root: Path
    tag: str | None = None  # None: lambake:VERSION
    base: str | None = None  # None: the public one
    extras: tuple[str, ...] = ()
    platform: str | None = None
    only_check: bool = False
    cached: bool = False
    init: bool = True
    brief: bool = False  # without the tables
    make: str = "image"


def image(options: ImageOptions, say: Say = aloud) -> int:
    """
    Build the image unless it is only to be checked, and look at it.

    Returns:
        The exit status: 0 if it is as it must be, 1 if not, 2 if it could not be built.
    """
    tag = options.tag or f"lambake:{version_of(options.root)}"
    build = Build(
        root=options.root,
        tag=tag,
        base=options.base or PUBLIC_BASE,
        extras=options.extras,
        platform=options.platform,
        cached=options.cached,
        make=options.make,
    )
    try:
        engine = find_container_tool()
        if not options.only_check:
            _build(engine, build, say)
        say(f"Reading {tag} …")
        with contents_of(engine, tag, build.base) as contents:
            _show(contents, build, say, brief=options.brief)
            _check(contents, build, say)
        if options.init:
            _init(engine, tag, say)
    except Unfit as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    except InfraError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    return 0


def _build(engine: ContainerTool, build: Build, say: Say) -> None:
    say("Fetching the locked wheels, 66 MB the first time …")
    fetched = prepare(engine, build)
    say(f"  {'fetched' if fetched else 'all there'}")
    say(f"Building {build.tag} on {build.base} with {engine.kind}: half a minute …")
    build_image(engine, build, say)
    known = engine.inspect(build.tag) or {}
    say(f"Built {build.tag}: {known.get('Digest') or known.get('Id')}")


def _show(contents: Contents, build: Build, say: Say, *, brief: bool) -> None:
    folder = build.root / _FOLDER
    parts = sizes(contents, packages_of(contents))
    if not brief:
        say(f"\n{layer_table(contents.layers)}\n\n{part_table(parts)}\n")
    folder.mkdir(parents=True, exist_ok=True)


def _check(contents: Contents, build: Build, say: Say) -> None:
    bill = _FOLDER / "sbom.cdx.json"
    breaches = write_bill(contents, build.root / bill)
    say(f"Its bill of materials (CycloneDX): {bill}")
    breaches += breaches_of(contents, locks=build.locks(), zoo=build.root / "model" / "zoo")
    if breaches:
        raise Unfit(build.tag, breaches)
    say("Checked: user, entry point, packages, models, compiled code, permissions, size")


def _init(engine: ContainerTool, tag: str, say: Say) -> None:
    say("\nInit in the container, with the share of a CPU that Lambda gives …")
    for found in measured_inits(engine, tag):
        say(
            f"  {found.memory_mb:>5} MB  {found.cpus:.2f} CPU  {found.duration_s * 1000:>6.0f} ms"
            f"   1/{1 / found.share_of_limit:.0f} of the limit of 10 s"
        )
