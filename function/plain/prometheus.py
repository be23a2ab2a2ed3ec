"""Metrics in Prometheus's text format, which it scrapes over plain HTTP.

Every label has few values: route templates, statuses, models, versions, kinds of errors. Nothing
that a caller sends becomes one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    Summary,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from function.service import Service
from function.telemetry.invocation import Invocation

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Source: prometheus.io, "Exposition formats"."""

SECONDS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30,
)  # fmt: skip
SHARES: Final = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
OTHER: Final = "other"
"""A path without a route, or a method that no route has."""

_METHODS: Final = {"GET", "HEAD", "POST"}


class PrometheusMetrics:
    """Counts requests."""

    def __init__(self, service: Service) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "lambake_requests", "Requests", ["method", "route", "status"], registry=registry
        )
        self._errors = Counter("lambake_errors", "Errors by kind", ["kind"], registry=registry)
        self._predictions = Counter(
            "lambake_predictions", "Instances predicted", ["model", "version"], registry=registry
        )
        self._steps = Histogram(
            "lambake_step_seconds",
            "Time of each step of a prediction, and of whole requests",
            ["step"],
            buckets=SECONDS,
            registry=registry,
        )
        self._confidence = Histogram(
            "lambake_confidence",
            "Confidence of predictions",
            ["model", "version"],
            buckets=SHARES,
            registry=registry,
        )
        self._value = Summary(
            "lambake_value", "Values of regressions", ["model", "version"], registry=registry
        )
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        registry.register(_Drift(service))

    def observe(self, invocation: Invocation, method: str, route: str | None) -> None:
        """Count a request that was answered.

        Args:
            invocation: what is known of it.
            method: as the caller sent it.
            route: the template that it matched, such as /models/{name}.
        """
        method = method if method in _METHODS else OTHER
        self._requests.labels(method, route or OTHER, str(invocation.status)).inc()
        self._steps.labels("total").observe(invocation.total_ms / 1e3)
        for kind, number in invocation.kinds.items():
            self._errors.labels(kind).inc(number)
        for step, value in invocation.steps_ms.items():
            self._steps.labels(step).observe(value / 1e3)
        for (model, version), usage in invocation.usages.items():
            self._predictions.labels(model, version).inc(usage.predictions)
            for value in usage.confidences:
                self._confidence.labels(model, version).observe(value)
            for value in usage.values:
                self._value.labels(model, version).observe(value)

    def text(self) -> bytes:
        """Return everything counted so far."""
        return generate_latest(self._registry)


class _Drift(Collector):
    """The stability indices, computed when they are asked for."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> list[GaugeMetricFamily]:
        """Describe the gauge, so that nothing is computed when this is registered."""
        return [self._gauge()]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the index of each feature of each model, once there are instances enough."""
        gauge = self._gauge()
        for predictor in self._service.predictors():
            manifest = predictor.manifest
            indices = predictor.window.indices() if predictor.window else {}
            for watched, value in indices.items():
                gauge.add_metric([manifest.name, manifest.version, *watched], value)
        yield gauge

    def _gauge(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "lambake_drift_psi",
            "Population stability index against the reference of the bundle",
            labels=["model", "version", "side", "of"],
        )
