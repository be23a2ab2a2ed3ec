"""Models of other people, each baked by one command, answer at every door as in their own runtime.

Collected only where LAMBAKE_OTHER_MODELS names a folder of them (others.py says what is in it).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.acceptance.conftest import OTHERS
from tests.acceptance.doors import DOORS, Doors, doors_of
from tests.acceptance.others import REFUSED, Other, differences, feeds_for, others_in

MODELS = others_in(Path(OTHERS))
SERVED = [one for one in MODELS if one.id not in REFUSED]
TOLERANCE = 1e-5

pytestmark = pytest.mark.timeout(1800)

Baked = dict[str, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty zoo."""
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(scope="module")
def baked(zoo: Path) -> Baked:
    """Bake every model, each by one command."""
    return {one.id: bake(one, zoo) for one in MODELS}


def bake(one: Other, zoo: Path) -> subprocess.CompletedProcess[str]:
    """Bake a model as a person does."""
    command = [sys.executable, "-m", "infra", "bake", str(one.file), "--name", one.id, *one.flags]
    return subprocess.run(
        [*command, "--folder", str(zoo)], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def doors(zoo: Path, baked: Baked) -> Iterator[Doors]:
    """Serve all that were baked, in one function."""
    with doors_of(zoo) as running:
        yield running


@pytest.mark.parametrize("one", MODELS, ids=lambda one: one.id)
def test_a_model_is_baked_or_refused_in_a_sentence(one: Other, baked: Baked) -> None:
    """The command's status says which; what is refused is told with the reason and a way out."""
    done = baked[one.id]
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    if one.id in REFUSED:
        assert done.returncode == 1
        assert REFUSED[one.id] in said
    else:
        assert done.returncode == 0, said


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("one", SERVED, ids=lambda one: one.id)
def test_a_model_answers_as_in_its_own_runtime(
    one: Other, door: str, zoo: Path, baked: Baked, doors: Doors
) -> None:
    """Every case, at every door, to 1e-5 of the largest number."""
    assert baked[one.id].returncode == 0
    for inputs, outputs in one.cases():
        payload = {"inputs": feeds_for(zoo / one.id, inputs)}
        predictions = DOORS[door](doors, one.id, payload)
        assert max(differences(predictions, outputs)) <= TOLERANCE
