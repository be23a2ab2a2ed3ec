"""One JSON line an invocation, which no input can forge or double."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from awslambdaric.lambda_runtime_exception import FaultException
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import ClosedPoolError

from function.errors import InvalidError, StorageError, detail_of
from function.service import Answer, Served, Service
from function.telemetry import invocation as telemetry
from function.telemetry.invocation import (
    MAX_TRACE_CHARS,
    MOST_VALUES,
    Invocation,
    Usage,
    current,
    trace_id_of,
    trace_of,
    write,
)
from model.errors import EngineError, InputError, Problem
from tests.function.conftest import CONTEXT, FakeContext
from tests.function.doors.fronts import FRONTS, Call, http_api_v2, json_of, post, post_json
from tests.function.http.form_bodies import PREDICT_DIGITS, PREDICT_IRIS, file_part, form, post_form

Lines = Callable[[], list[dict[str, Any]]]
Handler = Callable[[Any, Any], dict[str, Any]]
ROW = [5.1, 3.5, 1.4, 0.2]
FIELDS = [
    "level", "message", "request_id", "cold", "source", "status", "model", "version", "count",
    "error", "ms",
]  # fmt: skip


def test_a_prediction(handler: Handler, log_lines: Lines, service: Service) -> None:
    """A prediction is logged with its model, its count, and the time of each step."""
    handler(http_api_v2(Call("/healthz")), CONTEXT)
    log_lines()
    handler(http_api_v2(post_json(PREDICT_IRIS, {"rows": [ROW] * 3})), CONTEXT)
    (line,) = log_lines()
    assert list(line) == FIELDS
    times = line.pop("ms")
    assert line == {
        "level": "INFO",
        "message": "invocation",
        "request_id": CONTEXT.aws_request_id,
        "cold": False,
        "source": "http-api-2.0",
        "status": 200,
        "model": "iris",
        "version": service.find("iris").manifest.version,
        "count": 3,
        "error": None,
    }
    assert list(times) == ["preprocess", "engine", "postprocess", "total"]
    assert sum(times.values()) - times["total"] <= times["total"]


def test_a_direct_prediction(handler: Handler, log_lines: Lines) -> None:
    """A direct event is logged as one over HTTP is."""
    handler({"model": "iris", "rows": [ROW]}, CONTEXT)
    (line,) = log_lines()
    assert [line[key] for key in ("level", "source", "status", "model", "count")] == [
        "INFO", "direct", 200, "iris", 1,
    ]  # fmt: skip


def test_a_refusal(handler: Handler, log_lines: Lines) -> None:
    """A caller's fault is a warning with the error's name, and no trace."""
    handler(http_api_v2(post_json(PREDICT_IRIS, {"rows": []})), CONTEXT)
    (line,) = log_lines()
    assert list(line) == FIELDS
    assert (line["level"], line["status"], line["error"]) == ("WARN", 422, "InvalidError")


@pytest.mark.parametrize("build", FRONTS.values(), ids=FRONTS)
def test_a_fault_of_ours(
    handler: Handler,
    log_lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
    build: Callable[[Call], dict[str, Any]],
) -> None:
    """An unexpected error is a problem without its text outside, and a line with its trace."""

    def broken(*_: Any) -> None:
        raise RuntimeError("secret\r\nforged \x1b[31m \ud800 \u2028")

    monkeypatch.setattr(Served, "predict", broken)
    log_lines()
    reply = handler(build(post_json(PREDICT_IRIS, {"rows": [ROW]})), CONTEXT)
    assert reply["statusCode"] == 500
    assert json_of(reply)["request_id"] == CONTEXT.aws_request_id
    for text in ("secret", "Traceback", ".py", "RuntimeError"):
        assert text not in json.dumps(reply)
    (line,) = log_lines()
    assert list(line) == [*FIELDS, "trace"]
    assert (line["level"], line["status"], line["error"]) == ("ERROR", 500, "RuntimeError")
    assert "RuntimeError: secret\r\nforged \x1b[31m \ud800 \u2028" in line["trace"]


def test_long_traces_are_cut() -> None:
    """Of a trace without end the last part is kept, where the cause is named."""
    invocation = Invocation("id-1", "test", cold=False)
    invocation.record_error(RuntimeError("x" * 100_000 + " the end"))
    assert len(invocation.trace or "") == MAX_TRACE_CHARS
    assert (invocation.trace or "").endswith(" the end\n")


@pytest.mark.parametrize(
    "theirs",
    [
        EndpointConnectionError(endpoint_url="https://secret.s3.amazonaws.com/secret.png"),
        ClientError({"Error": {"Code": "SlowDown", "Message": "arn:aws:s3:::secret"}}, "GetObject"),
        ClosedPoolError(None, "secret"),  # type: ignore[arg-type]
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_bucket_and_a_key_stay_out_of_traces(theirs: Exception) -> None:
    """Of the AWS SDK's errors a trace has the type and the place, not the text."""
    ours = StorageError("expected an object")
    ours.__cause__ = theirs
    trace = trace_of(ours)
    assert "secret" not in trace
    assert f"{type(theirs).__qualname__}\n" in trace
    assert "StorageError: expected an object\n" in trace


@pytest.mark.parametrize(
    ("error", "level", "status"),
    [
        (InvalidError([Problem("a", "b", "c")]), "WARN", 422),
        (EngineError("x"), "ERROR", 500),
        (MemoryError(), "ERROR", 500),
        (KeyboardInterrupt(), "ERROR", 500),
    ],
    ids=lambda value: type(value).__name__,
)
def test_levels(error: BaseException, level: str, status: int) -> None:
    """What the caller did wrong is a warning, what we did wrong an error with a trace."""
    invocation = Invocation("id-1", "test", cold=True)
    invocation.record_error(error)
    line = json.loads(invocation.line())
    assert (line["level"], line["status"], line["error"]) == (level, status, type(error).__name__)
    assert ("trace" in line) == (status == 500)


def test_an_engines_reason_is_logged() -> None:
    """Why an engine refuses a caller's tensors is in the line, since the reply does not say it."""
    invocation = Invocation("id-1", "test", cold=True)
    invocation.record_error(InputError([Problem("a", "b", "c")], reason="4 by 5"))
    line = json.loads(invocation.line())
    assert (line["status"], line["reason"]) == (422, "4 by 5")
    assert "4 by 5" not in detail_of(InputError([Problem("a", "b", "c")], reason="4 by 5"))


@given(st.text(), st.text())
def test_a_line_is_one_line(identifier: str, message: str) -> None:
    """Whatever an id or a trace holds, the line is ASCII without a control character."""
    invocation = Invocation(identifier, "test", cold=True)
    invocation.record_error(RuntimeError(message))
    line = invocation.line()
    assert re.fullmatch(r"[\x20-\x7e]+", line)
    assert json.loads(line)["request_id"] == identifier


def test_write_is_one_piece() -> None:
    """A line is written in one call, its break included, so that no other comes between."""
    pieces: list[str] = []
    write("a line", pieces.append)
    assert pieces == ["a line\n"]


def test_outside_of_an_invocation() -> None:
    """Where there is no invocation, as under uvicorn, there is no id."""
    assert current().request_id == ""


def test_forgotten_afterwards(handler: Handler) -> None:
    """After the answer no invocation is under way."""
    handler(http_api_v2(Call("/nowhere")), CONTEXT)
    assert current().request_id == ""


FORGERY = 'x"}\r\n{"level": "INFO", "forged": true}\x1b[2J\x00\u2028'
FORGERIES: dict[str, Any] = {
    "path": http_api_v2(Call(f"/{FORGERY}")),
    "model": http_api_v2(Call(f"/models/{FORGERY}")),
    "query": http_api_v2(Call("/add")) | {"rawQueryString": f"a={FORGERY}"},
    "method": http_api_v2(Call("/", FORGERY)),
    "header": http_api_v2(Call("/", headers=((FORGERY, FORGERY),))),
    "host": http_api_v2(Call("/")) | {"headers": {"host": FORGERY}},
    "content type": http_api_v2(post(PREDICT_DIGITS, b"x", f"image/{FORGERY}")),
    "json": http_api_v2(post_json(PREDICT_IRIS, {FORGERY: FORGERY})),
    "broken json": http_api_v2(post(PREDICT_IRIS, FORGERY.encode(), "application/json")),
    "broken form": http_api_v2(post_form(FORGERY.encode())),
    "form": http_api_v2(post_form(form(file_part(FORGERY.encode(), "x\r\nfile")))),
    "picture": http_api_v2(post(PREDICT_DIGITS, b"\x89PNG\r\n\x1a\n" + b"\r\n" * 9, "image/png")),
    "direct": {"model": FORGERY},
    "rows": {"model": "iris", "rows": [[FORGERY, "\ud800", 1, 2]]},
    "unknown": {FORGERY: FORGERY},
    "text": FORGERY,
}


@pytest.mark.parametrize("event", FORGERIES.values(), ids=FORGERIES)
def test_no_input_forges_a_line(handler: Handler, log_lines: Lines, event: Any) -> None:
    """Whatever comes, one line is logged, and nothing of the input is in it."""
    log_lines()
    with suppress(FaultException):
        handler(event, CONTEXT)
    (line,) = log_lines()
    assert "forged" not in json.dumps(line)


def test_a_forged_request_id(handler: Handler, log_lines: Lines) -> None:
    """Even a request id of strange letters stays inside its field and its header."""
    log_lines()
    reply = handler(http_api_v2(Call("/nowhere")), FakeContext(FORGERY + "\ud800"))
    assert json_of(reply)["request_id"] == FORGERY + "\ud800"
    json.dumps(reply, ensure_ascii=False).encode()
    (line,) = log_lines()
    assert line["request_id"] == FORGERY + "\ud800"


TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.mark.parametrize(
    "header",
    [TRACE, TRACE.split(";")[0], "Self=1-67891234-12456789abcdef012345678a;" + TRACE],
)
def test_a_trace_id(
    handler: Handler, log_lines: Lines, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    """The trace that awslambdaric names stands in the line, so that X-Ray can find it."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    log_lines()
    handler(http_api_v2(Call("/healthz")), CONTEXT)
    (line,) = log_lines()
    assert list(line) == [*FIELDS, "xray_trace_id"]
    assert line["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Root=1-5759E988-bd862e3fe1be46a994272793",
        "Root=1-5759e988-bd862e3fe1be46a9942727930",
        "Root=1-5759e988-bd862e3fe1be46a99427279",
        "Root=2-5759e988-bd862e3fe1be46a994272793",
        "Root=1-5759e988-bd862e3fe1be46a994272793 forged",
        "1-5759e988-bd862e3fe1be46a994272793",
    ],
)
def test_what_is_no_trace_id(header: str | None) -> None:
    """Nothing but X-Ray's own form is taken."""
    assert trace_id_of(header) is None


def test_a_batch_is_summed() -> None:
    """An invocation that predicts several times has the times of all, by version and together."""
    invocation = Invocation("id-1", "sqs", cold=False)
    for version, confidence, ms in (("1", 0.5, 1.5), ("1", 0.75, 1.5), ("2", 1.0, 4.0)):
        predictions = [{"confidence": confidence}]
        drift = {("answers", "labels"): confidence} if version == "1" else {}
        answer = Answer("iris", version, predictions, {"engine": ms}, drift)
        invocation.record_answer(answer)
    assert invocation.usages == {
        ("iris", "1"): Usage(2, {"engine": 3.0}, [0.5, 0.75], [], {("answers", "labels"): 0.75}),
        ("iris", "2"): Usage(1, {"engine": 4.0}, [1.0]),
    }
    assert invocation.steps_ms == {"engine": 7.0}


def test_a_million_confidences_do_not_fill_the_memory() -> None:
    """Of a long table few are kept, from all of it; how many there were is still known."""
    invocation = Invocation("id-1", "s3", cold=False)
    for number in range(100):
        invocation.record_answer(Answer("iris", "1", [{"confidence": number / 100}] * 1_000))
    (usage,) = invocation.usages.values()
    assert usage.predictions == 100_000
    assert MOST_VALUES / 2 < len(usage.confidences) <= MOST_VALUES
    assert (usage.confidences[0], usage.confidences[-1]) == (0.0, 0.99)


def test_errors_are_counted_by_kind() -> None:
    """Each error counts, those that are ours as faults as well."""
    invocation = Invocation("id-1", "sqs", cold=False)
    for error in (InvalidError([]), EngineError("x"), InvalidError([]), ValueError()):
        invocation.record_error(error)
    assert invocation.kinds == {"InvalidError": 2, "EngineError": 1, "InternalError": 1}
    assert invocation.faults == 2


def test_the_clock_is_monotonic(monkeypatch: pytest.MonkeyPatch) -> None:
    """The total is the time since the invocation began, in milliseconds."""
    invocation = Invocation("id-1", "test", cold=False, started=10.0)
    monkeypatch.setattr(telemetry, "perf_counter", lambda: 10.25)
    assert json.loads(invocation.line())["ms"] == {"total": 250.0}
