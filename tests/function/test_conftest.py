"""What every test gets is really there: the fakes can fail."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests import conftest
from tests.contract.rie_target import require_rie


def test_fake_credentials() -> None:
    """No test sees the developer's own credentials or settings."""
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "testing"
    assert "AWS_PROFILE" not in os.environ
    assert not [key for key in os.environ if key.startswith("LAMBAKE_")]


def test_no_network() -> None:
    """A connection that leaves this machine is refused, before a packet is sent."""
    message = "expected no network in tests, got a connection to 192.0.2.1"
    with socket.socket() as client, pytest.raises(OSError, match=f"^{message}$"):
        client.connect(("192.0.2.1", 80))


@pytest.mark.parametrize("strict", [False, True])
def test_a_missing_tool(monkeypatch: pytest.MonkeyPatch, strict: bool) -> None:
    """A test whose tool is absent is skipped with the reason, and fails in CI."""
    monkeypatch.setattr(conftest, "STRICT", strict)
    outcome = pytest.fail.Exception if strict else pytest.skip.Exception
    with pytest.raises(outcome) as caught:
        conftest.require_tool("no-such-program")
    assert str(caught.value) == "expected the program no-such-program on the PATH, found none"
    with pytest.raises(
        outcome, match=r"/no-rie, found none: python -m tests\.contract\.fetch_rie$"
    ):
        require_rie(Path("/no-rie"))


def test_a_tool() -> None:
    """A tool that is there is named by its path."""
    assert os.access(conftest.require_tool("sh"), os.X_OK)
    require_rie(Path(__file__))
