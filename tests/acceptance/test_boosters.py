"""XGBoost's and LightGBM's kinds, converted in the environment that the walk-throughs make."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from model.bake.environments import interpreter_of
from model.engines.onnx import open_session
from tests import ROOT

REFUSED = {
    "lightgbm_linear": "the LightGBM model has linear trees",
    "lightgbm_root": "the LightGBM model learnt with objective regression sqrt",
    "xgboost_hinge": "the XGBoost model learnt with binary:hinge",
    "xgboost_linear": "the XGBoost model is linear (gblinear)",
}

pytestmark = pytest.mark.timeout(900)


def test_boosters_answer_as_in_their_own_runtimes(tmp_path: Path) -> None:
    """All kinds in one process: to 1e-5 of the largest number, or refused in a sentence."""
    python = interpreter_of("trees", print)
    command = [str(python), str(ROOT / "tests" / "acceptance" / "boosters.py"), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    found = {path.stem: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.txt")}
    assert {kind: text[: len(REFUSED[kind])] for kind, text in found.items()} == REFUSED
    converted = sorted(tmp_path.glob("*.onnx"))
    assert len(converted) == 15
    for path in converted:
        session = open_session(path)
        names = [one.name for one in session.get_outputs()]
        with np.load(path.with_suffix(".npz")) as arrays:
            expected = dict(arrays)
        got = dict(zip(names, session.run(names, {"input": expected.pop("input")}), strict=True))
        for name, values in expected.items():
            largest = np.abs(values).max()
            assert np.abs(got[name].reshape(values.shape) - values).max() <= 1e-5 * largest, path
