"""The log: kept, bounded, cut for Tail, attributed to invocations."""

from __future__ import annotations

import json
from collections.abc import Callable

from infra.local import contract
from infra.local.log_lines import End, Start
from infra.local.logs import Log, LogLine, LogStream
from tests.infra.local.fakes import FakeClock
from tests.infra.local.invoke.calls import Caller


def stream_of(log: Log, *, as_json: bool = False) -> LogStream:
    """Return a stream."""
    return LogStream("2026/01/01/[$LATEST]abc", log, FakeClock(), as_json=as_json)


def texts(log: Log) -> list[str]:
    """Return the lines' text."""
    return [line.text for line in log.lines()]


def test_lines_come_out_of_pieces() -> None:
    """However the pipe cuts them; the last one when it is flushed."""
    log = Log()
    stream = stream_of(log)
    for piece in (b"on", b"e\ntw", b"o\n\nthr", b"ee"):
        stream.function_wrote(piece)
    assert texts(log) == ["one", "two", ""]
    stream.flush()
    assert texts(log) == ["one", "two", "", "three"]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    """The log is text; nothing that a function prints can break it."""
    log = Log()
    stream_of(log).function_wrote(b"\xff\xfe\n")
    assert texts(log) == ["\ufffd\ufffd"]


def test_a_line_without_end_is_cut() -> None:
    """At 256 KiB, as the service does: it must not fill memory."""
    log = Log()
    stream_of(log).function_wrote(b"x" * 600_000)
    assert [len(text) for text in texts(log)] == [262_144, 262_144]


def test_lines_belong_to_their_invocation() -> None:
    """What comes before START or after END belongs to none."""
    log = Log()
    stream = stream_of(log)
    stream.function_wrote(b"init\n")
    stream.begin("id-1")
    stream.platform(Start("id-1", "$LATEST"))
    stream.function_wrote(b"half a line")
    stream.platform(End("id-1", "success"))
    tail = stream.end()
    stream.function_wrote(b"late\n")
    assert tail == (b"START RequestId: id-1 Version: $LATEST\nhalf a line\nEND RequestId: id-1\n")
    assert [(line.text, line.source, line.request_id) for line in log.lines()] == [
        ("init", "function", None),
        ("START RequestId: id-1 Version: $LATEST", "platform", "id-1"),
        ("half a line", "function", "id-1"),
        ("END RequestId: id-1", "platform", "id-1"),
        ("late", "function", None),
    ]


def test_the_tail_is_cut_at_its_limit() -> None:
    """The last 4,096 bytes, whatever came in whatever pieces."""
    stream = stream_of(Log())
    stream.begin("id")
    written = bytearray()
    for i in range(2_000):
        piece = f"{i} ".encode() * 7 + b"\n"
        written += piece
        stream.function_wrote(piece)
    assert stream.end() == written[-contract.LOG_TAIL_BYTES :]
    stream.begin("id")
    stream.function_wrote(b"x" * 100_000 + b"\n")
    assert stream.end() == b"x" * 4_095 + b"\n"


def test_the_log_is_bounded() -> None:
    """10,000 lines, or 16 million characters: a soak keeps its memory."""
    log = Log()
    stream = stream_of(log)
    stream.function_wrote(b"".join(b"%d\n" % i for i in range(25_000)))
    assert len(log.lines()) == 10_000
    assert log.lines()[0].text == "15000"
    for _ in range(80):
        stream.function_wrote(b"x" * 250_000 + b"\n")
    kept = [len(line.text) for line in log.lines()]
    assert sum(kept) <= 16 * 1024 * 1024
    assert kept[-60:] == [250_000] * 60


def test_listeners_hear_each_line() -> None:
    """In order, with the event that a platform's line says."""
    log = Log()
    heard: list[LogLine] = []
    log.listen(heard.append)
    stream = stream_of(log)
    stream.platform(Start("id", "1"))
    stream.function_wrote(b"out\n")
    assert heard == log.lines()
    assert heard[0].event == Start("id", "1")
    assert heard[1].event is None


def test_json_lines() -> None:
    """The platform's lines are JSON where asked for; those with no JSON form are left out."""
    log = Log()
    stream = stream_of(log, as_json=True)
    stream.platform(Start("id", "$LATEST"))
    stream.platform(End("id", "success"))
    assert [json.loads(text)["type"] for text in texts(log)] == ["platform.start"]


def test_a_function_with_json_logs(start: Callable[..., Caller]) -> None:
    """All lines of a failing call are JSON, the runtime client's own too; Tail has the same."""
    lambda_ = start(log_format="JSON")
    reply = lambda_.do("fail", tail=True)
    records = [json.loads(line) for line in lambda_.local.logs]
    assert [record.get("type", record.get("level")) for record in records] == [
        "platform.initStart",
        "platform.start",
        "ERROR",
        "platform.runtimeDone",
        "platform.report",
    ]
    done, report = records[-2]["record"], records[-1]["record"]
    assert done["status"] == report["status"] == "error"
    assert report["metrics"]["initDurationMs"] > 0
    assert "\n".join(lambda_.local.logs[1:]) + "\n" == reply.log
