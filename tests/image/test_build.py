"""The build: the same bytes again, small steps, and clear ends."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infra.containers import ContainerTool, ContainerToolFailed
from infra.image.build import LOCK, Build, build_image
from infra.image.errors import WheelsMissing
from infra.image.wheels import fetch_wheels, pinned
from tests import ROOT
from tests.conftest import require_tool
from tests.image.derived import layers_of


@pytest.fixture
def tree(image: str, tmp_path: Path) -> Path:
    """Copy what an image is built from, to change something in it."""
    for name in ("function", "model", "infra/image"):
        ignored = shutil.ignore_patterns("__pycache__", "*.keras", "*.pyc")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("Dockerfile.lambda", ".dockerignore", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    wheels = ROOT / "build" / "image" / "wheels"
    shutil.copytree(wheels, tmp_path / "build/image/wheels", copy_function=os.link)
    return tmp_path


def test_a_build_gives_the_same_bytes_again(tool: ContainerTool, build: Build, tree: Path) -> None:
    """Two builds of one tree, from nothing each, have one digest."""
    tags = ["localhost/lambake:once", "localhost/lambake:again"]
    for tag in tags:
        build_image(tool, replace(build, root=tree, tag=tag, cached=False))
    one, other = (tool.inspect(tag) or {} for tag in tags)
    assert one["Id"] == other["Id"]
    assert one["RootFS"] == other["RootFS"]


def test_a_new_model_changes_one_small_layer(
    tool: ContainerTool, build: Build, image: str, tree: Path
) -> None:
    """Whoever has the last image fetches one model, not the packages."""
    before = replace(build, root=tree, tag="localhost/lambake:before")
    build_image(tool, before)
    with (tree / "model" / "zoo" / "digits" / "CARD.md").open("a") as card:
        card.write("Better.\n")
    after = replace(before, tag="localhost/lambake:after")
    build_image(tool, after)
    old, new = layers_of(tool, before.tag), layers_of(tool, after.tag)
    assert len(old) == len(new)
    assert [number for number, layer in enumerate(new) if layer != old[number]] == [len(new) - 1]


def test_a_cached_build_has_labels_of_its_own(
    tool: ContainerTool, build: Build, tree: Path
) -> None:
    """The version and the base are of this build, however much comes from the one before."""
    project = tree / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    for version in ("8.0.0", "9.0.0"):
        project.write_text(re.sub(r'^version = ".*"', f'version = "{version}"', text, flags=re.M))
        build_image(tool, replace(build, root=tree, tag="localhost/lambake:labels"))
        known = tool.inspect("localhost/lambake:labels") or {}
        found = known["Config"]["Labels"]
        assert found["org.opencontainers.image.version"] == version
        assert found["org.opencontainers.image.base.name"] == build.base
        assert found["org.opencontainers.image.base.digest"].startswith("sha256:")


def test_an_engine_that_is_not_installed_ends_the_build(
    tool: ContainerTool, build: Build, tree: Path
) -> None:
    """A manifest may name an engine that there is: the build says which those are."""
    manifest = tree / "model" / "zoo" / "iris" / "model.toml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("[artefact]", '[artefact]\nengine = "tensorflow"'))
    with pytest.raises(ContainerToolFailed) as caught:
        build_image(tool, replace(build, root=tree, tag="localhost/lambake:none"))
    assert "artefact.engine: expected one of onnx, got 'tensorflow'" in caught.value.said


def test_the_wheels_of_the_other_architecture_can_be_had(tmp_path: Path) -> None:
    """Every locked package has a wheel for arm64, of a locked hash, to build there."""
    assert fetch_wheels([ROOT / LOCK], "linux/arm64", tmp_path)
    names = [wheel.name for wheel in tmp_path.glob("*.whl")]
    assert len(names) == len(pinned(ROOT / LOCK, "aarch64").splitlines())
    assert all(name.endswith(("any.whl", "aarch64.whl")) for name in names)
    assert not fetch_wheels([ROOT / LOCK], "linux/arm64", tmp_path)


def test_a_wheel_of_another_hash_is_refused(tmp_path: Path) -> None:
    """A lock that knows the hash of one architecture only cannot be fetched for the other."""
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(WheelsMissing) as caught:
        fetch_wheels([lock], "linux/arm64", tmp_path / "wheels")
    assert "give every locked wheel; is it reachable? pip says: " in str(caught.value)


def test_the_lock_holds_for_the_base_image(tmp_path: Path) -> None:
    """Every locked package has a wheel for x86-64 and arm64, and the base image's glibc, 2.34."""
    for lock in (ROOT / LOCK).parent.glob("requirements*.txt"):
        assert resolved(lock, "x86_64", tmp_path) == 0
        assert resolved(lock, "aarch64", tmp_path) == 0


def test_a_package_for_one_architecture_is_found(tmp_path: Path) -> None:
    """tensorflow-cpu has no wheel for arm64, and so the check above can fail."""
    text = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    (pinned_package,) = re.findall(r"^tensorflow-cpu==.*(?:\n    .*)*", text, re.MULTILINE)
    (tmp_path / "lock.txt").write_text(pinned_package)
    assert resolved(tmp_path / "lock.txt", "x86_64", tmp_path) == 0
    assert resolved(tmp_path / "lock.txt", "aarch64", tmp_path) != 0


def resolved(lock: Path, machine: str, folder: Path) -> int:
    """Ask uv whether it could install a lock on a machine; it fetches no package for that."""
    uv = require_tool(str(Path(sys.executable).parent / "uv"))
    done = subprocess.run(
        [
            *(uv, "pip", "install", "--quiet", "--dry-run", "--require-hashes"),
            *("--only-binary", ":all:", "--no-deps", "--python-version", "3.13"),
            *("--python-platform", f"{machine}-manylinux_2_34"),
            *("--target", str(folder / "target"), "--requirement", str(lock)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode
