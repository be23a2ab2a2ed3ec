"""What is in the image is what must be; and each rule finds what breaks it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from infra.cli import main
from infra.containers import ContainerTool
from infra.image import init_time, sbom
from infra.image.build import LOCK, Build
from infra.image.checks import breaches_of, is_small
from infra.image.contents import Contents, contents_of
from infra.image.errors import ImageError
from infra.image.packages import packages_of, sizes_of
from infra.image.report import BILL, measure_init
from infra.image.sbom import bill_of, write_bill
from infra.settings.limits import INIT_LIMIT_S
from tests import ROOT
from tests.image.derived import derived, remove_derived

ZOO = ROOT / "model" / "zoo"
TASK = "/var/task"

# Each with what is put in, and what must be said of it.
PLANTED = {
    "root": ("USER 0", ["user: expected another than root, got 0"]),
    "compiler": (
        "USER 0\nRUN cp /bin/true /usr/bin/x86_64-linux-gnu-gcc-14\nUSER 993",
        ["/usr/bin/x86_64-linux-gnu-gcc-14: a compiler"],
    ),
    "model": (
        f"USER 0\nRUN printf x >> {TASK}/model/zoo/iris/iris.onnx\nUSER 993",
        [f"{TASK}/model/zoo/iris/iris.onnx: expected sha256 "],
    ),
    "many": (
        "USER 0\nRUN cd /var/task"
        " && printf x >> numpy/version.py"
        " && printf x > function/late.py"
        " && mkdir -p function/tests && printf x > function/tests/data"
        " && chmod 600 function/http/app.py && chmod 4755 function/entrypoint.sh"
        " && rm -r six-*.dist-info model/zoo/digits"
        "\nENV ORT_DISABLE_TELEMETRY=0"
        '\nLABEL org.opencontainers.image.version=""\nCMD ["other"]\nUSER 993',
        [
            "numpy/version.py: not as numpy has it",
            "function/late.py: not compiled with an unchecked hash",
            "function/tests/data: not needed for serving",
            "function/http/app.py: not everybody may read it",
            "function/entrypoint.sh: mode 4755",
            "six.py: neither a package's nor ours",
            "six==1.17.0: locked, not installed",
            "/var/task/model/zoo/digits/model.toml: not in the image",
            "environment: expected ORT_DISABLE_TELEMETRY=1, got none",
            "label org.opencontainers.image.version: expected a value",
            "Cmd: expected ['function.entry.handler'], got ['other']",
        ],
    ),
}


def test_the_image_is_as_it_must_be(contents: Contents) -> None:
    """No rule is broken."""
    assert breaches_of(contents, locks=[ROOT / LOCK], zoo=ZOO) == []


@pytest.mark.parametrize("plant", PLANTED)
def test_what_was_planted_is_found(
    plant: str, tool: ContainerTool, image: str, base: str, tmp_path: Path
) -> None:
    """A root user, a compiler, a tampered model, and all else that is wrong, is told."""
    lines, expected = PLANTED[plant]
    with contents_of(tool, derived(tool, image, plant, lines, folder=tmp_path), base) as found:
        breaches = breaches_of(found, locks=[ROOT / LOCK], zoo=ZOO)
    assert [text for text in expected if not any(text in breach for breach in breaches)] == []


def test_a_large_image_is_found(tool: ContainerTool, image: str) -> None:
    """Without a base, all of it is on top: that is too much."""
    with contents_of(tool, image, None) as found:
        told = is_small(found)
    assert len(told) == 1
    assert told[0].startswith(
        "size: expected at most 150 MB of packages and code on the base, got "
    )


def test_layers_go_from_seldom_to_often_changed(contents: Contents) -> None:
    """The packages lie lowest, then the code, then the models."""
    names = [layer.name for layer in contents.layers if not layer.base]
    assert names == ["packages", "code", "model/zoo"]


def test_every_byte_has_a_name(contents: Contents) -> None:
    """The table of parts adds up to the files on top of the base."""
    sizes = sizes_of(contents, packages_of(contents))
    every = sum(sizes.parts.values()) + sum(sizes.models.values())
    assert every == sum(entry.size_bytes for entry in contents.ours() if entry.is_file)
    assert {"function", "model"} <= set(sizes.parts)
    assert set(sizes.models) == {path.parent.name for path in ZOO.glob("*/model.toml")}
    assert next(iter(sizes.parts)).startswith("numpy ")


def test_the_bill_lists_what_is_installed(contents: Contents) -> None:
    """Every package and model, with version, licence and hash, by CycloneDX's own schema."""
    bill = bill_of(contents)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    assert bill == bill_of(contents)
    listed = {c["purl"]: c for c in json.loads(bill)["components"] if c.get("purl")}
    for package in packages_of(contents):
        component = listed[str(PackageURL("pypi", None, package.name.lower(), package.version))]
        assert component["licenses"]
        assert component["hashes"] == [{"alg": "SHA-256", "content": package.record_sha256}]
    names = {purl.partition("@")[0] for purl in listed}
    assert names > {"pkg:pypi/numpy", "pkg:deb/debian/bash", "pkg:generic/python",
                    "pkg:github/swagger-api/swagger-ui", "pkg:rpm/almalinux/libXau"}  # fmt: skip
    models = [c for c in json.loads(bill)["components"] if c["type"] == "machine-learning-model"]
    digests = {model["name"]: model["hashes"][0]["content"] for model in models}
    for name in ("digits", "iris"):
        artefact = (ZOO / name / f"{name}.onnx").read_bytes()
        assert digests[name] == hashlib.sha256(artefact).hexdigest()


def test_a_package_without_a_licence_is_told(
    contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bill says so little of it that the image is refused."""
    assert write_bill(contents, tmp_path / "bill.json") == []
    packages = [replace(one, licence=None) for one in packages_of(contents)[:1]]
    monkeypatch.setattr(sbom, "packages_of", lambda _: packages)
    assert write_bill(contents, tmp_path / "bill.json") == [
        f"{packages[0].name} {packages[0].version}: no licence in the bill of materials"
    ]


def test_the_command_shows_and_measures(
    build: Build, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lambake image` draws the tables, writes the bill, and times the init."""
    assert main(["image", "--only-check", "--tag", image, "--base", build.base]) == 0
    text, error = capsys.readouterr()
    assert error == ""
    assert "on top of the base" in text
    assert "Checked: " in text
    inits = [line.split() for line in text.splitlines() if " ms " in line]
    assert [init[:2] for init in inits] == [["512", "MB"], ["1024", "MB"], ["1769", "MB"]]
    assert all(int(init[4]) < INIT_LIMIT_S * 1000 for init in inits)
    assert all(30 < int(init[6]) < 512 for init in inits)  # MB used
    assert json.loads((ROOT / BILL).read_text(encoding="utf-8"))["components"]


def test_a_function_that_ends_in_its_init_is_told(
    tool: ContainerTool, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that needs more memory does: the next setting is tried; if none is left, it fails."""
    monkeypatch.setattr(init_time, "MEMORIES_MB", (512,))
    ends = 'ENTRYPOINT ["/bin/sh", "-c", "sleep 0.3; kill -9 $$"]'
    tag = derived(tool, image, "ends", ends, folder=tmp_path)
    said: list[str] = []
    with pytest.raises(ImageError) as caught:
        measure_init(tool, tag, said.append)
    assert str(caught.value).endswith("to get ready, got the end of its process each time")
    assert said[-1].endswith("CPU  ended before it was ready, as for want of memory")


def test_the_command_fails_on_an_unfit_image(
    tool: ContainerTool, build: Build, image: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What is wrong is listed, and the status says so."""
    tag = derived(tool, image, "root", "USER 0", folder=tmp_path)
    assert main(["image", "--only-check", "--no-init", "--tag", tag, "--base", build.base]) == 1
    expected = f"{tag} breaks the rules of an image:\n  user: expected another than root, got 0\n"
    assert capsys.readouterr().err == expected


def test_derived_images_are_removed(tool: ContainerTool, image: str, tmp_path: Path) -> None:
    """By their label; what they were derived from stays."""
    label = "lambake.made-by=one-test"
    tag = derived(tool, image, "removed", "ENV A=1", folder=tmp_path, label=label)
    assert tool.inspect(tag)
    remove_derived(tool, label)
    assert tool.inspect(tag) is None
    assert tool.inspect(image)
