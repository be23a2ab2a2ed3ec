"""CloudWatch's embedded metric format: the log line of an invocation carries its metrics.

CloudWatch makes metrics of what is listed under `_aws`, and each combination of a name and its
dimensions is one metric that is paid for. So there are few:

    by service                    Faults, TotalMs
    by service and kind           Errors, where there are any
    by service, model, version    Predictions, PreprocessMs, EngineMs, PostprocessMs, Confidence
                                  or Value, and DriftInputs, DriftLabels and so on now and then

A line has room for one error and one model. An invocation of a queue may have several: each further
one gets a line of its own, with nothing in it but the metrics.

Source: CloudWatch, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from time import time
from typing import Any, Final

from function.telemetry.invocation import Invocation, Usage
from model.bundle.reference import INPUTS

MAX_VALUES: Final = 100
"""The most values of a metric in one line, by the specification."""

UNITS: Final = {
    "TotalMs": "Milliseconds",
    "PreprocessMs": "Milliseconds",
    "EngineMs": "Milliseconds",
    "PostprocessMs": "Milliseconds",
    "Faults": "Count",
    "Errors": "Count",
    "Predictions": "Count",
}
"""The rest, confidences, values and stability indices, has no unit."""

Metrics = dict[str, float | list[float]]


@dataclass(frozen=True, slots=True)
class Record:
    """Some metrics, with their dimensions beside the service."""

    dimensions: dict[str, str]
    metrics: Metrics


class EmbeddedMetrics:
    """Writes the lines of invocations with their metrics in them."""

    def __init__(self, namespace: str, service: str, clock: Callable[[], float] = time) -> None:
        """Describe what all metrics share.

        Args:
            namespace: under which CloudWatch lists them.
            service: the function's name, a dimension of each.
            clock: seconds since 1970.
        """
        self._namespace = namespace
        self._service = service
        self._clock = clock

    def lines(self, invocation: Invocation) -> list[str]:
        """Return an invocation's log line, and further lines for what does not fit into it."""
        errors = [
            Record({"kind": kind}, {"Errors": number}) for kind, number in invocation.kinds.items()
        ]
        models = [
            Record({"model": model, "version": version}, metrics_of(usage))
            for (model, version), usage in invocation.usages.items()
        ]
        total = Record({}, {"Faults": invocation.faults, "TotalMs": round(invocation.total_ms, 3)})
        fields = invocation.fields()
        drift: dict[str, dict[str, float]] = {}
        for usage in invocation.usages.values():
            for (side, name), value in usage.drift.items():
                drift.setdefault(side, {})[name] = round(value, 4)
        if drift:
            fields["drift"] = drift
        return [
            self._line(fields, [total, *errors[:1], *models[:1]]),
            *(self._line({}, [record]) for record in (*errors[1:], *models[1:])),
        ]

    def _line(self, fields: dict[str, Any], records: list[Record]) -> str:
        for record in records:
            fields.update(record.dimensions)
            fields.update(record.metrics)
        shape = tuple((tuple(one.dimensions), tuple(one.metrics)) for one in records)
        members = json.dumps({"service": self._service, **fields}, ensure_ascii=True)
        stamp, directives = int(self._clock() * 1e3), _directives(self._namespace, shape)
        return (
            f'{{"_aws": {{"Timestamp": {stamp}, "CloudWatchMetrics": {directives}}}, {members[1:]}'
        )


Shape = tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


@lru_cache(maxsize=64)
def _directives(namespace: str, shape: Shape) -> str:
    """Return what CloudWatch shall take out of a line: nearly always the same text.

    Args:
        namespace: of all metrics.
        shape: for each record the names of its dimensions and of its metrics.
    """
    return json.dumps(
        [
            {
                "Namespace": namespace,
                "Dimensions": [["service", *dimensions]],
                "Metrics": [{"Name": name, "Unit": UNITS.get(name, "None")} for name in metrics],
            }
            for dimensions, metrics in shape
        ]
    )


def metrics_of(usage: Usage) -> Metrics:
    """Return what a model did as metrics, at most a hundred values each."""
    metrics: Metrics = {
        "Predictions": usage.predictions,
        **{f"{step.capitalize()}Ms": round(ms, 3) for step, ms in usage.steps_ms.items()},
    }
    for name, sample in (("Confidence", usage.confidences), ("Value", usage.values)):
        if sample:
            metrics[name] = sample[:: -(-len(sample) // MAX_VALUES)]
    drift: dict[str, float] = {}
    for (side, name), value in usage.drift.items():
        # Only the input that has drifted furthest: one metric, however many inputs there are.
        metric = "DriftInputs" if side == INPUTS else f"Drift{name.capitalize()}"
        drift[metric] = max(round(value, 4), drift.get(metric, 0.0))
    return metrics | drift
