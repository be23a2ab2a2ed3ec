"""What the tests of the cloud's description share: Terraform, and a provider for it."""

from __future__ import annotations

import os

import pytest

from tests.conftest import STRICT, require_tool
from tests.infra.aws.terraform import PROVIDER, mirrors


@pytest.fixture(scope="session")
def program() -> str:
    """
    Find Terraform, with the AWS provider on this machine or a
    wish of the developer's for another.
    """
    path = require_tool("terraform")
    if "TF_CLI_ARGS_init" in os.environ or any(mirrors()):
        return path
    reason = f"expected {PROVIDER} in a folder of providers, or TF_CLI_ARGS_init; found neither"
    if STRICT:
        pytest.fail(reason)
    pytest.skip(reason)
