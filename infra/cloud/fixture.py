"""The plug-in as a pytest fixture: `pytest_plugins = ["infra.cloud.fixture"]`.

def test_it(image_functions):
    image_functions(FunctionConfig(handler="app.handler", root=Path("src")))
    boto3.client("lambda").create_function(PackageType="Image", ...)
    boto3.client("lambda").invoke(...)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest
from moto import mock_aws

from infra.cloud.plugin import ImageFunctions
from infra.settings.function import FunctionConfig


@pytest.fixture
def image_functions() -> Iterator[Callable[[FunctionConfig], ImageFunctions]]:
    """Start mock_aws and return what runs its image functions; all end with the test."""
    with mock_aws(), contextlib.ExitStack() as stack:

        def start(config: FunctionConfig) -> ImageFunctions:
            return stack.enter_context(ImageFunctions(config))

        yield start
