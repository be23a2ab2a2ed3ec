"""Prometheus's text: what was served is counted, and no caller can make it grow."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from function.errors import OUTCOMES
from function.plain.prometheus import PrometheusMetrics
from function.service import Answer, Service
from function.settings import ZOO
from function.telemetry.invocation import Invocation, predict, under_way
from model.bundle.drift import LEAST


@pytest.fixture
def watched() -> Service:
    """Load iris by itself, and watch it."""
    service = Service.load(ZOO, ["iris"], max_pixels=1)
    service.watch()
    return service


def samples_of(metrics: PrometheusMetrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Parse the text as Prometheus does: values by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def value(metrics: PrometheusMetrics, name: str, **labels: str) -> float:
    """Read one sample."""
    return samples_of(metrics)[f"lambake_{name}", tuple(sorted(labels.items()))]


def test_a_prediction(watched: Service) -> None:
    """The request, the instances, the steps and the confidences are counted."""
    metrics = PrometheusMetrics(watched)
    invocation = Invocation("id", "plain-http", cold=False, status=200)
    with under_way(invocation):
        predict(watched.find("iris"), [[5.1, 3.5, 1.4, 0.2]] * 3)
    metrics.observe(invocation, "POST", "/models/{name}/predict")
    route = {"method": "POST", "route": "/models/{name}/predict", "status": "200"}
    model = {"model": "iris", "version": "1"}
    assert value(metrics, "requests_total", **route) == 1
    assert value(metrics, "predictions_total", **model) == 3
    assert value(metrics, "confidence_count", **model) == 3
    assert value(metrics, "confidence_bucket", **model, le="0.999") == 0
    for step in ("preprocess", "engine", "postprocess", "total"):
        assert value(metrics, "step_seconds_count", step=step) == 1
    assert value(metrics, "step_seconds_sum", step="engine") == pytest.approx(
        invocation.steps_ms["engine"] / 1e3
    )


def test_errors_by_kind(watched: Service) -> None:
    """Each kind of ours by its name, all others by one."""
    metrics = PrometheusMetrics(watched)
    invocation = Invocation("id", "plain-http", cold=False)
    for error in (ValueError(), ZeroDivisionError(), *(kind.__new__(kind) for kind in OUTCOMES)):
        invocation.record_error(error)
    metrics.observe(invocation, "GET", None)
    assert value(metrics, "errors_total", kind="InternalError") == 3
    assert value(metrics, "errors_total", kind="InvalidError") == 1
    assert value(metrics, "requests_total", method="GET", route="other", status="500") == 1


def test_drift(watched: Service) -> None:
    """Once there are enough instances each feature has its index."""
    metrics = PrometheusMetrics(watched)
    rows: list[Any] = [[5.1, 3.5, 1.4, 0.2]] * 50
    assert not [name for name, _ in samples_of(metrics) if name == "lambake_drift_psi"]
    for _ in range(LEAST // 50):
        watched.find("iris").predict(rows)
    model = {"model": "iris", "version": "1"}
    for side, feature in (("inputs", "petal_width_cm"), ("answers", "confidence")):
        assert value(metrics, "drift_psi", **model, side=side, of=feature) > 0.25


@given(st.lists(st.tuples(st.text(), st.integers(100, 599)), min_size=1, max_size=30))
def test_methods_are_few(asked: list[tuple[str, int]]) -> None:
    """Whatever a caller calls its method, there is one label for all that are none."""
    metrics = PrometheusMetrics(Service({}))
    for method, status in asked:
        invocation = Invocation("id", "plain-http", cold=False, status=status)
        metrics.observe(invocation, method, None)
    labels = [
        dict(labels) for name, labels in samples_of(metrics) if name.endswith("requests_total")
    ]
    assert {one["method"] for one in labels} <= {"GET", "HEAD", "POST", "other"}
    assert {one["route"] for one in labels} == {"other"}


def test_servers_share_no_counts(watched: Service) -> None:
    """Each has a registry of its own; what a process tells of itself is in it."""
    one, other = PrometheusMetrics(watched), PrometheusMetrics(watched)
    invocation = Invocation("id", "plain-http", cold=False, status=200)
    invocation.record_answer(Answer("iris", "1", [{"confidence": 0.5}]))
    one.observe(invocation, "GET", "/")
    assert [name for name, _ in samples_of(one) if name == "lambake_predictions_total"]
    assert not [name for name, _ in samples_of(other) if name == "lambake_predictions_total"]
    assert "process_resident_memory_bytes" in other.text().decode()
