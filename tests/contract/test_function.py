"""The function half: the real function behind both emulators answers the corpus,
tests/events/*.json.

Behind awslambdaric the context is real, so ids differ from the corpus's fake ones: they are masked.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests import ROOT
from tests.contract.clients import masked
from tests.contract.target import Running, Spec, Target, invoked
from tests.function import corpus


@pytest.fixture(scope="module")
def function(target: Target) -> Iterator[Running]:
    """Serve what the image ships."""
    spec = Spec(ROOT, "function.entry.handler", timeout_s=60)
    with contextlib.closing(target.start(spec)) as running:
        yield running


def without_ids(reply: Any) -> Any:
    """Mask times and request ids, in whichever form they stand."""
    return json.loads(masked(json.dumps(corpus.masked(reply))))


@pytest.mark.parametrize("case", corpus.CASES, ids=lambda case: case.name)
def test_event(function: Running, target: Target, case: corpus.Case) -> None:
    """The whole reply, or the error, as when the handler is called in this process."""
    answer = invoked(function, json.dumps(case.event).encode())
    reply = answer.json
    is_error = "errorType" in case.reply
    if is_error:
        reply.pop("requestId", None)
    assert answer.status == 200
    assert without_ids(reply) == without_ids(case.reply)
    if target.name != "rie":  # gap 2
        assert (answer.headers.get("x-amz-function-error") == "Unhandled") == is_error


def test_ids_are_masked() -> None:
    """Two replies that differ in nothing but an id and a time are the same."""
    one = {"id": "00000000-0000-4000-8000-000000000001", "t": "dur=1.5"}
    other = {"id": "ffffffff-0000-4000-8000-000000000001", "t": "dur=2"}
    assert without_ids(one) == without_ids(other)
    assert without_ids(one) != without_ids({**one, "more": 1})
