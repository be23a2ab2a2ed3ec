"""Build a stand-in for AWS's base image, as root: python -m tests.image.stand_in.build

Debian 13, which has Python 3.13 as the public image has, from the mirror that this machine's own
apt uses; AWS's real Runtime Interface Emulator; the locked runtime client. What differs from the
public image: the operating system is Debian, not Amazon Linux 2023, and its Python a Debian one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from infra.containers import ContainerTool, find_container_tool
from infra.image.build import PUBLIC_BASE, STAND_IN, WHEELS, Build, prepare
from infra.image.errors import ImageError
from tests import ROOT
from tests.contract.fetch_rie import BINARY, FetchError, fetch

TAG = STAND_IN
FOLDER = ROOT / "build" / "image" / "stand-in"
_HERE = Path(__file__).parent
_SUITE = "trixie"
_PACKAGES = "python3,python3-venv,ca-certificates"
_FILES = ("Containerfile", "bootstrap", "lambda-entrypoint.sh")
_CLIENT = ("awslambdaric", "simplejson", "snapshot_restore_py")


def build(tool: ContainerTool) -> str:
    """Build it, from what is there where it is there.

    Returns:
        Its name.

    Raises:
        ImageError: the tool or mmdebstrap failed.
        FetchError: AWS's emulator cannot be had.
    """
    fetch()
    FOLDER.mkdir(parents=True, exist_ok=True)
    root = FOLDER / "root.tar"
    if not root.exists():
        print("Fetching a Debian 13 with Python 3.13: half a minute …", flush=True)
        make_root(root)
    prepare(tool, Build(ROOT, tag=TAG))
    wheels = FOLDER / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    wheels.mkdir()
    for wheel in (ROOT / WHEELS).glob("*.whl"):
        if wheel.name.startswith(_CLIENT):
            shutil.copy(wheel, wheels)
    for file in (*(_HERE / name for name in _FILES), BINARY):
        shutil.copy(file, FOLDER)
    print(f"Building {TAG}, in the place of {PUBLIC_BASE} …", flush=True)
    tool.ask(
        "build",
        "--network",
        "none",
        "--tag",
        TAG,
        "--file",
        str(FOLDER / "Containerfile"),
        str(FOLDER),
    )
    return TAG


def make_root(target: Path) -> None:
    """Make a Debian root as a tar file.

    Raises:
        ImageError: mmdebstrap is not there, or failed.
    """
    if shutil.which("mmdebstrap") is None:
        raise ImageError("expected mmdebstrap on the PATH, found none: apt install mmdebstrap")
    part = target.with_suffix(".part.tar")
    done = subprocess.run(
        [
            *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}"),
            *(_SUITE, str(part), mirror()),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ImageError(f"expected mmdebstrap to make a {_SUITE}, got: {done.stderr[-600:]}")
    part.rename(target)


def mirror() -> str:
    """Return the mirror that this machine's apt takes Debian from.

    Raises:
        ImageError: it takes none.
    """
    form = "$(REPO_URI) $(CODENAME)"
    targets = [
        "apt-get",
        "indextargets",
        "--format",
        form,
        "Created-By: Packages",
        "Origin: Debian",
    ]
    listed = subprocess.run(targets, capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        address, _, codename = line.partition(" ")
        if "-" not in codename:  # not bookworm-security
            return address
    raise ImageError("expected apt to know a mirror of Debian, got none: apt-get update")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the shell; what goes wrong is its last line."""
    summary, _, more = (__doc__ or "").strip().partition("\n\n")
    ArgumentParser(
        prog="python -m tests.image.stand_in.build",
        description=summary,
        epilog=more,
        formatter_class=RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    try:
        build(find_container_tool())
    except (ImageError, FetchError) as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
