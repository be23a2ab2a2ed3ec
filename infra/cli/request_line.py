"""One request in one line that fits the screen: what was asked, the status, the answer in short."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.local import contract

DIM, RED, GREEN, YELLOW, CYAN, BOLD, END = (
    "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m", "\x1b[1m", "\x1b[0m",
)  # fmt: skip
# A function's output must not move the cursor, change the title or ring the bell.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TOO_LARGE: Final = 413
ADVICE: Final = {_TOO_LARGE: contract.TOO_LARGE_HINT.split(": ")}
"""What to do, in lines that fit the screen, where the answer's own line is cut short."""

_STAMP = len("00:00:00 ")
_ASKED = 34
"""The most characters of a method and a path."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a line shows. `asked` is a method and a path, or the source of an event."""

    asked: str
    status: int
    note: str
    ms: float
    cold: bool


def request_line(shown: Shown) -> str:
    """Return the line, without the time before it; with that it fits this terminal."""
    width = min(120, shutil.get_terminal_size().columns)
    asked = harmless(shown.asked)
    if len(asked) > _ASKED:
        asked = f"{asked[: _ASKED - 1]}…"
    took = f"{shown.ms:.0f} ms" if shown.ms < 1000 else f"{shown.ms / 1000:.1f} s"
    left = f"{asked:<28} {shown.status} "
    room = max(8, width - _STAMP - len(left) - len(f" {took:>7} cold"))
    note = harmless(" ".join(shown.note.split()))
    note = note if len(note) <= room else f"{note[: room - 1]}…"
    left = left.replace(f" {shown.status} ", f" {colour_of(shown.status)}{shown.status}{END} ", 1)
    cold = f" {CYAN}cold{END}" if shown.cold else ""
    return f"{left}{note:<{room}} {DIM}{took:>7}{END}{cold}"


def colour_of(status: int) -> str:
    """Return the colour of a status: only what went well is green."""
    return {2: GREEN, 3: CYAN, 4: YELLOW}.get(status // 100, RED)


def note_of(body: bytes, path: str) -> str:
    """Say in a few words what an answer says: the label, the value, or the error."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict):
        return ""
    predictions = answer.get("predictions")
    if isinstance(predictions, list) and predictions:
        model = answer.get("model", "")
        name = f"{model}: " if model and f"/{model}/" not in path else ""
        more = f" and {len(predictions) - 1} more" if len(predictions) > 1 else ""
        return f"{name}{_prediction(predictions[0])}{more}"
    if isinstance(answer.get("models"), list):
        return ", ".join(_model(one) for one in answer["models"])
    return str(answer.get("detail") or answer.get("message") or answer.get("error") or "")


def _prediction(one: Any) -> str:
    if not isinstance(one, dict):
        return str(one)[:20]
    for key in ("label", "labels", "value", "values"):
        if key in one:
            return str(one[key])
    return ", ".join(one)


def _model(one: Any) -> str:
    return f"{one.get('name')} {one.get('version', '')}".strip() if isinstance(one, dict) else ""


def record_in(text: str) -> dict[str, Any] | None:
    """Return the record of an invocation that our function writes, or None for another line."""
    if not text.startswith("{") or '"message": "invocation"' not in text:
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and "request_id" in record else None


def shown_record(record: Mapping[str, Any]) -> Shown | None:
    """Return what a record says in a line; None if there is none."""
    if not record:
        return None
    count = record.get("count") or 0
    model, error = record.get("model") or "", record.get("error") or ""
    note = f"{model} {f'{count} predictions' if count > 1 else ''} {error}"
    status, ms = int(record.get("status") or 500), record.get("ms") or {}
    return Shown(
        asked=str(record.get("source", "")), status=status, note=note,
        ms=float(ms.get("total", 0)), cold=bool(record.get("cold")),
    )  # fmt: skip


def details_of(record: Mapping[str, Any]) -> list[str]:
    """Return the trace of a fault that is ours, or what an engine said of an input."""
    trace = str(record.get("trace") or "").rstrip().splitlines()
    reason = str(record.get("reason") or "").splitlines()
    return [f"{RED}{harmless(line)}{END}" for line in trace] + [
        f"{YELLOW}{harmless(line)}{END}" for line in reason
    ]


def harmless(text: str) -> str:
    """Show control characters as text."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
