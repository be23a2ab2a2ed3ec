"""The live view: readable for people, harmless for their terminal."""

from __future__ import annotations

import re

import pytest

from infra.cli.live_view import plain_view, shown, terminal_view
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


def test_the_two_views() -> None:
    """A file gets the line as it is, a terminal the time and the short form."""
    written: list[str] = []
    plain_view(written.append)(line_of("as it is"))
    terminal_view(written.append)(line_of("short"))
    assert written[0] == "as it is\n"
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}          short\n", bare(written[1]))
