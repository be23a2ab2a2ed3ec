"""Remove the unused parts of installed packages: python prune.py UNUSED.toml PACKAGES

A script with only the standard library: it runs in the first stage of the image's build. It also
removes the deleted files from each package's RECORD, so that RECORD stays true.
"""

from __future__ import annotations

import csv
import shutil
import sys
import tomllib
from pathlib import Path


class StalePart(Exception):
    """A pattern of the list matches nothing."""


def unused(parts: list[dict[str, list[str]]], packages: Path) -> set[Path]:
    """Return the files and folders that the list names.

    Raises:
        StalePart: a pattern matches nothing, or only what is kept.
    """
    found: set[Path] = set()
    for part in parts:
        kept = {path for pattern in part.get("keep", ()) for path in packages.glob(pattern)}
        for pattern in part["remove"]:
            # A pattern for folders matches files too, before Python 3.13.
            folders_only = pattern.endswith("/")
            matching = {
                path
                for path in packages.glob(pattern.rstrip("/"))
                if path not in kept and (path.is_dir() or not folders_only)
            }
            if not matching:
                raise StalePart(f"{pattern}: expected something to remove, got nothing")
            found |= matching
    return found


def forget(packages: Path) -> None:
    """Remove deleted files from every RECORD."""
    for record in sorted(packages.glob("*.dist-info/RECORD")):
        with record.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if (packages / row[0]).exists()]
        with record.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def main(arguments: list[str]) -> int:
    """Remove the unused parts, and print how much that was."""
    listed, packages = Path(arguments[0]), Path(arguments[1])
    before = size_of(packages)
    try:
        parts = tomllib.loads(listed.read_text(encoding="utf-8"))["parts"]
        doomed = unused(parts, packages)
    except StalePart as exc:
        sys.stderr.write(f"{listed.name}: {exc}\n")
        return 1
    for path in doomed:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    forget(packages)
    saved = (before - size_of(packages)) / 1e6
    sys.stdout.write(f"{saved:.1f} MB of {before / 1e6:.1f} MB of packages are unused\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
