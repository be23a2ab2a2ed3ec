"""What a warm call costs, counted in function calls: these do not depend on the machine's load."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from model.predictor import Predictor
from tests import ROOT
from tests.function.conftest import CONTEXT
from tests.function.doors.fronts import FRONTS, post

Handler = Callable[[Any, Any], dict[str, Any]]

CONTENDERS = ROOT / "infra" / "bench" / "contenders"
DIGITS = ROOT / "model" / "zoo" / "digits"
MOST = 1.35
"""Times the calls of the barest FastAPI function, which validates nothing and logs nothing."""


def calls_of(act: Callable[[], Any]) -> int:
    """Count the functions that are called, in Python and in C."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


@pytest.fixture
def calls(
    handler: Handler, monkeypatch: pytest.MonkeyPatch, log_lines: Callable[[], Any]
) -> tuple[Callable[[], int], int]:
    """How to count the calls of one of our answers, and how many one of the barest function has."""
    monkeypatch.setenv("MODEL", str(DIGITS / "digits.onnx"))
    monkeypatch.syspath_prepend(str(CONTENDERS))
    picture = (DIGITS / "samples" / "7.png").read_bytes()
    event = FRONTS["http-api-2.0"](post("/models/digits/predict", picture, "image/png"))
    # Each answers once, for what only a first call does. The barest is imported after our answer,
    # since it takes the event loop that is there: where there is none it makes one nobody closes.
    assert handler(event, CONTEXT)["statusCode"] == 200
    barest = importlib.import_module("barest").handler
    assert barest(event, CONTEXT)["statusCode"] == 200
    return (
        lambda: calls_of(lambda: handler(event, CONTEXT)),
        calls_of(lambda: barest(event, CONTEXT)),
    )


def test_a_warm_call_costs_little_more_than_the_barest(
    calls: tuple[Callable[[], int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validating, timing and logging may take a third; a picture read twice takes more."""
    ours, barest = calls
    assert 300 < ours() < MOST * barest
    prepare = Predictor._feeds_of
    monkeypatch.setattr(Predictor, "_feeds_of", lambda *a: prepare(*a) and prepare(*a))
    assert ours() > MOST * barest
