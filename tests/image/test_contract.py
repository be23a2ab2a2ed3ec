"""The contract's function half, asked of the image in a container: through the Runtime Interface
Emulator in its base, and as the child of our own emulator. test_plain_http.py has the third way.
"""

from __future__ import annotations

import pytest

from infra.containers import ContainerTool
from tests.contract.lambake_target import LambakeTarget
from tests.contract.target import Target
from tests.contract.test_function import function, test_event
from tests.image.containers import BundledRie

__all__ = ["function", "test_event"]


@pytest.fixture(scope="module", params=["rie", "lambake"])
def target(request: pytest.FixtureRequest, tool: ContainerTool, image: str) -> Target:
    """Return each way to run the image's handler in turn."""
    found: Target = BundledRie(tool, image) if request.param == "rie" else LambakeTarget(image)
    return found
