"""One JSON line an invocation, which no input can forge.

It holds only our own names, numbers and the request id, nothing that a caller sent, but for numbers
in an engine's reason for refusing them. The JSON is ASCII without line breaks, so no value can
start a line of its own.
"""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final, Protocol, TypeVar

from function.errors import name_of, outcome_of
from function.service import Answer, RawAnswer, Served
from function.telemetry.vitals import is_fatal
from model.bundle.drift import Drift
from model.bundle.manifest import Manifest
from model.errors import InputError
from model.tensors import Instances

T = TypeVar("T")

MAX_TRACE_CHARS: Final = 16_000
"""The end of a trace names the cause; CloudWatch cuts a line at 256 KB, and then it is no JSON."""

MOST_VALUES: Final = 2_048
"""Above this many confidences or values of one invocation, every second is dropped."""

_SDK_TEXT: Final = re.compile(r"^((?:botocore|urllib3)\.[\w.]+):.*", re.MULTILINE)
_TRACE_ROOT: Final = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?![^;])")


@dataclass(slots=True)
class Usage:
    """What one version of a model did in an invocation; steps' times in milliseconds, summed."""

    predictions: int = 0
    steps_ms: dict[str, float] = field(default_factory=dict)
    confidences: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    drift: Drift = field(default_factory=dict)


@dataclass(slots=True)
class Invocation:
    """What is known of the invocation under way.

    The door that took the event sets the status of its reply, `predict` records what was asked and
    answered, and whoever catches an error records it.
    """

    request_id: str
    source: str
    cold: bool
    status: int | None = None
    model: str | None = None
    version: str | None = None
    count: int | None = None
    steps_ms: dict[str, float] = field(default_factory=dict)
    error: str | None = None
    trace: str | None = None
    reason: str | None = None
    trace_id: str | None = None
    fatal: bool = False
    faults: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    usages: dict[tuple[str, str], Usage] = field(default_factory=dict)
    started: float = field(default_factory=perf_counter)

    @property
    def total_ms(self) -> float:
        """How long it has taken so far, by the monotonic clock."""
        return (perf_counter() - self.started) * 1e3

    def record_asked(self, manifest: Manifest, count: int) -> None:
        """Note a model and how many instances it was asked for; a batch asks several times."""
        self.model, self.version = manifest.name, manifest.version
        self.count = (self.count or 0) + count

    def record_answer(self, answer: Answer) -> None:
        """Add what a model has answered."""
        usage = self.record_run(answer, len(answer.predictions))
        for sample, key in ((usage.confidences, "confidence"), (usage.values, "value")):
            # A value that is no number is null.
            sample += [one[key] for one in answer.predictions if one.get(key) is not None]
            # A bucket's table may be a million rows in one invocation.
            while len(sample) > MOST_VALUES:
                del sample[1::2]

    def record_run(self, answer: Answer | RawAnswer, count: int) -> Usage:
        """Add a run of a model for so many instances, and how long its steps took."""
        usage = self.usages.setdefault((answer.model, answer.version), Usage())
        usage.predictions += count
        usage.drift |= answer.drift
        for name, value in answer.steps_ms.items():
            usage.steps_ms[name] = usage.steps_ms.get(name, 0.0) + value
            self.steps_ms[name] = self.steps_ms.get(name, 0.0) + value
        return usage

    def record_error(self, error: BaseException) -> None:
        """Count an error by its kind; the trace is kept only if the fault is ours."""
        self.error = type(error).__name__
        self.kinds[name_of(error)] = self.kinds.get(name_of(error), 0) + 1
        self.status = outcome_of(error).status
        self.reason = error.reason if isinstance(error, InputError) else None
        if self.status >= 500:
            self.faults += 1
            self.fatal = self.fatal or is_fatal(error)
            self.trace = trace_of(error)

    def fields(self) -> dict[str, Any]:
        """Return the members of the log line; times in milliseconds."""
        times = {**self.steps_ms, "total": self.total_ms}
        fields: dict[str, Any] = {
            "level": "ERROR" if self.trace else "WARN" if self.error else "INFO",
            "message": "invocation",
            "request_id": self.request_id,
            "cold": self.cold,
            "source": self.source,
            "status": self.status,
            "model": self.model,
            "version": self.version,
            "count": self.count,
            "error": self.error,
            "ms": {name: round(value, 3) for name, value in times.items()},
        }
        if self.trace_id:
            fields["xray_trace_id"] = self.trace_id
        if self.trace:
            fields["trace"] = self.trace
        if self.reason:
            fields["reason"] = self.reason
        return fields

    def line(self) -> str:
        """Return the log line, as JSON."""
        return json.dumps(self.fields(), ensure_ascii=True)


def trace_id_of(header: str | None) -> str | None:
    """Read the trace's id from an X-Ray header; None if it is not of X-Ray's form.

    Source: X-Ray, "Trace ID format": a version 1, 8 digits of time, 24 random ones, hexadecimal.
    """
    found = _TRACE_ROOT.search(header) if header else None
    return found[1] if found else None


def trace_of(error: BaseException) -> str:
    """Return the end of an error's stack trace, those of its causes included.

    The AWS SDK's own texts are left out: they may name the bucket and the key of a caller's object.
    """
    text = "".join(traceback.format_exception(error))
    return _SDK_TEXT.sub(r"\1", text)[-MAX_TRACE_CHARS:]


_CURRENT: Final[ContextVar[Invocation | None]] = ContextVar("invocation", default=None)
"""The invocation under way, for code that is reached through a framework."""


def current() -> Invocation:
    """Return the invocation under way; if there is none, a new one that is never written."""
    return _CURRENT.get() or Invocation("", "", cold=False)


@contextmanager
def under_way(invocation: Invocation) -> Iterator[Invocation]:
    """Make an invocation the current one, for as long as the `with` lasts."""
    token = _CURRENT.set(invocation)
    try:
        yield invocation
    finally:
        _CURRENT.reset(token)


def predict(served: Served, instances: Instances) -> Answer:
    """Predict as a part of the invocation under way, which learns of it even if it fails."""
    invocation = current()
    invocation.record_asked(served.manifest, served.count_of(instances))
    answer = served.predict(instances)
    invocation.record_answer(answer)
    return answer


def run(served: Served, instances: Instances) -> RawAnswer:
    """Compute a model's outputs as they are, as `predict` does its answers."""
    invocation = current()
    count = served.count_of(instances)
    invocation.record_asked(served.manifest, count)
    answer = served.run(instances)
    invocation.record_run(answer, count)
    return answer


class Ask(Protocol):
    """Calls `predict` or `run` without holding up an event loop."""

    async def __call__(self, act: Callable[[Served, Any], T], served: Served, given: Any) -> T:
        """Ask a model, as a part of the invocation under way."""
        ...


async def here_and_now(act: Callable[[Served, Any], T], served: Served, given: Any) -> T:
    """Ask in the loop's own thread: an environment of Lambda has one request at a time."""
    return act(served, given)


def log(level: str, message: str, **fields: Any) -> None:
    """Write one more line of the invocation under way, in JSON."""
    head = {"level": level, "message": message, "request_id": current().request_id}
    write(json.dumps(head | fields, allow_nan=False, separators=(",", ":")))


def log_failure(message: str, error: Exception, **fields: Any) -> None:
    """Record a failure that ends no invocation, and log it; with its trace where it is ours."""
    current().record_error(error)
    status = outcome_of(error).status
    fields |= {"error": type(error).__name__, "status": status}
    if status >= 500:
        fields["trace"] = trace_of(error)
    log("ERROR" if status >= 500 else "WARN", message, **fields)


def write(line: str, out: Callable[[str], object] | None = None) -> None:
    """Write one log line, in one piece."""
    (out or sys.stdout.write)(line + "\n")
    if out is None:
        sys.stdout.flush()
