"""What an image holds besides Python's packages and models, as each states it itself.

The base's packages (RPM's or Debian's), Python, the libraries in C inside wheels, and Swagger UI.
"""

from __future__ import annotations

import json
import re
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from email.parser import Parser
from typing import Final

from packageurl import PackageURL

from infra.image.contents import TASK, Contents
from infra.image.packages import Package

RPM: Final = ("var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite")
DEBIAN: Final = "var/lib/dpkg/status"
SWAGGER_UI: Final = f"{TASK}/fastapi_swagger/resources/swagger-ui-bundle.js"

_PYTHON: Final = {
    re.compile(r"include/python3\.\d+/patchlevel\.h$"): re.compile(rb'PY_VERSION\s+"([^"]+)"'),
    re.compile(r"^var/lang/pyvenv\.cfg$"): re.compile(rb"^version = (\S+)", re.MULTILINE),
}
_SWAGGER_VERSION: Final = re.compile(rb'PACKAGE_VERSION:"([\d.]+)"')
_OPENBLAS_VERSION: Final = re.compile(rb"OpenBLAS (\d+(?:\.\d+)+)")
_SHARED: Final = re.compile(r"^(.*\.libs)/([^/]+\.so[^/]*)$")
# Source: RPM's lib/rpmtag.h: the tags' numbers, and the types of a header's entries.
_RPM_TAGS: Final = {
    1000: "name", 1001: "version", 1002: "release", 1003: "epoch", 1014: "licence", 1022: "arch",
}  # fmt: skip
_RPM_INT32: Final = 4


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something in the image that has a name of its own.

    Attributes:
        version: as its makers write it; None: nothing says it.
        licence: an SPDX expression or words; None: nothing says it.
        stated_by: the file in the image, or the package, that says so.
    """

    name: str
    version: str | None = None
    purl: PackageURL | None = None
    licence: str | None = None
    stated_by: str

    @property
    def ref(self) -> str:
        """Its name within a bill of materials."""
        return str(self.purl or f"{self.stated_by}/{self.name}@{self.version}")


def parts_of(contents: Contents, packages: Sequence[Package]) -> list[Part]:
    """Return every part, one of each."""
    found = [*_of_the_base(contents), *_python(contents), *_swagger_ui(contents)]
    for package in packages:
        found += _inside(contents, package)
    return list({part.ref: part for part in found}.values())


def _of_the_base(contents: Contents) -> Iterator[Part]:
    release = _os_release(contents)
    system = release.get("ID", "linux")
    distro = {"distro": f"{system}-{release.get('VERSION_ID', '')}"}
    for path in RPM:
        if path in contents.entries:
            for tags in _rpm_headers(contents.read(path)):
                version = f"{tags['version']}-{tags['release']}"
                of = {key: tags[key] for key in ("arch", "epoch") if key in tags} | distro
                purl = PackageURL("rpm", system, tags["name"], version, of)
                yield Part(name=tags["name"], version=version, purl=purl,
                           licence=tags.get("licence"), stated_by=f"/{path}")  # fmt: skip
    if DEBIAN in contents.entries:
        for text in contents.read(DEBIAN).decode("utf-8", "replace").split("\n\n"):
            fields = Parser().parsestr(text, headersonly=True)
            if str(fields["Status"]).endswith(" installed"):
                name, version = str(fields["Package"]), str(fields["Version"])
                purl = PackageURL(
                    "deb", system, name, version, {"arch": fields["Architecture"], **distro}
                )
                yield Part(name=name, version=version, purl=purl, stated_by=f"/{DEBIAN}")


def _os_release(contents: Contents) -> dict[str, str]:
    """Read /etc/os-release, which is a link to the other."""
    for path in ("usr/lib/os-release", "etc/os-release"):
        if path in contents.entries and contents.entries[path].is_file:
            lines = contents.read(path).decode("utf-8", "replace").splitlines()
            pairs = (line.partition("=") for line in lines if "=" in line)
            return {key: value.strip("\"'") for key, _, value in pairs}
    return {}


def _rpm_headers(database: bytes) -> Iterator[dict[str, str]]:
    """Read the packages of RPM's database in SQLite.

    Source: RPM's docs/manual/hregions.md and format_header.md: the number of entries and of bytes,
    then an entry's tag, type, offset and count, all big-endian; then the bytes.
    """
    # A database in memory has no write-ahead log; bytes 18 and 19 say whether there is one.
    plain = database[:18] + b"\x01\x01" + database[20:]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(plain)
        blobs = [row[0] for row in connection.execute("SELECT blob FROM Packages ORDER BY hnum")]
    for blob in blobs:
        count, _ = struct.unpack_from(">II", blob)
        data = 8 + 16 * count
        tags = {}
        for number in range(count):
            tag, kind, offset, _ = struct.unpack_from(">IIII", blob, 8 + 16 * number)
            start = data + offset
            if tag in _RPM_TAGS and kind == _RPM_INT32:
                tags[_RPM_TAGS[tag]] = str(struct.unpack_from(">I", blob, start)[0])
            elif tag in _RPM_TAGS:
                text = blob[start : blob.index(b"\0", start)]
                tags[_RPM_TAGS[tag]] = text.decode("utf-8", "replace")
        yield tags


def _python(contents: Contents) -> Iterator[Part]:
    for path in sorted(contents.entries):
        for where, what in _PYTHON.items():
            said = what.search(contents.read(path)) if where.search(path) else None
            if said:
                version = said[1].decode("ascii", "replace")
                purl = PackageURL("generic", name="python", version=version)
                yield Part(name="python", version=version, purl=purl, licence="PSF-2.0",
                           stated_by=f"/{path}")  # fmt: skip


def _swagger_ui(contents: Contents) -> Iterator[Part]:
    if SWAGGER_UI not in contents.entries:
        return
    said = _SWAGGER_VERSION.search(contents.read(SWAGGER_UI))
    version = said[1].decode() if said else None
    purl = PackageURL("github", "swagger-api", "swagger-ui", f"v{version}") if version else None
    yield Part(name="swagger-ui", version=version, purl=purl, licence="Apache-2.0",
               stated_by=f"/{SWAGGER_UI}")  # fmt: skip


def _inside(contents: Contents, package: Package) -> Iterator[Part]:
    """Yield what a wheel says is in it; of one that says nothing, its shared libraries by name."""
    there = [path for path in package.record if path in contents.entries]
    stated = [path for path in there if ".dist-info/sboms/" in path and path.endswith(".json")]
    for path in stated:
        for component in json.loads(contents.read(path)).get("components", []):
            purl = PackageURL.from_string(component["purl"]) if component.get("purl") else None
            if purl is None or purl.type != "pypi":
                yield Part(
                    name=component["name"],
                    version=component.get("version"),
                    purl=purl,
                    licence=_licence_of(component),
                    stated_by=package.name,
                )
    for found in map(_SHARED.match, () if stated else there):
        if found:
            said = _OPENBLAS_VERSION.search(contents.read(found[0])) if "blas" in found[2] else None
            version = said[1].decode() if said else None
            yield Part(name=found[2], version=version, stated_by=package.name)


def _licence_of(component: dict[str, list[dict[str, dict[str, str] | str]]]) -> str | None:
    """Return a component's licences, as CycloneDX writes them, in one expression."""
    found = []
    for one in component.get("licenses", []):
        licence = one.get("license")
        named = licence.get("id") or licence.get("name") if isinstance(licence, dict) else None
        if text := named or one.get("expression"):
            found.append(str(text))
    return " AND ".join(found) or None
