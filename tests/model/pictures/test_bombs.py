"""No picture of up to 6 MB takes more than 300 MB of memory, however it was made.

Each is decoded and normalised in a process of its own, whose peak the kernel reports.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.model.pictures.bombs import BLANK, MEGABYTE, REFUSED, SERVED

LIMIT_BYTES = 300 * MEGABYTE
UPLOAD_BYTES = 6 * MEGABYTE

# VmHWM, and not ru_maxrss: that counts what the parent held when it forked, exec or not.
CHILD = """
import pathlib, sys
def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
data = pathlib.Path(sys.argv[1]).read_bytes()
if sys.argv[2] == "hoard":
    kept = bytearray(b"1") * 310_000_000
    print("hoarded", peak())
    raise SystemExit
from model.errors import InputError
from model.recipes.digit.recipe import to_digits
try:
    digits = to_digits([data], max_pixels=4096 * 4096)
    outcome = "served" if digits.shape == (1, 28, 28, 1) else "misshapen"
except InputError as error:
    outcome = "blank" if error.problems[0].got == "a blank picture" else "refused"
print(outcome, peak())
"""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


def outcome_and_peak(data: bytes, folder: Path, task: str = "decode") -> tuple[str, int]:
    """Decode a picture in a child; return what became of it, and the child's peak in bytes."""
    file = folder / "picture"
    file.write_bytes(data)
    command = [sys.executable, "-c", CHILD, str(file), task]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    outcome, peak = ran.stdout.split()
    return outcome, int(peak)


@pytest.mark.parametrize("name", REFUSED)
def test_a_bomb_is_refused_before_it_goes_off(name: str, tmp_path: Path) -> None:
    """A bomb is refused with an InputError, and hardly any memory is taken."""
    data = REFUSED[name]()
    assert len(data) <= UPLOAD_BYTES
    outcome, peak = outcome_and_peak(data, tmp_path)
    assert outcome == "refused"
    assert peak < 100 * MEGABYTE


@pytest.mark.parametrize("name", BLANK)
def test_a_large_blank_picture_stays_within_the_limit(name: str, tmp_path: Path) -> None:
    """What is within the limits but shows nothing is decoded, and is an error that says so."""
    data = BLANK[name]()
    assert len(data) <= UPLOAD_BYTES
    outcome, peak = outcome_and_peak(data, tmp_path)
    assert outcome == "blank"
    assert peak < LIMIT_BYTES


@pytest.mark.parametrize("name", SERVED)
def test_the_largest_pictures_are_served_within_the_limit(name: str, tmp_path: Path) -> None:
    """A picture of 4096 x 4096 is served in every format and mode."""
    data = SERVED[name]()
    assert len(data) <= UPLOAD_BYTES
    outcome, peak = outcome_and_peak(data, tmp_path)
    assert outcome == "served"
    assert peak < LIMIT_BYTES


def test_the_measurement_notices_memory_that_is_taken(tmp_path: Path) -> None:
    """A child that really takes 310 MB is over the limit: the check can fail."""
    outcome, peak = outcome_and_peak(b"", tmp_path, task="hoard")
    assert outcome == "hoarded"
    assert peak > LIMIT_BYTES
