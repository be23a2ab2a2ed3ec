"""Show the log as it is written: coloured and shortened on a terminal, unchanged in a file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.cli.request_line import (
    ADVICE,
    BOLD,
    CYAN,
    DIM,
    END,
    GREEN,
    RED,
    YELLOW,
    Shown,
    details_of,
    harmless,
    note_of,
    record_in,
    request_line,
    shown_record,
)  # fmt: skip
from infra.local.log_lines import End, InitReport, InitStart, PlatformEvent, Report, Start
from infra.local.logs import LogLine
from infra.local.watched import Answered, Asked

_LEVELS = {"ERROR": RED, "CRITICAL": RED, "FATAL": RED, "WARNING": YELLOW, "WARN": YELLOW}
_AWS_ADVICE = "LAMBDA_WARNING: Unhandled exception"
_SHOWN_FIELDS = ("level", "message", "msg")


def plain_view(write: Callable[[str], object]) -> Callable[[LogLine], None]:
    """Return a printer that writes each line as the service does."""

    def show(line: LogLine) -> None:
        write(line.text + "\n")

    return show


class TerminalView:
    """For people: one line a request, and what the function itself writes; errors in red."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._streams: set[str] = set()
        self._asked: set[str] = set()  # at the front, which tells the answer itself
        self._cold: set[str] = set()
        self._records: dict[str, dict[str, Any]] = {}
        self._refusal: list[str] = []

    def front(self, seen: Asked | Answered) -> None:
        """Show a request once it is answered."""
        if isinstance(seen, Asked):
            self._asked.add(seen.request_id)
            return
        note = seen.why or note_of(seen.body, seen.path)
        asked = f"{seen.method:<4} {seen.path}" if seen.path else "refused unread"
        cold = seen.request_id in self._cold
        self._cold.discard(seen.request_id)
        self._say(
            request_line(Shown(asked=asked, status=seen.status, note=note, ms=seen.ms, cold=cold))
        )
        self._below(*(f"{YELLOW}{text}{END}" for text in ADVICE.get(seen.status, ())))

    def log(self, line: LogLine) -> None:
        """Show a line of the log, if it is more than a request's beginning and end."""
        event = line.event
        if isinstance(event, Start):
            self._begin(line.stream, event)
        elif isinstance(event, Report):
            self._report(event)
        elif isinstance(event, InitReport):
            if not self._refusal:
                self._below(f"{RED}init: {event.status} after {event.init_ms:.0f} ms{END}")
        elif event is not None:
            if not isinstance(event, InitStart | End):
                self._below(*_platform(line, event))
        elif (record := record_in(line.text)) is not None:
            self._records[record["request_id"]] = record
            self._below(*details_of(record))
        elif (refusal := refusal_in(line.text)) and refusal != self._refusal:
            self._refusal = refusal
            self._below(*refusal)
        elif not refusal and _AWS_ADVICE not in line.text:
            self._below(*shown_text(line.text))

    def _begin(self, stream: str, start: Start) -> None:
        """Note the first request of an environment, whose stream of the log is new."""
        if stream not in self._streams:
            self._streams.add(stream)
            self._cold.add(start.request_id)

    def _report(self, report: Report) -> None:
        identifier = report.request_id
        record = self._records.pop(identifier, {})
        if identifier in self._asked:
            self._asked.discard(identifier)
            return
        cold = identifier in self._cold
        self._cold.discard(identifier)
        good = report.status == "success"
        self._refusal = [] if good else self._refusal
        shown = shown_record(record) or Shown(
            asked="invoke", status=200 if good else 500, note="", ms=0, cold=cold
        )
        note = shown.note if good else report.error_type or report.status
        self._say(request_line(replace(shown, ms=report.duration_ms, note=note)))

    def _say(self, text: str) -> None:
        self._write(f"{DIM}{datetime.now():%H:%M:%S}{END} {text}\n")

    def _below(self, *texts: str) -> None:
        for text in texts:
            self._write(f"         {text}\n")


class VerboseView(TerminalView):
    """For people who want all: the platform's lines and the function's records, too."""

    def log(self, line: LogLine) -> None:
        """Show a line of the log."""
        stamp = datetime.fromtimestamp(line.time_s).strftime("%H:%M:%S.%f")[:-3]
        if isinstance(line.event, Start):
            self._begin(line.stream, line.event)
        for text in shown(line):
            self._write(f"{DIM}{stamp}{END} {text}\n")


def refusal_in(text: str) -> list[str]:
    """Return three lines on a model that does not load: which file, what, and how to mend it."""
    found = re.match(r"\[ERROR\] ArtefactError: (/?[^\r\n:]+): ([^\r\n]*)", text)
    if not found:
        return []
    file, problem = Path(found[1]), harmless(found[2])
    with suppress(ValueError):
        file = file.relative_to(Path.cwd())
    return [
        f"{RED}does not load{END}  {harmless(str(file))}",
        f"because        {problem}",
        f"{GREEN}mend{END}           correct it, bake it again, or move its folder out of the zoo",
    ]


def cloud_view(text: str) -> list[str]:
    """Return what a line of the log in the cloud shows; one line for each invocation."""
    if text.startswith(("START ", "END ", "INIT_START ")):
        return []
    if text.startswith("REPORT "):
        failed = re.search(r"\tStatus: (.*)", text)
        return [f"{RED}{harmless(failed[1].strip())}{END}"] if failed else []
    record = record_in(text)
    shown = shown_record(record) if record else None
    if record is None or shown is None:
        return shown_text(text)
    return [request_line(shown), *details_of(record)]


def shown(line: LogLine) -> list[str]:
    """Return the coloured lines for one line of the log."""
    if line.event is not None:
        return _platform(line, line.event)
    return [f"         {text}" for text in shown_text(line.text)]


def shown_text(text: str) -> list[str]:
    """Return the coloured lines for one text that a function wrote."""
    # awslambdaric ends the lines of a traceback with \r and indents with no-break spaces.
    return [_function(part) for part in text.replace("\u00a0", " ").split("\r")]


def _platform(line: LogLine, event: PlatformEvent) -> list[str]:
    if isinstance(event, InitStart):
        return [f"{CYAN}init{END}     {event.runtime}"]
    if isinstance(event, InitReport):
        return [f"{RED}init{END}     {event.status} after {event.init_ms:.0f} ms, {event.phase}"]
    if isinstance(event, Start):
        return [f"{DIM}start    {event.request_id}{END}"]
    if isinstance(event, End):
        return []
    if isinstance(event, Report):
        return [_report(event)]
    return [f"         {RED}{harmless(line.text)}{END}"]


def _report(report: Report) -> str:
    good = report.status == "success"
    colour, word = (GREEN, "done ") if good else (RED, "error")
    text = f"{colour}{word}{END}    {report.request_id}  {BOLD}{report.duration_ms:.2f} ms{END}"
    text += f"  {report.max_memory_mb} of {report.memory_mb} MB"
    if report.init_ms is not None:
        text += f"  {CYAN}cold start {report.init_ms:.0f} ms{END}"
    if report.restore_ms is not None:
        text += f"  {CYAN}restored in {report.restore_ms:.0f} ms{END}"
    if not good:
        text += f"  {RED}{report.status}{END} {harmless(report.error_type or '')}"
    return text


def _function(text: str) -> str:
    if text.startswith("{"):
        return _json(text)
    shown = harmless(text)
    if text.startswith("[") and "]" in text:
        colour = _LEVELS.get(text[1 : text.index("]")].split()[0] if len(text) > 2 else "", "")
        return f"{colour}{shown}{END if colour else ''}"
    return shown


def _json(text: str) -> str:
    """Shorten a JSON log line: level and message first, then the other fields as name=value."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return harmless(text)
    if not isinstance(record, dict):
        return harmless(text)
    level = str(record.get("level", ""))
    message = str(record.get("message", record.get("msg", "")))
    left_out = {*_SHOWN_FIELDS, "_aws", *_metrics_in(record.get("_aws"))}
    rest = {name: value for name, value in record.items() if name not in left_out}
    colour = _LEVELS.get(level.upper(), "")
    parts = [part for part in (level, message) if part]
    fields = [f"{DIM}{name}={END}{_value(value)}" for name, value in rest.items()]
    head = harmless(" ".join(parts))
    return " ".join(filter(None, [f"{colour}{head}{END}" if head else "", *fields]))


def _metrics_in(declared: object) -> list[str]:
    """Return the members that exist only for CloudWatch's embedded metric format."""
    try:
        groups = declared["CloudWatchMetrics"]  # type: ignore[index]
        return [str(metric["Name"]) for group in groups for metric in group["Metrics"]]
    except (TypeError, KeyError):
        return []


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return harmless(text)
