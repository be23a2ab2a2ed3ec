"""Show the log as it is written: coloured and shortened on a terminal, unchanged in a file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime

from infra.local.log_lines import End, InitReport, InitStart, PlatformEvent, Report, Start
from infra.local.logs import LogLine

_DIM, _RED, _GREEN, _YELLOW, _CYAN, _BOLD, _END = (
    "\x1b[2m",
    "\x1b[31m",
    "\x1b[32m",
    "\x1b[33m",
    "\x1b[36m",
    "\x1b[1m",
    "\x1b[0m",
)
# A function's output must not move the cursor, change the title or ring the bell.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LEVELS = {"ERROR": _RED, "CRITICAL": _RED, "FATAL": _RED, "WARNING": _YELLOW, "WARN": _YELLOW}
_SHOWN_FIELDS = ("level", "message", "msg")


def plain_view(write: Callable[[str], object]) -> Callable[[LogLine], None]:
    """Return a printer that writes each line as the service does."""

    def show(line: LogLine) -> None:
        write(line.text + "\n")

    return show


def terminal_view(write: Callable[[str], object]) -> Callable[[LogLine], None]:
    """Return a printer for people: the time, a mark for cold and warm starts, errors in red."""

    def show(line: LogLine) -> None:
        stamp = datetime.fromtimestamp(line.time_s).strftime("%H:%M:%S.%f")[:-3]
        for text in shown(line):
            write(f"{_DIM}{stamp}{_END} {text}\n")

    return show


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
        return [f"{_CYAN}init{_END}     {event.runtime}"]
    if isinstance(event, InitReport):
        return [f"{_RED}init{_END}     {event.status} after {event.init_ms:.0f} ms, {event.phase}"]
    if isinstance(event, Start):
        return [f"{_DIM}start    {event.request_id}{_END}"]
    if isinstance(event, End):
        return []
    if isinstance(event, Report):
        return [_report(event)]
    return [f"         {_RED}{_harmless(line.text)}{_END}"]


def _report(report: Report) -> str:
    good = report.status == "success"
    colour, word = (_GREEN, "done ") if good else (_RED, "error")
    text = f"{colour}{word}{_END}    {report.request_id}  {_BOLD}{report.duration_ms:.2f} ms{_END}"
    text += f"  {report.max_memory_mb} of {report.memory_mb} MB"
    if report.init_ms is not None:
        text += f"  {_CYAN}cold start {report.init_ms:.0f} ms{_END}"
    if report.restore_ms is not None:
        text += f"  {_CYAN}restored in {report.restore_ms:.0f} ms{_END}"
    if not good:
        text += f"  {_RED}{report.status}{_END} {_harmless(report.error_type or '')}"
    return text


def _function(text: str) -> str:
    if text.startswith("{"):
        return _json(text)
    harmless = _harmless(text)
    if text.startswith("[") and "]" in text:
        colour = _LEVELS.get(text[1 : text.index("]")].split()[0] if len(text) > 2 else "", "")
        return f"{colour}{harmless}{_END if colour else ''}"
    return harmless


def _json(text: str) -> str:
    """Shorten a JSON log line: level and message first, then the other fields as name=value."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return _harmless(text)
    if not isinstance(record, dict):
        return _harmless(text)
    level = str(record.get("level", ""))
    message = str(record.get("message", record.get("msg", "")))
    left_out = {*_SHOWN_FIELDS, "_aws", *_metrics_in(record.get("_aws"))}
    rest = {name: value for name, value in record.items() if name not in left_out}
    colour = _LEVELS.get(level.upper(), "")
    parts = [part for part in (level, message) if part]
    fields = [f"{_DIM}{name}={_END}{_value(value)}" for name, value in rest.items()]
    head = _harmless(" ".join(parts))
    return " ".join(filter(None, [f"{colour}{head}{_END}" if head else "", *fields]))


def _metrics_in(declared: object) -> list[str]:
    """Return the members that exist only for CloudWatch's embedded metric format."""
    try:
        groups = declared["CloudWatchMetrics"]  # type: ignore[index]
        return [str(metric["Name"]) for group in groups for metric in group["Metrics"]]
    except (TypeError, KeyError):
        return []


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _harmless(text)


def _harmless(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
