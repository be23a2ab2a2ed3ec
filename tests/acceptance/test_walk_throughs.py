"""docs/bring_your_model.md, followed to the letter in a copy of the checkout."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from model.bake.environments import LOCKS, interpreter_of
from tests import ROOT
from tests.acceptance.doors import DOORS, Doors, Payload, doors_of
from tests.acceptance.page import PAGE, Step, is_printed, steps_of
from tests.model.bake.models import model_of

STEPS = list(steps_of(ROOT / PAGE))
SET_UP = [step for step in STEPS if not step.calls]
CALLS = [step for step in STEPS if step.calls]

OWN_COMMANDS = {"claims.py": "build/converters/trees/bin/python claims.py"}
"""How a person runs a file in an environment of their own."""

PAYLOADS: dict[str, Payload] = {
    "tickets": {"rows": [{"subject": "down", "plan": "pro", "open_hours": 2}, ["bill", "free", 9]]},
    "claims": {"rows": [[33, 12000], [70, 3000]]},
    "reviews": {"texts": ["a fine film", "it was bad"]},
    "animals": {"inputs": {"images": np.eye(32)[None, None].repeat(3, axis=1).tolist()}},
}

Done = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the checkout, and put into it what its person has: a network's export."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("function", "infra", "model", "docs/examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".venv").symlink_to(Path(sys.prefix))
    converters = folder / "build" / "converters"
    converters.mkdir(parents=True)
    trees = interpreter_of("trees", print)
    (converters / "trees").symlink_to(trees.parents[1])
    borrow_tensorflow(converters / "keras")
    exported_animals(folder / "animals.onnx")
    return folder


def borrow_tensorflow(environment: Path) -> None:
    """Let this environment, which has TensorFlow, stand for the converters' own of 1.5 GB."""
    lock = (LOCKS / "keras.txt").read_bytes()
    made_from = hashlib.sha256(lock + sys.version.encode()).hexdigest()
    python = environment / "bin" / "python"
    python.parent.mkdir(parents=True)
    (environment / "tf_keras.py").write_text("")  # for files of Keras 2, which this is none of
    # Without -I, its first argument, which hides such a file.
    script = f'#!/bin/sh\nshift; PYTHONPATH={environment} exec {sys.executable} "$@"\n'
    python.write_text(script)
    python.chmod(0o755)
    (environment / "made-from").write_text(made_from)


def exported_animals(path: Path) -> None:
    """Write what torch.onnx.export writes of a network that looks at the mean colour."""
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["colour"], keepdims=0),
        helper.make_node("MatMul", ["colour", "weight"], ["scores"]),
    ]
    model_of(
        path, nodes, {"images": ("FLOAT", ["batch", 3, 32, 32])},
        {"scores": ("FLOAT", ["batch", 3])},
        {"axes": [2, 3], "weight": np.eye(3, dtype=np.float32)},
    )  # fmt: skip


def run(step: Step, folder: Path) -> Done:
    """Run a command in the checkout; of a file, write it."""
    command = step.does
    if step.is_file:
        (folder / step.does).write_text(step.prints, encoding="utf-8")
        command = OWN_COMMANDS.get(step.does, "true")
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def doors(checkout: Path, said: dict[Step, Done]) -> Iterator[Doors]:
    """Start what was baked, as `make run` does."""
    with doors_of(checkout / "model" / "zoo") as running:
        yield running


@pytest.fixture(scope="module")
def said(checkout: Path) -> dict[Step, Done]:
    """Take every step up to `make run`."""
    return {step: run(step, checkout) for step in SET_UP}


@pytest.mark.parametrize("step", SET_UP, ids=lambda step: step.does[:40])
def test_a_command_prints_what_the_page_shows(step: Step, said: dict[Step, Done]) -> None:
    """Sizes and times are other numbers on another machine."""
    done = said[step]
    assert done.returncode == 0, done.stdout + done.stderr
    assert step.is_file or is_printed(step.prints, done.stdout), done.stdout


@pytest.mark.parametrize("step", CALLS, ids=lambda step: step.walk)
def test_the_model_answers_as_the_page_shows(step: Step, checkout: Path, doors: Doors) -> None:
    """The call at the end of each walk-through."""
    here = Step(step.walk, step.does.replace("http://127.0.0.1:8080", doors.local.url), "")
    done = run(here, checkout)
    assert is_printed(step.prints, done.stdout), done.stdout + done.stderr


@pytest.mark.parametrize("model", PAYLOADS)
def test_every_door_gives_the_same(model: str, doors: Doors) -> None:
    """Rows with texts in them, a number, labels of texts, and tensors past the recipe."""
    payload = PAYLOADS[model]
    expected = doors.by_http(model, payload)
    for name, ask in DOORS.items():
        assert ask(doors, model, payload) == expected, name
