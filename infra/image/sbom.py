"""The software bill of materials, CycloneDX 1.6: all that is really in the image."""

from __future__ import annotations

import json
import tomllib
import uuid
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from infra.image.contents import TASK, Contents
from infra.image.packages import Package, packages_of
from infra.image.parts import Part, parts_of

_ZOO = f"{TASK}/model/zoo/"
_LABELS = "org.opencontainers.image."


def bill_of(contents: Contents) -> str:
    """Return the bill as JSON, the same for the same image."""
    labels = contents.config["config"].get("Labels") or {}
    packages = packages_of(contents)
    parts = map(_part, parts_of(contents, packages))
    bom = Bom(components=[*map(_package, packages), *_models(contents), *parts])
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(contents.config["rootfs"]))
    bom.metadata.timestamp = _created(contents)
    bom.metadata.component = Component(
        name=labels.get(f"{_LABELS}title", "image"),
        version=labels.get(f"{_LABELS}version"),
        type=ComponentType.CONTAINER,
        bom_ref="image",
        licenses=[LicenseFactory().make_from_string(labels.get(f"{_LABELS}licenses", "unknown"))],
        properties=[
            Property(name=key, value=labels.get(f"{_LABELS}{key}"))
            for key in ("revision", "base.name", "base.digest")
        ],
    )
    bom.register_dependency(bom.metadata.component, bom.components)
    return str(JsonV1Dot6(bom).output_as_string(indent=2))


def write_bill(contents: Contents, path: Path) -> list[str]:
    """Write the bill; return what it lacks: the licence of each package that states none."""
    path.write_text(bill_of(contents) + "\n", encoding="utf-8")
    return [
        f"{package.name} {package.version}: no licence in the bill of materials"
        for package in packages_of(contents)
        if not package.licence
    ]


def _purl(package: Package) -> PackageURL:
    return PackageURL("pypi", name=package.name.lower(), version=package.version)


def _package(package: Package) -> Component:
    """Describe a package; its hash is RECORD's, which has the hash of each of its files."""
    purl = _purl(package)
    licences = [LicenseFactory().make_from_string(package.licence)] if package.licence else []
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        licenses=licences,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=package.record_sha256)],
        properties=[Property(name="lambake:hash-of", value="RECORD")],
    )


def _part(part: Part) -> Component:
    licences = [LicenseFactory().make_from_string(part.licence)] if part.licence else []
    return Component(
        name=part.name,
        version=part.version,
        type=ComponentType.LIBRARY,
        bom_ref=part.ref,
        purl=part.purl,
        licenses=licences,
        properties=[Property(name="lambake:stated-by", value=part.stated_by)],
    )


def _models(contents: Contents) -> list[Component]:
    found = []
    for path in sorted(contents.entries):
        if path.startswith(_ZOO) and path.endswith("/model.toml"):
            manifest = tomllib.loads(contents.read(path).decode("utf-8"))
            artefact = path.replace("model.toml", manifest["artefact"]["file"])
            licence = manifest.get("licence", "unknown")
            found.append(
                Component(
                    name=manifest["name"],
                    version=str(manifest["version"]),
                    type=ComponentType.MACHINE_LEARNING_MODEL,
                    bom_ref=f"model/{manifest['name']}@{manifest['version']}",
                    licenses=[LicenseFactory().make_from_string(licence)],
                    hashes=[_hash_of(contents, artefact)],
                )
            )
    return found


def _hash_of(contents: Contents, path: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=contents.sha256(path).hex())


def _created(contents: Contents) -> datetime:
    stated = str(contents.config["created"])
    return datetime.fromisoformat(stated[:19]).replace(tzinfo=UTC)
