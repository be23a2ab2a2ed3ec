"""Bundles for the tests of `model`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.model.bundle.bundles import write_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Write a bundle that loads: three columns, three labels, at most four rows."""
    return write_bundle(tmp_path / "tiny")
