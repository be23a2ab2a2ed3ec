"""The handler answers every event, and the process starts with no more than it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from awslambdaric.lambda_runtime_exception import FaultException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from function import entry, payloads
from function.doors.sources import Source
from function.service import Service
from model.predictor import Predictor
from tests import ROOT
from tests.function.conftest import CONTEXT
from tests.function.corpus import CASES, Case, masked
from tests.function.doors.fronts import FRONTS, Call, json_of, post, post_json
from tests.function.json_values import JSON

ROW = [5.1, 3.5, 1.4, 0.2]

Handler = Callable[[Any, Any], dict[str, Any]]


def outcome_of(handler: Handler, event: Any) -> dict[str, Any]:
    """Answer an event, a function error spelt as Lambda passes it on."""
    try:
        return handler(event, CONTEXT)
    except FaultException as fault:
        return {
            "errorType": fault.exception_type,
            "errorMessage": fault.msg,
            "stackTrace": fault.trace,
        }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_corpus(handler: Handler, case: Case) -> None:
    """Every event of the corpus gets the whole reply that its file holds."""
    assert masked(outcome_of(handler, case.event)) == case.reply


@given(event=JSON)
def test_any_event(handler: Handler, event: Any) -> None:
    """Whatever comes, the answer is a reply or a function error by our name: both are JSON."""
    outcome = outcome_of(handler, event)
    assert outcome["errorType"] == "UnsupportedSourceError"
    json.dumps(outcome, allow_nan=False).encode()


PARTS = st.sampled_from(
    (
        "version", "rawPath", "rawQueryString", "path", "httpMethod", "headers", "cookies", "body",
        "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters",
        "isBase64Encoded", "stageVariables", "pathParameters", "resource",
    )
)  # fmt: skip
CONTEXT_PARTS = st.sampled_from(
    ["stage", "path", "http", "identity", "domainName", "elb", "authorizer"]
)


@given(
    front=st.sampled_from(sorted(FRONTS)),
    parts=st.dictionaries(PARTS, JSON, max_size=3),
    context=st.dictionaries(CONTEXT_PARTS, JSON, max_size=2),
)
def test_any_http_event(
    handler: Handler, front: str, parts: dict[str, Any], context: dict[str, Any]
) -> None:
    """A front's event with anything in any part is never the function's fault."""
    event = FRONTS[front](post_json("/models/iris/predict", {"rows": [ROW]})) | parts
    event["requestContext"] |= context
    outcome = outcome_of(handler, event)
    assert outcome.get("errorType") == "UnsupportedSourceError" or outcome["statusCode"] < 500
    json.dumps(outcome, allow_nan=False).encode()


@given(payload=st.dictionaries(st.sampled_from(["rows", "image", "images", "x"]), JSON))
def test_any_direct_event(handler: Handler, payload: dict[str, Any]) -> None:
    """A direct event with anything in it gets an error that names the caller's fault."""
    outcome = outcome_of(handler, {"model": "iris"} | payload)
    assert outcome["errorType"] in ("InputError", "InvalidError")
    json.dumps(outcome, allow_nan=False).encode()


PAYLOAD_PARTS = st.sampled_from(["model", "version", "rows", "image", "images", "s3", "Key", "x"])
VALUES = JSON | st.sampled_from(["iris", "digits", "latest", "1", "s3://bucket/key"])
ITEM = JSON | st.dictionaries(PAYLOAD_PARTS, VALUES)
BATCH_PARTS = st.sampled_from(["model", "version", "bucket", "output", "x"])


class _NoBucket:
    """A client of a service that is out of reach."""

    def __getattr__(self, name: str) -> Any:
        def refuse(**_: Any) -> Any:
            raise ConnectionError

        return refuse


@pytest.fixture
def unplugged(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """Let no client of AWS be made."""
    monkeypatch.setattr(entry, "aws_client", lambda _name: _NoBucket())
    monkeypatch.setattr(entry._Doors, "others", {})
    return handler


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(ITEM, max_size=4), batch=JSON | st.dictionaries(BATCH_PARTS, VALUES))
def test_any_map_event(unplugged: Handler, items: list[Any], batch: Any) -> None:
    """A map's event with anything in it has a result an item, or names the caller's fault."""
    outcome = outcome_of(unplugged, {"Items": items, "BatchInput": batch})
    text = json.dumps(outcome, allow_nan=False)
    assert "InternalError" not in text
    if "errorType" in outcome:
        assert outcome["errorType"] == "InvalidError"
    else:
        assert len(outcome["results"]) == len(items)


BUS_SOURCES = st.sampled_from(["aws.s3", "aws.events", "aws.scheduler", "mine"])
KINDS = st.sampled_from(["Object Created", "Object Deleted", "Scheduled Event", "x"])
DETAIL_PARTS = st.sampled_from(["bucket", "object", "name", "key", "size", "etag", "sequencer"])
DETAILS = st.dictionaries(DETAIL_PARTS, JSON | st.dictionaries(DETAIL_PARTS, JSON))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(source=BUS_SOURCES | JSON, kind=KINDS | JSON, detail=ITEM | DETAILS)
def test_any_eventbridge_event(unplugged: Handler, source: Any, kind: Any, detail: Any) -> None:
    """An event of the bus with anything in it is answered, or an error names what is wrong."""
    outcome = outcome_of(unplugged, {"source": source, "detail-type": kind, "detail": detail})
    json.dumps(outcome, allow_nan=False).encode()
    assert outcome.get("errorType") != "InternalError"


def test_a_reply_beyond_the_limit(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that Lambda would not carry is a function error, not a dead process."""
    monkeypatch.setattr(entry, "MAX_REPLY_BYTES", 100)
    assert outcome_of(handler, {"model": "iris", "rows": [ROW]})["errorType"] == (
        "ReplyTooLargeError"
    )


def test_doors_are_built_once(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first event of a source builds its door, and the next ones find it."""
    monkeypatch.setattr(entry._Doors, "others", {})
    for _ in range(2):
        handler({"model": "iris", "rows": [ROW]}, CONTEXT)
        handler({"Items": []}, CONTEXT)
        doors = dict(entry._Doors.others)
        assert set(doors) == {Source.DIRECT, Source.MAP}
    handler({"Items": []}, CONTEXT)
    assert entry._Doors.others == doors


def modules_of(handler: Handler, event: Any) -> set[str]:
    """Answer an event, and name the modules of ours in which something was called."""
    found: set[str] = set()

    def called(frame: FrameType, what: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if what == "call" and path.is_relative_to(ROOT):
            found.add(path.relative_to(ROOT).as_posix())

    handler(event, CONTEXT)
    sys.setprofile(called)
    try:
        handler(event, CONTEXT)
    finally:
        sys.setprofile(None)
    return {path for path in found if path.startswith(("function/", "model/"))}


def test_a_prediction_passes_few_modules(handler: Handler) -> None:
    """Who follows a request through the code opens at most eighteen files."""
    seven = (ROOT / "model/zoo/digits/samples/7.png").read_bytes()
    for call in (
        post_json("/models/iris/predict", {"rows": [ROW]}),
        post("/models/digits/predict", seven, "image/png"),
    ):
        modules = modules_of(handler, FRONTS["http-api-2.0"](call))
        assert {"function/doors/http.py", "function/service.py", "model/predictor.py"} <= modules
        assert len(modules) <= 18, sorted(modules)


def test_cold_then_warm() -> None:
    """Only the first event of an environment is logged as cold."""
    code = (
        "from function.entry import handler\n"
        "for _ in range(3): handler({'model': 'iris', 'rows': [[5.1, 3.5, 1.4, 0.2]]}, None)\n"
    )
    lines = [json.loads(line) for line in _child(code).splitlines()]
    assert [line["cold"] for line in lines] == [True, False, False]


def test_m1_models_load_once(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    """M1: no invocation loads a model, whatever Mangum thinks of lifespans."""
    loads: list[Path] = []

    def load(folder: Path, **_: Any) -> Predictor:
        loads.append(folder)
        raise AssertionError

    monkeypatch.setattr(Predictor, "load", load)
    monkeypatch.setattr(Service, "load", load)
    for call in (Call("/healthz"), post_json("/models/iris/predict", {"rows": [ROW]})):
        for build in FRONTS.values():
            assert handler(build(call), CONTEXT)["statusCode"] == 200
    handler({"model": "iris", "rows": [ROW]}, CONTEXT)
    assert loads == []


def test_unexpected_error_of_the_direct_door(
    handler: Handler,
    monkeypatch: pytest.MonkeyPatch,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """A fault of ours reaches the invoker without its text, and the log with its trace."""

    def broken(*_: Any) -> None:
        raise ValueError("secret\nline two \x1b[31m \ud800")

    monkeypatch.setattr(payloads, "instances_of", broken)
    log_lines()
    outcome = outcome_of(handler, {"model": "iris", "rows": []})
    assert outcome == {
        "errorType": "InternalError",
        "errorMessage": "Something failed that is not the request's fault; "
        "the log has it by the request id.",
        "stackTrace": [],
    }
    (line,) = log_lines()
    assert (line["level"], line["status"], line["error"]) == ("ERROR", 500, "ValueError")
    assert "secret\nline two \x1b[31m \ud800" in line["trace"]


def test_context_without_request_id(
    handler: Handler, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    """Without a context the request id is empty, and all else works."""
    reply = handler(FRONTS["alb"](Call("/nowhere")), None)
    assert json_of(reply)["request_id"] == ""
    assert [line["request_id"] for line in log_lines()] == [""]


def _child(code: str, **environ: str) -> str:
    keep = {key: value for key, value in os.environ.items() if not key.startswith("LAMBAKE_")}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(
        command, cwd=ROOT, env=keep | environ, capture_output=True, text=True, check=True
    ).stdout


@cache
def _modules_after(code: str, **environ: str) -> set[str]:
    listing = "\nimport sys\nprint('MODULES', *sys.modules)"
    last = _child(code + listing, **environ).splitlines()[-1]
    return set(last.split()[1:])


HEAVY = {
    "boto3", "botocore", "keras", "matplotlib", "mlxtend", "onnx", "pandas", "scipy", "sklearn",
    "tensorflow", "uvicorn", "h11", "httpx", "fastapi_swagger", "ai_edge_litert", "skl2onnx",
    "prometheus_client", "function.serve", "function.http.openapi", "PIL.GifImagePlugin",
    "PIL.WebPImagePlugin", "PIL.TiffImagePlugin", "PIL.EpsImagePlugin",
}  # fmt: skip


NEEDED = {
    "PIL", "annotated_doc", "annotated_types", "anyio", "fastapi", "function",
    "mangum", "model", "numpy", "onnxruntime", "opentelemetry", "pydantic", "pydantic_core",
    "starlette", "typing_extensions", "typing_inspection",
}  # fmt: skip
"""All that the init phase may import beside the standard library."""


def test_import_loads_nothing_needless() -> None:
    """The init phase loads what serves: no training tools, AWS client, schemas, HTTP server, no
    door but HTTP's, and of Pillow's readers only those that the golden picture needs.
    """
    modules = _modules_after("import function.entry")
    doors = {one for one in modules if one.startswith("function.doors.")}
    assert {"fastapi", "mangum", "onnxruntime", "numpy", "PIL.PngImagePlugin"} <= modules
    assert doors == {"function.doors.http", "function.doors.sources"}
    assert not modules & HEAVY
    packages = {one.partition(".")[0] for one in modules if not one.startswith("_")}
    assert packages - {*sys.stdlib_module_names, *NEEDED} == set()


def test_the_import_starts_no_threads_and_wakes_no_collector() -> None:
    """OpenBLAS gets one thread unless told otherwise; the collector is back once all is loaded.

    Nor does it look for plug-ins of pydantic, which reads the metadata of all packages.
    """
    code = (
        "import gc, importlib.metadata, os\npasses, looks = [], []\n"
        "gc.callbacks.append(lambda when, _: passes.append(when))\n"
        "importlib.metadata.entry_points = lambda **group: looks.append(group) or ()\n"
        "import function.entry\n"
        "print(os.environ['OPENBLAS_NUM_THREADS'], len(os.listdir('/proc/self/task')), "
        "len(looks), len(passes), gc.isenabled())"
    )
    openblas, threads, looks, passes, enabled = _child(code).split()
    assert (openblas, threads, looks, enabled) == ("1", "1", "0", "True")
    assert int(passes) < 50  # before it is off; it would be called some 500 times
    otherwise = _child(code, OPENBLAS_NUM_THREADS="2", PYDANTIC_DISABLE_PLUGINS="").split()
    assert (otherwise[0], otherwise[2]) == ("2", "1")


def test_tables_only_need_no_pillow() -> None:
    """A function that serves tables only never loads Pillow."""
    modules = _modules_after("import function.entry", LAMBAKE_MODELS="iris")
    assert "PIL" not in modules


PAYLOAD = {"model": "iris", "rows": [ROW]}


EVENTS = [
    PAYLOAD,
    {"Items": [PAYLOAD]},
    {"source": "mine", "detail-type": "x", "detail": PAYLOAD},
    {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    {"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": json.dumps(PAYLOAD)}]},
    {"awslogs": {}},
]


def test_other_doors_need_no_framework() -> None:
    """With the preload off, no door but HTTP's pays for FastAPI, nor for boto3 without need."""
    code = (
        "from contextlib import suppress\nfrom types import SimpleNamespace\n"
        "from function.entry import handler\n"
        "context = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)\n"
        f"for event in {EVENTS!r}:\n    with suppress(Exception): handler(event, context)"
    )
    modules = _modules_after(code, LAMBAKE_PRELOAD_HTTP="off")
    assert {"function.doors.invoke", "function.doors.sqs"} <= modules
    frameworks = {"fastapi", "starlette", "mangum", "pydantic", "pydantic_core"}
    assert not modules & (frameworks | {"boto3", "botocore", "function.objects.process"})


def test_http_works_without_the_preload() -> None:
    """With the preload off, the first HTTP event builds the door."""
    event = FRONTS["http-api-2.0"](Call("/add", query="a=10&b=20"))
    code = f"from function.entry import handler\nprint(handler({event!r}, None)['body'])"
    first = _child(code, LAMBAKE_PRELOAD_HTTP="off").splitlines()[-1]
    assert first == "30"
