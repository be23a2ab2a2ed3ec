"""The live view: readable for people, harmless for their terminal."""

from __future__ import annotations

import re

import pytest

from infra.cli.live_view import TerminalView, VerboseView, cloud_view, plain_view, shown
from infra.cli.request_line import CYAN, GREEN, RED, YELLOW
from infra.local.log_lines import (
    End,
    InitReport,
    InitStart,
    PlatformEvent,
    Report,
    RestoreReport,
    Start,
    TimedOut,
)
from infra.local.logs import LogLine
from infra.local.watched import Answered, Asked, refused


def line_of(text: str, event: PlatformEvent | None = None) -> LogLine:
    """Return a line."""
    source = "platform" if event else "function"
    return LogLine(0.0, text, source, "stream", "id", event)


def bare(text: str) -> str:
    """Take the colours out."""
    return re.sub(r"\x1b\[\d+m", "", text)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (InitStart("python:3.13.v1", "arn", "on-demand"), "init     python:3.13.v1"),
        (InitReport(10_009.1, "init", "timeout"), "init     timeout after 10009 ms, init"),
        (Start("id", "$LATEST"), "start    id"),
        (Report("id", 3.014, 4, 128, 36), "done     id  3.01 ms  36 of 128 MB"),
        (
            Report("id", 3, 4, 128, 36, init_ms=110.4),
            "done     id  3.00 ms  36 of 128 MB  cold start 110 ms",
        ),
        (
            Report("id", 3, 4, 128, 36, restore_ms=60),
            "done     id  3.00 ms  36 of 128 MB  restored in 60 ms",
        ),
        (
            Report("id", 3, 4, 128, 36, status="timeout", error_type="Sandbox.Timedout"),
            "error    id  3.00 ms  36 of 128 MB  timeout Sandbox.Timedout",
        ),
        (TimedOut("id", 1, 0), "         as logged"),
        (RestoreReport(60), "         as logged"),
    ],
)
def test_the_platforms_lines_are_short(event: PlatformEvent, text: str) -> None:
    """One line each, with what matters."""
    assert [bare(x) for x in shown(line_of("as logged", event))] == [text]


def test_the_end_is_not_shown() -> None:
    """The report says it."""
    assert shown(line_of("END", End("id", "success"))) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ["         plain"]),
        ("tab\there", ["         tab\there"]),
        (
            "[ERROR] X: no\rTraceback\r\u00a0\u00a0line",
            [
                "         [ERROR] X: no",
                "         Traceback",
                "           line",
            ],
        ),
        ("\x1b[2J\x1b]0;title\x07\x9b", ["         \\x1b[2J\\x1b]0;title\\x07\\x9b"]),
        (
            '{"level": "INFO", "message": "hi", "n": 1, "s": "a\\u001b"}',
            ["         INFO hi n=1 s=a\\x1b"],
        ),
        ('{"a": [1, 2]}', ["         a=[1, 2]"]),
        ("{not json", ["         {not json"]),
        ("[]", ["         []"]),
        ("[", ["         ["]),
        ("{" * 5, ["         {{{{{"]),
    ],
)
def test_the_functions_lines(text: str, expected: list[str]) -> None:
    """Tracebacks in lines, JSON in short, control characters as text."""
    assert [bare(x) for x in shown(line_of(text))] == expected


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ('{"CloudWatchMetrics": [{"Metrics": [{"Name": "Total"}]}]}', "INFO done count=1"),
        ('{"CloudWatchMetrics": [{}]}', "INFO done count=1 Total=2"),
        ("7", "INFO done count=1 Total=2"),
    ],
)
def test_embedded_metrics_are_left_out(declared: str, expected: str) -> None:
    """What a line carries for CloudWatch only is not for people."""
    text = f'{{"_aws": {declared}, "level": "INFO", "message": "done", "count": 1, "Total": 2}}'
    assert [bare(line).strip() for line in shown(line_of(text))] == [expected]


def test_a_deep_json_line_is_shown_as_it_is() -> None:
    """A function cannot break the view."""
    deep = '{"a":' * 50_000
    assert [bare(x) for x in shown(line_of(deep))] == ["         " + deep]


def test_errors_are_red() -> None:
    """By their level, in text and in JSON."""
    assert "\x1b[31m[ERROR]" in shown(line_of("[ERROR] no"))[0]
    assert "\x1b[31mERROR no" in shown(line_of('{"level":"ERROR","message":"no"}'))[0]
    assert "\x1b[33m[WARNING]" in shown(line_of("[WARNING]\tx"))[0]
    assert "\x1b[31m" not in shown(line_of("[INFO] fine"))[0]


def test_the_views() -> None:
    """A file gets the line as it is, a terminal with --verbose the time and the short form."""
    written: list[str] = []
    plain_view(written.append)(line_of("as it is"))
    VerboseView(written.append).log(line_of("short"))
    assert written[0] == "as it is\n"
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}          short\n", bare(written[1]))


RECORD = (
    '{"level": "INFO", "message": "invocation", "request_id": "id", "cold": true, "source": "sqs", '
    '"status": 422, "model": "iris", "count": 1, "error": "InputError", "ms": {"total": 3.4}}'
)
FAILED = (
    "[ERROR] ArtefactError: /z/iris/model.toml: sha256: expected one, got none\rTraceback (most"
    " recent call last):\r  File"
)


def answered(
    status: int, body: str, *, path: str = "/models/iris/predict", why: str = ""
) -> Answered:
    """Return a request at the front."""
    return Answered(
        request_id="id",
        method="POST",
        path=path,
        status=status,
        body=body.encode(),
        why=why,
        ms=11.2,
    )


@pytest.mark.parametrize(
    ("seen", "status", "note"),
    [
        (
            answered(200, '{"model": "iris", "predictions": [{"label": "setosa"}]}'),
            GREEN,
            "setosa ",
        ),
        (
            answered(200, '{"model": "a", "predictions": [{"value": 1}, {}]}', path="/v1"),
            GREEN,
            "a: 1 and 1 more ",
        ),
        (answered(200, '{"models": [{"name": "a", "version": "1"}]}'), GREEN, "a 1 "),
        (answered(200, "<html>"), GREEN, ""),
        (answered(200, "[]"), GREEN, ""),
        (answered(415, '{"detail": "type: no\\u001b"}'), YELLOW, "type: no\\x1b "),
        (answered(307, ""), CYAN, ""),
        (
            answered(500, '{"message": "Internal Server Error"}', why="ValueError: no"),
            RED,
            "ValueError: no ",
        ),
        (answered(404, '{"message": "Not Found"}', path="/" + "x" * 99), YELLOW, "Not Found "),
        (answered(422, '{"detail": "' + "x" * 99 + '"}'), YELLOW, "x" * 9),
    ],
)
def test_a_request_is_one_line_of_80_columns(seen: Answered, status: str, note: str) -> None:
    """Its status in its colour, and what was answered, in short."""
    written: list[str] = []
    TerminalView(written.append).front(seen)
    (line,) = written
    assert f" {status}{seen.status}\x1b[0m {note}" in line
    assert re.match(r"\d\d:\d\d:\d\d POST /", bare(line))
    assert bare(line).endswith("   11 ms\n")
    assert len(bare(line)) <= 81


def test_what_the_host_refuses_shows_too() -> None:
    """With what to do, where the answer cannot say it."""
    written: list[str] = []
    TerminalView(written.append).front(refused(413, "body: expected at most 5 bytes"))
    assert "413" in written[0]
    assert "body: expected" in written[0]
    assert [len(bare(line)) <= 80 for line in written[1:]] == [True, True]
    assert "resize the picture" in written[2]


def test_a_request_of_the_front_is_told_once() -> None:
    """By the front, with a mark for a cold start; another invocation by its report."""
    written: list[str] = []
    view = TerminalView(written.append)
    report = Report("id", 3.014, 4, 128, 36)
    lines = [
        line_of("START", Start("id", "$LATEST")),
        line_of(RECORD),
        line_of("END", End("id", "success")),
        line_of("REPORT", report),
    ]
    view.front(Asked("id"))
    for one in lines:
        view.log(one)
    view.front(answered(200, "{}"))
    assert [bare(text).split()[-1] for text in written] == ["cold"]
    for one in lines[1:]:
        view.log(one)
    assert re.search(r"sqs +422 iris InputError +3 ms cold$", bare(written[1]).strip())
    view.log(
        line_of(
            "REPORT", Report("id", 3, 4, 128, 36, status="timeout", error_type="Sandbox.Timedout")
        )
    )
    assert re.search(r"invoke +500 Sandbox.Timedout +3 ms$", bare(written[2]).strip())
    assert len(written) == 3


def test_a_model_that_does_not_load_is_told_in_three_lines_once() -> None:
    """Which file, what, how to mend it: without the trace, and without AWS's advice."""
    written: list[str] = []
    view = TerminalView(written.append)
    for _ in range(2):
        view.log(line_of("[WARNING] LAMBDA_WARNING: Unhandled exception. The most likely …"))
        view.log(line_of(FAILED))
        view.log(line_of("INIT_REPORT", InitReport(10.0, "init", "error")))
    assert [bare(text).split()[:2] for text in written] == [
        ["does", "not"], ["because", "sha256:"], ["mend", "correct"],
    ]  # fmt: skip
    assert "/z/iris/model.toml" in written[0]


def test_what_else_the_function_writes_is_shown() -> None:
    """Its own lines, the traces of its faults, and an init that fails otherwise."""
    written: list[str] = []
    view = TerminalView(written.append)
    view.log(line_of("hello"))
    view.log(line_of(RECORD.replace('"ms"', '"trace": "Trace\\n  back", "reason": "odd", "ms"')))
    view.log(line_of("INIT_REPORT", InitReport(10.0, "init", "timeout")))
    view.log(line_of("as logged", TimedOut("id", 1, 0)))
    assert [bare(text).split() for text in written] == [
        ["hello"], ["Trace"], ["back"], ["odd"], ["init:", "timeout", "after", "10", "ms"],
        ["as", "logged"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("START RequestId: x", ""),
        ("REPORT RequestId: x\tDuration: 3.01 ms", ""),
        ("REPORT RequestId: x\tStatus: timeout", "timeout"),
        ("plain", "plain"),
        ('{"message": "invocation"', '{"message": "invocation"'),
        (RECORD, "sqs 422 iris InputError 3 ms cold"),
    ],
)
def test_the_log_of_the_cloud(text: str, expected: str) -> None:
    """One line an invocation, as here."""
    assert " ".join(" ".join(map(bare, cloud_view(text))).split()) == expected
