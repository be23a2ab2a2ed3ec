"""What the tests of the cloud's description share: Terraform, and a provider for it."""

from __future__ import annotations

import os

import pytest

from tests.conftest import absent, require_tool
from tests.infra.aws.terraform import PROVIDER, mirrors


@pytest.fixture(scope="session")
def program() -> str:
    """Find Terraform, with the AWS provider on this machine or options to fetch it."""
    path = require_tool("terraform")
    if "TF_CLI_ARGS_init" not in os.environ and not any(mirrors()):
        absent(f"expected {PROVIDER} in a folder of providers, or TF_CLI_ARGS_init; found neither")
    return path
