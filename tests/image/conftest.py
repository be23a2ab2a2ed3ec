"""What the image's tests share: one stand-in base and one image, built once in a test run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from infra.containers import ContainerTool, NoContainerTool, find_container_tool
from infra.image.build import Build, build_image, prepare
from infra.image.contents import Contents, contents_of
from tests import ROOT
from tests.conftest import absent, require_tool
from tests.contract.rie_target import require_rie
from tests.image.derived import remove_derived
from tests.image.stand_in import build as stand_in_build
from tests.schedule import once

IMAGE = "localhost/lambake:test"


# The first test builds a Debian, a base and the image.
_TIMEOUT_S = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder more time."""
    for item in items:
        if item.nodeid.startswith("tests/image/"):
            item.add_marker(pytest.mark.timeout(_TIMEOUT_S))


@pytest.fixture(scope="session")
def tool() -> Iterator[ContainerTool]:
    """Find docker or podman, as root: only root enters a container's network.

    Afterwards the images are removed that no later run builds upon.
    """
    try:
        found = find_container_tool()
    except NoContainerTool as exc:
        absent(str(exc))
    if os.geteuid() != 0:
        absent("expected to be root, to look into containers")
    yield found
    remove_derived(found)


@pytest.fixture(scope="session")
def base(tool: ContainerTool, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the stand-in for AWS's base image."""
    require_tool("mmdebstrap")
    require_rie()
    with once(tmp_path_factory, "base") as needed:
        return stand_in_build.build(tool) if needed else stand_in_build.TAG


@pytest.fixture(scope="session")
def build(base: str) -> Build:
    """Say how the image under test is built: as `make image` does."""
    return Build(ROOT, IMAGE, base, cached=True)


@pytest.fixture(scope="session")
def image(tool: ContainerTool, build: Build, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the image."""
    with once(tmp_path_factory, "image") as needed:
        if needed:
            prepare(tool, build)
            build_image(tool, build)
    return build.tag


@pytest.fixture(scope="session")
def contents(tool: ContainerTool, image: str, base: str) -> Iterator[Contents]:
    """Read the image."""
    with contents_of(tool, image, base) as found:
        yield found
