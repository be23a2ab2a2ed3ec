"""Fatal states: the process ends after the answer is logged, Lambda counts an error, and the next
call finds a new process. What passes, or is a caller's doing, ends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from function import entry
from function.service import SUSPICIOUS
from function.telemetry.invocation import Invocation, current
from function.telemetry.vitals import is_fatal
from infra.local.logs import LogLine
from infra.settings.function import FunctionConfig
from model.errors import EngineError, InputError, Problem
from tests import ROOT
from tests.function.conftest import CONTEXT
from tests.function.doors.fronts import FRONTS, Call, http_api_v2, post_json
from tests.function.handlers.planted import FAULTS, Planted
from tests.function.http.form_bodies import PREDICT_IRIS
from tests.infra.local.invoke.calls import Caller, started

Handler = Callable[[Any, Any], dict[str, Any]]
Lines = Callable[[], list[dict[str, Any]]]
ROW = [5.1, 3.5, 1.4, 0.2]
BY_HTTP = http_api_v2(post_json(PREDICT_IRIS, {"rows": [ROW]}))
DIRECT = {"model": "iris", "rows": [ROW]}


def caused(error: Exception, cause: BaseException) -> Exception:
    """Make one error the cause of another."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "fatal"),
    [
        (MemoryError(), True),
        (caused(EngineError("x"), MemoryError()), True),
        (caused(EngineError("x"), caused(RuntimeError(), MemoryError())), True),
        (SystemExit(0), True),
        (KeyboardInterrupt(), True),
        (EngineError("x"), False),
        (RecursionError(), False),
        (RuntimeError(), False),
    ],
    ids=repr,
)
def test_what_is_fatal(error: BaseException, fatal: bool) -> None:
    """Out of memory, also as a cause, and what ends Python; no ordinary failure."""
    assert is_fatal(error) is fatal
    invocation = Invocation("id", "test", cold=False)
    invocation.record_error(error)
    assert invocation.fatal is fatal


def test_a_picture_that_asks_for_much_is_not_fatal() -> None:
    """A broken file makes Pillow raise MemoryError as well: what the caller sent ends nothing."""
    invocation = Invocation("id", "test", cold=False)
    error = InputError([Problem("image", "a picture", "a broken one")])
    invocation.record_error(caused(error, MemoryError()))
    assert not invocation.fatal


class Ended(BaseException):
    """The process would have ended."""


@pytest.fixture
def planted(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Plant faults in the iris model of this process, which does not end but raises."""
    predictor = entry.SERVICE.find("iris")._predictor

    def plant(fault: str) -> None:
        monkeypatch.setattr(predictor, "_engine", Planted(FAULTS[fault], predictor._engine))

    def ended() -> None:
        raise Ended

    monkeypatch.setattr(entry, "end_process", ended)
    return plant


@pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)
def test_out_of_memory_behind_every_front(
    planted: Callable[[str], None],
    handler: Handler,
    log_lines: Lines,
    build: Callable[[Call], dict[str, Any]],
) -> None:
    """The line is written, and then the process ends."""
    planted("out_of_memory")
    log_lines()
    with pytest.raises(Ended):
        handler(build(post_json(PREDICT_IRIS, {"rows": [ROW]})), CONTEXT)
    (line,) = log_lines()
    assert (line["level"], line["status"], line["error"]) == ("ERROR", 500, "EngineError")
    assert current().request_id == ""


@pytest.mark.parametrize("event", [BY_HTTP, DIRECT], ids=["http", "direct"])
def test_an_exit_below_the_framework(
    planted: Callable[[str], None], handler: Handler, log_lines: Lines, event: dict[str, Any]
) -> None:
    """SystemExit is no answer of 500 that hides it."""
    planted("leaving")
    log_lines()
    with pytest.raises(Ended):
        handler(event, CONTEXT)
    (line,) = log_lines()
    assert (line["status"], line["error"]) == (500, "SystemExit")


def test_a_model_that_is_broken(planted: Callable[[str], None], handler: Handler) -> None:
    """An engine that fails again and again, on the golden vector as well, ends the process."""
    planted("broken")
    for _ in range(SUSPICIOUS - 1):
        assert handler(BY_HTTP, CONTEXT)["statusCode"] == 500
    with pytest.raises(Ended):
        handler(BY_HTTP, CONTEXT)


def test_a_caller_cannot_end_the_process(planted: Callable[[str], None], handler: Handler) -> None:
    """Where the engine fails on what is asked, and still knows the golden vector, it goes on."""
    planted("upset")
    upsetting = http_api_v2(post_json(PREDICT_IRIS, {"rows": [ROW, ROW]}))
    for _ in range(3 * SUSPICIOUS):
        assert handler(upsetting, CONTEXT)["statusCode"] == 500
    assert handler(BY_HTTP, CONTEXT)["statusCode"] == 200


def test_failures_in_a_row(
    planted: Callable[[str], None], handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer in between starts the count anew; only the last of them all is fatal."""
    served = entry.SERVICE.find("iris")
    predictor = served._predictor
    engine = predictor._engine

    def failures(number: int) -> list[bool]:
        planted("broken")
        errors: list[bool] = []
        for _ in range(number):
            with pytest.raises(EngineError) as caught:
                served.predict([ROW])
            errors.append(is_fatal(caught.value))
        monkeypatch.setattr(predictor, "_engine", engine)
        return errors

    for _ in range(3):
        assert failures(SUSPICIOUS - 1) == [False, False]
        served.predict([ROW])
    assert failures(SUSPICIOUS) == [False, False, True]


@pytest.fixture(scope="module")
def planting() -> Iterator[Caller]:
    """Run the function in one environment of the local Lambda, and let it be hurt."""
    config = FunctionConfig(
        handler="tests.function.handlers.planted.handler",
        root=ROOT,
        name="planted",
        concurrency=1,
        memory_mb=1024,
        environment={"LAMBAKE_MODELS": "iris", "LAMBAKE_PRELOAD_HTTP": "off"},
    )
    with started(config) as start_one:
        yield start_one()


@pytest.mark.parametrize(
    ("fault", "calls"), [("out_of_memory", 1), ("broken", SUSPICIOUS), ("leaving", 1)]
)
def test_in_lambda(planting: Caller, fault: str, calls: int) -> None:
    """A fatal state is Runtime.ExitError for the invoker; the next call is answered, cold."""
    lines: list[LogLine] = []
    planting.local.listen(lines.append)
    assert planting.post(json.dumps({"plant": fault}).encode()).body == b"{}"
    for _ in range(calls - 1):
        assert json.loads(planting.post(json.dumps(BY_HTTP).encode()).body)["statusCode"] == 500
    reply = planting.post(json.dumps(BY_HTTP).encode())
    assert reply.headers["x-amz-function-error"] == "Unhandled"
    assert json.loads(reply.body)["errorType"] == "Runtime.ExitError"
    assert json.loads(reply.body)["errorMessage"].endswith("exit status 1")

    again = planting.post(json.dumps(DIRECT).encode())
    assert json.loads(again.body)["predictions"][0]["label"] == "setosa"
    written = [json.loads(line.text) for line in lines if line.text.startswith("{")]
    assert [line["Faults"] for line in written] == [1] * calls + [0]
    assert [line["cold"] for line in written][-1] is True
