"""Embedded metrics: each line holds to CloudWatch's schema, and says what the invocation did."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function import entry
from function.errors import OUTCOMES, InvalidError
from function.service import Answer, Service
from function.telemetry.cloudwatch import MAX_VALUES, EmbeddedMetrics, metrics_of
from function.telemetry.invocation import Invocation, Usage
from model.bundle.drift import LEAST
from model.bundle.reference import ANSWERS, INPUTS
from model.errors import EngineError, Problem
from tests.function.conftest import CONTEXT
from tests.function.doors.fronts import http_api_v2, post_json
from tests.function.http.form_bodies import PREDICT_IRIS

Lines = Callable[[], list[dict[str, Any]]]
Handler = Callable[[Any, Any], dict[str, Any]]
UNITS = {"Milliseconds", "Count", "None"}


def breaches_of(line: str) -> Iterator[str]:
    """Hold a line against the specification of the embedded metric format.

    Source: CloudWatch, "Specification: Embedded metric format", its schema and its limits.
    """
    root = json.loads(line)
    if len(line.encode()) > 1024 * 1024 or "\n" in line:
        yield "an event is one line of at most 1 MB"
    metadata = root.get("_aws", {})
    if not isinstance(metadata.get("Timestamp"), int) or metadata["Timestamp"] < 0:
        yield "Timestamp: milliseconds since 1970"
    if not metadata.get("CloudWatchMetrics"):
        yield "CloudWatchMetrics: at least one directive"
    for directive in metadata.get("CloudWatchMetrics", []):
        if not re.fullmatch(r"[A-Za-z0-9._/#:-]{1,255}", directive["Namespace"]):
            yield "Namespace: 1 to 255 characters"
        for dimensions in directive["Dimensions"]:
            if not 1 <= len(dimensions) <= 30 or len(set(dimensions)) != len(dimensions):
                yield "a dimension set: 1 to 30 names"
            for name in dimensions:
                value = root.get(name)
                if not isinstance(value, str) or not 1 <= len(value) <= 1024:
                    yield f"{name}: a dimension's value is a text of 1 to 1,024 characters"
        if not 1 <= len(directive["Metrics"]) <= 100:
            yield "Metrics: at most 100 definitions"
        for metric in directive["Metrics"]:
            values = root.get(metric["Name"])
            values = values if isinstance(values, list) else [values]
            if not 1 <= len(values) <= 100:
                yield f"{metric['Name']}: 1 to 100 values"
            if not all(type(value) in (int, float) for value in values):
                yield f"{metric['Name']}: numbers"
            if metric["Unit"] not in UNITS:
                yield f"{metric['Name']}: a unit"


def metrics_at(clock: float = 1_800_000_000.5) -> EmbeddedMetrics:
    """Make the writer, at a fixed time."""
    return EmbeddedMetrics("Lambake", "fn", lambda: clock)


OUTPUTS = {(ANSWERS, "labels"): 0.2, (ANSWERS, "confidence"): 3.0}
NAMES = st.sampled_from(["iris", "digits", "other"])
USAGES = st.dictionaries(
    st.tuples(NAMES, st.sampled_from(["1", "2"])),
    st.builds(
        Usage,
        predictions=st.integers(1, 1000),
        steps_ms=st.just({"preprocess": 0.1234, "engine": 1.0, "postprocess": 2e-5}),
        confidences=st.lists(st.floats(0, 1), min_size=1, max_size=1000),
        drift=st.sampled_from([{}, {(INPUTS, "labels"): 0.1, **OUTPUTS}, OUTPUTS]),
    ),
    max_size=4,
)
ERRORS = st.lists(st.sampled_from(list(OUTCOMES)), max_size=4)


@given(st.text(), ERRORS, USAGES)
def test_every_invocation_keeps_to_the_schema(
    request_id: str, errors: list[type[Exception]], usages: dict[tuple[str, str], Usage]
) -> None:
    """Whatever an invocation did, each of its lines is what CloudWatch can read."""
    invocation = Invocation(request_id, "test", cold=False, usages=usages)
    for kind in errors:
        # Without its constructor: what kinds of errors there are is all that counts here.
        invocation.record_error(kind.__new__(kind))
    lines = metrics_at().lines(invocation)
    assert [list(breaches_of(line)) for line in lines] == [[] for _ in lines]
    # One line, and one more for each further error and each further model.
    further = max(0, len(usages) - 1) + max(0, len(invocation.kinds) - 1)
    assert len(lines) == 1 + further


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ({"_aws": {}}, "Timestamp: milliseconds since 1970"),
        ({"service": ""}, "service: a dimension's value is a text of 1 to 1,024 characters"),
        ({"Faults": "0"}, "Faults: numbers"),
        ({"Confidence": [0.5] * 101}, "Confidence: 1 to 100 values"),
        ({"Confidence": []}, "Confidence: 1 to 100 values"),
    ],
)
def test_the_check_of_the_schema_can_fail(damage: dict[str, Any], found: str) -> None:
    """A line that is wrong is found to be."""
    usage = Usage(1, {"engine": 1.0}, [0.5])
    invocation = Invocation("id", "test", cold=False, usages={("iris", "1"): usage})
    (line,) = metrics_at().lines(invocation)
    assert list(breaches_of(line)) == []
    assert found in list(breaches_of(json.dumps(json.loads(line) | damage)))


def directives(*wanted: tuple[list[str], dict[str, str]]) -> dict[str, Any]:
    """Spell what CloudWatch is told."""
    return {
        "Timestamp": 1_800_000_000_500,
        "CloudWatchMetrics": [
            {
                "Namespace": "Lambake",
                "Dimensions": [dimensions],
                "Metrics": [{"Name": name, "Unit": unit} for name, unit in metrics.items()],
            }
            for dimensions, metrics in wanted
        ],
    }


BY_SERVICE = (["service"], {"Faults": "Count", "TotalMs": "Milliseconds"})


def test_a_line() -> None:
    """The metrics stand beside the members that the line has anyway."""
    invocation = Invocation("id", "direct", cold=False, model="iris", version="1")
    predictions = [{"confidence": 0.75}, {"confidence": 0.5}]
    invocation.record_answer(Answer("iris", "1", predictions, {"engine": 1.23456}))
    plain = json.loads(invocation.line())
    (text,) = metrics_at().lines(invocation)
    line = json.loads(text)
    assert line.pop("_aws") == directives(
        BY_SERVICE,
        (
            ["service", "model", "version"],
            {"Predictions": "Count", "EngineMs": "Milliseconds", "Confidence": "None"},
        ),
    )
    assert line.pop("TotalMs") > 0
    for one in (plain, line):
        del one["ms"]
    assert line == plain | {
        "service": "fn",
        "Faults": 0,
        "Predictions": 2,
        "EngineMs": 1.235,
        "Confidence": [0.75, 0.5],
    }


def test_an_error() -> None:
    """An error counts by its kind; one of ours is a fault as well."""
    invocation = Invocation("id", "direct", cold=False)
    invocation.record_error(EngineError("broken"))
    (text,) = metrics_at().lines(invocation)
    line = json.loads(text)
    assert line["_aws"] == directives(BY_SERVICE, (["service", "kind"], {"Errors": "Count"}))
    assert (line["Faults"], line["Errors"], line["kind"]) == (1, 1, "EngineError")


def test_a_kind_that_is_none_of_ours() -> None:
    """An error of somebody else's has one name for all: dimensions stay few."""
    invocation = Invocation("id", "direct", cold=False)
    invocation.record_error(ZeroDivisionError())
    line = json.loads(metrics_at().lines(invocation)[0])
    assert (line["kind"], line["error"]) == ("InternalError", "ZeroDivisionError")


def test_a_batch_of_a_queue() -> None:
    """What one line has no room for gets lines of its own, with nothing else in them."""
    invocation = Invocation("id", "sqs", cold=False)
    for _ in range(3):
        invocation.record_error(InvalidError([Problem("a", "b", "c")]))
    invocation.record_error(EngineError("broken"))
    for name in ("iris", "digits", "iris"):
        invocation.record_answer(Answer(name, "1", [{"confidence": 0.5}], {"engine": 1.0}))
    first, *further = [json.loads(line) for line in metrics_at().lines(invocation)]
    assert (first["kind"], first["Errors"]) == ("InvalidError", 3)
    assert (first["model"], first["Predictions"], first["EngineMs"]) == ("iris", 2, 2.0)
    assert first["Faults"] == 1
    for line in further:
        del line["_aws"]
    assert further == [
        {"service": "fn", "kind": "EngineError", "Errors": 1},
        {
            "service": "fn", "model": "digits", "version": "1", "Predictions": 1, "EngineMs": 1.0,
            "Confidence": [0.5],
        },
    ]  # fmt: skip


def test_many_confidences_are_sampled() -> None:
    """Of more than a hundred every n-th is taken, from first to last."""
    invocation = Invocation("id", "direct", cold=False, model="iris", version="1")
    predictions = [{"confidence": n / 1000} for n in range(1000)]
    invocation.record_answer(Answer("iris", "1", predictions))
    line = json.loads(metrics_at().lines(invocation)[0])
    assert line["Confidence"] == [n / 1000 for n in range(0, 1000, 10)]
    assert len(line["Confidence"]) == MAX_VALUES


@pytest.mark.parametrize(
    ("inputs", "metric"),
    [({}, {}), ({"a": 0.1, "b": 0.3, "c": 0.2}, {"DriftInputs": 0.3})],
    ids=["none", "three"],
)
def test_drift_of_inputs(inputs: dict[str, float], metric: dict[str, float]) -> None:
    """One metric has the input that is furthest off; a reference without inputs has none."""
    outputs = {"DriftLabels": 0.2, "DriftConfidence": 3.0}
    drift = {(INPUTS, name): value for name, value in inputs.items()}
    found = metrics_of(Usage(drift=drift | OUTPUTS))
    assert {name: found[name] for name in found if name.startswith("Drift")} == metric | outputs


@pytest.fixture
def metered(handler: Handler, service: Service, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """Turn the metrics of the real handler on."""
    monkeypatch.setattr(entry, "METRICS", metrics_at())
    for predictor in entry.SERVICE.predictors():
        monkeypatch.setattr(predictor, "window", None)
    entry.SERVICE.watch()
    return handler


def test_through_the_handler(metered: Handler, log_lines: Lines) -> None:
    """A prediction by HTTP is one line, with its metrics."""
    log_lines()
    metered(http_api_v2(post_json(PREDICT_IRIS, {"rows": [[5.1, 3.5, 1.4, 0.2]]})), CONTEXT)
    (line,) = log_lines()
    assert list(breaches_of(json.dumps(line))) == []
    assert (line["Predictions"], line["Faults"], line["status"]) == (1, 0, 200)
    assert line["EngineMs"] == line["ms"]["engine"]


ROWS = [[5.1, 3.5, 1.4, 0.2]] * LEAST


@pytest.mark.parametrize(
    "event",
    [
        {"model": "iris", "rows": ROWS},
        http_api_v2(post_json("/v1/models/iris:predict", {"instances": ROWS})),
    ],
    ids=["direct", "tf-serving"],
)
def test_drift_through_the_handler(metered: Handler, log_lines: Lines, event: Any) -> None:
    """Once there are enough, a line carries how far the inputs and answers are off."""
    log_lines()
    metered(event, CONTEXT)
    metered({"model": "iris", "rows": [[5.1, 3.5, 1.4, 0.2]]}, CONTEXT)
    first, second = log_lines()
    assert list(breaches_of(json.dumps(first))) == []
    assert {side: len(indices) for side, indices in first["drift"].items()} == {
        "inputs": 4,
        "answers": 2,
    }
    assert first["DriftInputs"] == max(first["drift"]["inputs"].values())
    assert first["DriftLabels"] == first["drift"]["answers"]["labels"] > 1
    assert first["DriftConfidence"] == first["drift"]["answers"]["confidence"]
    assert "drift" not in second
    assert "DriftInputs" not in second
