"""Made-up inputs that a model can compute with, for one that came without samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from model.bake import bake
from model.bake.weigh import Weight
from model.predictor import Predictor
from model.tensors import NamedInputs
from tests.model.bake.models import model_of


def made_up(model: Path, monkeypatch: pytest.MonkeyPatch, **how: Any) -> Any:
    """Bake a model without samples; return the first request that was made up."""
    monkeypatch.setattr("model.bake.finish.weigh", lambda _: Weight(0.1, 1.0, 70.0, 3))
    said: list[str] = []
    folder = bake(model, folder=model.parent / "zoo", say=said.append, **how)
    (sample,) = (folder / "samples").iterdir()
    return json.loads(sample.read_text(encoding="utf-8"))


@pytest.mark.parametrize("batch", ["batch", None])
def test_a_state_and_a_window_of_free_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: str | None
) -> None:
    """A recurrent state has its batch second; a window too short for the model is made longer."""
    nodes = [
        helper.make_node("Pad", ["x", "by"], ["long"], mode="reflect"),
        helper.make_node("ReduceMean", ["long", "one"], ["mean"]),
        helper.make_node("ReduceMean", ["state", "zero"], ["past"], keepdims=0),
        helper.make_node("Concat", ["mean", "past"], ["y"], axis=1),
        helper.make_node("Identity", ["state"], ["next"]),
    ]
    state: Any = ("FLOAT", [2, batch, 4])
    model = model_of(
        tmp_path / "m.onnx", nodes, {"x": ("FLOAT", [batch, "time"]), "state": state},
        {"y": ("FLOAT", [batch, 5]), "next": state},
        {"by": np.array([0, 99, 0, 0]), "one": np.array([1]), "zero": np.array([0])},
    )  # fmt: skip
    inputs = made_up(model, monkeypatch)["inputs"]
    assert np.shape(inputs["x"]) == (1, 256)
    assert np.shape(inputs["state"]) == (2, 1, 4)


def test_several_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance of a model of [N, 2] texts is two of them."""
    texts: Any = ("STRING", ["N", 2])
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    model = model_of(tmp_path / "m.onnx", nodes, {"x": texts}, {"y": texts})
    assert np.shape(made_up(model, monkeypatch, task="tensors")["texts"]) == (3, 2)


def test_a_sequence_is_one_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A free first axis beside a state of one is no batch: three frames are one request."""
    nodes = [
        helper.make_node("Add", ["x", "h"], ["moved"]),
        helper.make_node("CumSum", ["moved", "zero"], ["y"]),
        helper.make_node("ReduceSum", ["moved", "axes"], ["next"]),
    ]
    frames: Any = ("FLOAT", ["time", 2])
    state: Any = ("FLOAT", [1, 2])
    model = model_of(
        tmp_path / "m.onnx", nodes, {"x": frames, "h": state}, {"y": frames, "next": state},
        {"zero": np.array(0), "axes": np.array([0])},
    )  # fmt: skip
    assert np.shape(made_up(model, monkeypatch)["inputs"]["h"]) == (1, 2)
    predictor = Predictor.load(tmp_path / "zoo" / "m")
    for count in (1, 3):
        x = np.ones((count, 2), np.float32)
        answers, _ = predictor.predict(NamedInputs({"x": x, "h": x[:1]}))
        (one,) = [answer["outputs"] for answer in answers]
        assert (np.shape(one["y"]), one["next"]) == ((count, 2), [[2.0 * count] * 2])
