"""Fetch AWS's Runtime Interface Emulator, and its sample events: `python -m
tests.contract.fetch_rie`.

Both lie in the wheel of aws-sam-cli: the emulator as one file, and what `sam local generate-event`
makes events of. pip downloads the wheel that rie-requirements.txt locks by its hash, from whatever
index pip is set up with; these are taken out, the rest is thrown away. Where those of the locked
wheel are there already, nothing is done.

Source: https://github.com/aws/aws-lambda-runtime-interface-emulator (Apache-2.0).
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

_HERE = Path(__file__).parent
LOCK = _HERE / "rie-requirements.txt"
FOLDER = _HERE.parent.parent / "build" / "rie"
BINARY = FOLDER / "aws-lambda-rie"
SAMPLES = "sample-events.json"
"""Beside the binary: each template's text by its name, such as `s3/S3Put`."""

_SAMPLE = r"samcli/lib/generated_sample_events/events/(.+/.+)\.json"
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class FetchError(Exception):
    """The binary cannot be had; the message says why."""


def locked(lock: str) -> tuple[str, str]:
    """Read the requirement and its hash from the lock file's text."""
    found = re.search(r"^(aws-sam-cli==\S+) .*?--hash=sha256:([0-9a-f]{64})", lock, re.M | re.S)
    if found is None:
        raise FetchError(f"expected aws-sam-cli==… with a sha256 in {LOCK}, got none")
    return found[1], found[2]


def member_of(machine: str) -> str:
    """Name the binary for a machine (platform.machine()) in the wheel."""
    if machine.lower() not in _ARCHITECTURES:
        known = ", ".join(sorted(_ARCHITECTURES))
        raise FetchError(f"expected one of the machines {known}, got {machine}")
    return f"samcli/local/rapid/aws-lambda-rie-{_ARCHITECTURES[machine.lower()]}"


def download(folder: Path, pip: Sequence[str]) -> Path:
    """Let pip download the locked wheel.

    Args:
        folder: where to.
        pip: the command that runs pip.

    Raises:
        FetchError: pip failed; its last line is in the message.
    """
    command = [*pip, "download", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--disable-pip-version-check", "-r", str(LOCK), "-d", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("aws_sam_cli-*.whl"))
    if ran.returncode or not wheels:
        lines = (ran.stderr or ran.stdout).strip().splitlines() or ["nothing"]
        raise FetchError(
            "expected the package registry to give the wheel of aws-sam-cli; is it reachable? "
            f"pip says: {lines[-1]}"
        )
    return wheels[0]


def extract(wheel: Path, member: str, binary: Path, *, stamp: str) -> None:
    """Take one program out of a wheel, and note beside it which wheel it came from."""
    part = binary.with_suffix(".part")
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(member) as source,
            part.open("wb") as target,
        ):
            shutil.copyfileobj(source, target)
    except KeyError as exc:
        raise FetchError(f"expected {member} in {wheel.name}, got none") from exc
    part.chmod(0o755)
    part.replace(binary)
    _stamp_of(binary).write_text(stamp)


def extract_samples(wheel: Path, target: Path) -> None:
    """Take the templates of the sample events out of a wheel, into one file."""
    with zipfile.ZipFile(wheel) as archive:
        found = (re.fullmatch(_SAMPLE, name) for name in archive.namelist())
        samples = {one[1]: archive.read(one[0]).decode() for one in found if one}
    if not samples:
        raise FetchError(f"expected sample events in {wheel.name}, got none")
    target.write_text(json.dumps(samples, indent=1), encoding="utf-8")


def is_there(binary: Path, stamp: str) -> bool:
    """Whether the binary of this wheel and machine is there."""
    noted = _stamp_of(binary)
    return binary.is_file() and noted.is_file() and noted.read_text() == stamp


def fetch(binary: Path = BINARY, *, pip: Sequence[str] = (sys.executable, "-m", "pip")) -> None:
    """Get the binary and the samples unless they are there, telling what happens."""
    requirement, digest = locked(LOCK.read_text(encoding="utf-8"))
    member = member_of(platform.machine())
    stamp = f"{digest} {member}\n"
    samples = binary.parent / SAMPLES
    if is_there(binary, stamp) and samples.is_file():
        print(f"The Runtime Interface Emulator of {requirement} is there: {binary}")
        return
    binary.parent.mkdir(parents=True, exist_ok=True)
    print(f"Fetching {requirement} (8 MB) for the Runtime Interface Emulator in it …", flush=True)
    with tempfile.TemporaryDirectory(dir=binary.parent) as folder:
        wheel = download(Path(folder), pip)
        print(f"Taking {member} and the sample events out of it …", flush=True)
        extract_samples(wheel, samples)
        extract(wheel, member, binary, stamp=stamp)
    print(f"Done: {binary}")


def _stamp_of(binary: Path) -> Path:
    return binary.with_suffix(".from")


def main() -> int:
    """Run from the shell.

    Returns:
        0, or 1 if it could not be had.
    """
    try:
        fetch()
    except FetchError as exc:
        print(f"No Runtime Interface Emulator: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
