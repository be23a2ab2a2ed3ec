"""Fetch the locked wheels of a platform, so that the image is built without a network.

pip here is configured for this machine's index, proxy and certificates; pip in the build is not,
and need not be. The files are in build/image/wheels, which .dockerignore lets in.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from infra.image.errors import WheelsMissing

_PYTHON = "3.13"
_ABIS = ("cp313", "abi3", "none")
# The base image is Amazon Linux 2023: glibc 2.34.
_GLIBC = range(34, 16, -1)
_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
PLATFORMS = tuple(_MACHINES)


def fetch_wheels(locks: Sequence[Path], platform: str, folder: Path) -> bool:
    """Put the wheels of some locks into a folder, and nothing else.

    Args:
        locks: requirements with hashes, for any platform.
        platform: linux/amd64 or linux/arm64.
        folder: where to put them.

    Returns:
        Whether anything was fetched; False if all were there.

    Raises:
        WheelsMissing: pip could not fetch one of them.
    """
    machine = _MACHINES[platform]
    wanted = "".join(pinned(lock, machine) for lock in locks)
    stamp = folder / ".of"
    digest = hashlib.sha256(f"{platform}\n{wanted}".encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in folder.glob("*.whl"):
        if not _is_wanted(wheel.name, wanted, machine):
            wheel.unlink()
    requirements = folder / ".requirements.txt"
    requirements.write_text(wanted)
    done = subprocess.run(
        [*_pip(machine), "-r", str(requirements), "-d", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise WheelsMissing(done.stderr or done.stdout)
    stamp.write_text(digest)
    return True


def pinned(lock: Path, machine: str) -> str:
    """Return the requirements of a universal lock that hold on one machine, without their
    conditions.

    pip evaluates conditions for the Python that it runs on, not for the one it downloads for.
    """
    target = {
        "python_version": _PYTHON,
        "python_full_version": f"{_PYTHON}.0",
        "platform_machine": machine,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
    }
    lines: set[str] = set()
    for entry in re.split(r"\n(?=\w)", lock.read_text(encoding="utf-8")):
        head, *options = entry.replace("\\\n", "").split(" --hash=")
        hashes = [f"--hash={option.split()[0]}" for option in options]
        if not hashes:
            continue
        requirement = Requirement(head.strip())
        if requirement.marker is None or requirement.marker.evaluate(target):
            lines.add(" ".join([f"{requirement.name}{requirement.specifier}", *hashes]))
    return "".join(f"{line}\n" for line in sorted(lines))


def _is_wanted(wheel: str, wanted: str, machine: str) -> bool:
    """Whether a wheel is one of the pinned ones, for this machine; pip does not fetch it again."""
    name, version, *_ = parse_wheel_filename(wheel)
    pin = re.compile(rf"^{re.escape(name)}=={re.escape(str(version))} ", re.MULTILINE)
    return bool(pin.search(wanted)) and wheel.endswith(("any.whl", f"{machine}.whl"))


def _pip(machine: str) -> list[str]:
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC] + [
        f"manylinux2014_{machine}"
    ]
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
        *("--implementation", "cp", "--python-version", _PYTHON),
        *(option for abi in _ABIS for option in ("--abi", abi)),
        *(option for platform in platforms for option in ("--platform", platform)),
    ]
