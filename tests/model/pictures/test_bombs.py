"""No picture of up to 6 MB takes more than 300 MB of memory, however it was made.

Each is decoded and normalised in a process of its own, whose peak the kernel reports.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests import ROOT
from tests.model.pictures.bombs import BLANK, MEGABYTE, REFUSED, SERVED

LIMIT_BYTES = 300 * MEGABYTE
UPLOAD_BYTES = 6 * MEGABYTE

# Imports once, and forks for each picture. VmHWM, and not ru_maxrss: that counts what the parent
# held when it forked, exec or not.
HOST = """
import os, pathlib, sys
from model.errors import InputError
from model.recipes.digit.recipe import to_digits
def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
def outcome(file, task):
    data = pathlib.Path(file).read_bytes()
    if task == "hoard":
        kept = bytearray(b"1") * 310_000_000
        return "hoarded"
    try:
        digits = to_digits([data], max_pixels=4096 * 4096)
    except InputError as error:
        return "blank" if error.problems[0].got == "a blank picture" else "refused"
    return "served" if digits.shape == (1, 28, 28, 1) else "misshapen"
for line in sys.stdin:
    if os.fork():
        _, status = os.wait()
        if status:
            print("died of", status, flush=True)
    else:
        print(outcome(*line.rstrip().split("|")), peak(), flush=True)
        os._exit(0)
"""

Weigh = Callable[..., tuple[str, int]]

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


@pytest.fixture(scope="module")
def weigh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weigh]:
    """Return what tells what became of a picture in a child, and the child's peak in bytes."""
    file = tmp_path_factory.mktemp("bombs") / "picture"
    command = [sys.executable, "-c", HOST]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as host:
        assert host.stdin
        assert host.stdout
        told, heard = host.stdin, host.stdout

        def weighed(data: bytes, task: str = "decode") -> tuple[str, int]:
            file.write_bytes(data)
            print(file, task, sep="|", file=told, flush=True)
            outcome, peak = heard.readline().split()
            return outcome, int(peak)

        yield weighed


@pytest.mark.parametrize("name", REFUSED)
def test_a_bomb_is_refused_before_it_goes_off(name: str, weigh: Weigh) -> None:
    """A bomb is refused with an InputError, and hardly any memory is taken."""
    data = REFUSED[name]()
    assert len(data) <= UPLOAD_BYTES
    outcome, peak = weigh(data)
    assert outcome == "refused"
    assert peak < 100 * MEGABYTE


@pytest.mark.parametrize("name", BLANK)
def test_a_large_blank_picture_stays_within_the_limit(name: str, weigh: Weigh) -> None:
    """What is within the limits but shows nothing is decoded, and is an error that says so."""
    data = BLANK[name]()
    assert len(data) <= UPLOAD_BYTES
    outcome, peak = weigh(data)
    assert outcome == "blank"
    assert peak < LIMIT_BYTES


@pytest.mark.parametrize("name", SERVED)
def test_the_largest_pictures_are_served_within_the_limit(name: str, weigh: Weigh) -> None:
    """A picture of 4096 x 4096 is served in every format and mode."""
    data = SERVED[name]()
    assert len(data) <= UPLOAD_BYTES
    outcome, peak = weigh(data)
    assert outcome == "served"
    assert peak < LIMIT_BYTES


def test_the_measurement_notices_memory_that_is_taken(weigh: Weigh) -> None:
    """A child that really takes 310 MB is over the limit: the check can fail."""
    outcome, peak = weigh(b"", task="hoard")
    assert outcome == "hoarded"
    assert peak > LIMIT_BYTES
