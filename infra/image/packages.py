"""The installed packages of an image, as their own metadata describes them."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser

from infra.image.contents import TASK, Contents

_INFO = ".dist-info"
_CACHE = "__pycache__"
_CLASSIFIER = "License :: OSI Approved :: "


@dataclass(frozen=True)
class Package:
    """One installed distribution."""

    name: str
    version: str
    licence: str | None
    record: Mapping[str, str]  # path in the image -> its hash in RECORD, or ""
    record_sha256: str

    def altered(self, contents: Contents) -> list[str]:
        """Return the files that are not as they were installed."""
        return [
            path
            for path, expected in self.record.items()
            if expected and (path not in contents.entries or _hash(contents, path) != expected)
        ]


def packages_of(contents: Contents) -> list[Package]:
    """Return every package in /var/task, by name."""
    suffix = f"{_INFO}/METADATA"
    found = [path for path in contents.entries if path.startswith(TASK) and path.endswith(suffix)]
    packages = [_package(contents, posixpath.dirname(path)) for path in found]
    return sorted(packages, key=lambda package: package.name.lower())


def owners(packages: list[Package]) -> dict[str, str]:
    """Return the owner of each file: path to package."""
    return {path: package.name for package in packages for path in package.record}


def source_of(path: str) -> str:
    """Return the source of a compiled file; any other file is its own."""
    folder, name = posixpath.split(path)
    if posixpath.basename(folder) != _CACHE or not name.endswith(".pyc"):
        return path
    return posixpath.join(posixpath.dirname(folder), f"{name.split('.')[0]}.py")


@dataclass(frozen=True)
class Sizes:
    """The bytes on top of the base by what they belong to, largest first."""

    parts: Mapping[str, int]
    """Packages, and our code: function, model."""
    models: Mapping[str, int]
    """The bundles, all versions of a model together."""


def sizes_of(contents: Contents, packages: list[Package]) -> Sizes:
    """Return what lies on top of the base, weighed."""
    owner = owners(packages)
    named = {package.name: f"{package.name} {package.version}" for package in packages}
    parts: dict[str, int] = {}
    models: dict[str, int] = {}
    for entry in contents.ours():
        if entry.is_file:
            owned = owner.get(source_of(entry.path))
            below = entry.path.removeprefix(f"{TASK}/").split("/")
            is_model = below[:2] == ["model", "zoo"]
            found = models if is_model else parts
            key = named[owned] if owned else below[2] if is_model else below[0]
            found[key] = found.get(key, 0) + entry.size_bytes
    return Sizes(_by_size(parts), _by_size(models))


def _by_size(found: dict[str, int]) -> dict[str, int]:
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _package(contents: Contents, folder: str) -> Package:
    metadata = Parser().parsestr(contents.read(f"{folder}/METADATA").decode("utf-8"))
    record = contents.read(f"{folder}/RECORD")
    rows = csv.reader(io.StringIO(record.decode("utf-8")))
    return Package(
        name=str(metadata["Name"]),
        version=str(metadata["Version"]),
        licence=_licence(metadata),
        record={posixpath.join(TASK, row[0]): row[1] for row in rows},
        record_sha256=hashlib.sha256(record).hexdigest(),
    )


def _licence(metadata: Message) -> str | None:
    """Return the licence, from the best of the three forms that metadata may have."""
    if metadata["License-Expression"]:
        return str(metadata["License-Expression"])
    stated = str(metadata["License"] or "").strip()
    if stated and "\n" not in stated and stated != "UNKNOWN":
        return stated
    classifiers = [str(value) for value in metadata.get_all("Classifier") or []]
    named = [value.removeprefix(_CLASSIFIER) for value in classifiers if _CLASSIFIER in value]
    return named[0] if named else None


def _hash(contents: Contents, path: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(contents.sha256(path)).rstrip(b"=").decode()
