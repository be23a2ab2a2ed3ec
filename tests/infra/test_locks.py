"""The locks that make sets up from: each goes with the next larger, and fetches by hash alone."""

from __future__ import annotations

import re
import subprocess
from itertools import pairwise

import pytest

from tests import ROOT

LOCKS = (
    "function/requirements.txt",
    "infra/requirements.txt",
    "infra/image/requirements.txt",
    "infra/cloud/requirements.txt",
    "requirements-dev.txt",
)


def pins_of(lock: str) -> dict[str, set[str]]:
    """Return the versions that a lock has of each package; some have one for each Python."""
    pins: dict[str, set[str]] = {}
    text = (ROOT / lock).read_text(encoding="utf-8")
    for name, version in re.findall(r"^([a-z0-9.-]+)(?:\[.*\])?==([^\s;]+)", text, re.MULTILINE):
        pins.setdefault(name, set()).add(version)
    return pins


@pytest.mark.parametrize(("smaller", "larger"), list(pairwise(LOCKS)))
def test_a_larger_lock_has_all_of_a_smaller(smaller: str, larger: str) -> None:
    """Whoever sets up one after the other is left with what both say."""
    less, more = pins_of(smaller), pins_of(larger)
    assert less
    assert {name: more.get(name) for name in less} == less
    assert len(more) > len(less)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place(lock: str) -> None:
    """No index, file or address; each package has its hashes."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    code = [line for line in lines if not re.match(r" *(#|$)", line)]
    assert not [line for line in code if re.match(r"-|.*(://| @ |find-links|index)", line)]
    pinned = [number for number, line in enumerate(code) if not line.startswith(" ")]
    assert all(code[number + 1].startswith("    --hash=sha256:") for number in pinned)


def test_the_simulated_cloud_is_set_up_without_what_tests_need() -> None:
    """`make cloud-demo` waits for moto, not for TensorFlow."""
    pins = pins_of("infra/cloud/requirements.txt")
    assert {"moto", "cryptography", "cyclonedx-python-lib"} <= set(pins)
    assert not {"tensorflow-cpu", "scikit-learn", "pytest", "mypy"} & set(pins)
    asked = subprocess.run(
        ["make", "--dry-run", "--always-make", "cloud-demo"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "-r infra/cloud/requirements.txt" in asked
    assert "-r requirements-dev.txt" not in asked
