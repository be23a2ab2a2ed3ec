"""The corpus of events, tests/events/*.json: each with the whole reply that it must get.

A file holds `about`, a sentence; `source`, as the log names it; `event`; and `reply`. Where the
event's source is told of errors by a function error, `reply` is the error as Lambda passes it on:
`errorType`, `errorMessage`, `stackTrace`. Ids come from a fake context. The times in the header
`server-timing` differ each time, so they stand there as `dur=…`, and `masked` makes them so.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent.parent / "events"


@dataclass(frozen=True)
class Case:
    """One file of the corpus."""

    name: str
    about: str
    source: str
    event: Any
    reply: dict[str, Any]


def _read(path: Path) -> Case:
    return Case(path.stem, **json.loads(path.read_text(encoding="utf-8")))


CASES: Final = [_read(path) for path in sorted(FOLDER.glob("*.json"))]


def masked(reply: dict[str, Any]) -> Any:
    """Replace the times in a reply by a mark, and forget whether the start was cold."""
    return json.loads(re.sub(r"dur=[0-9.]+", "dur=…", json.dumps(reply).replace("cold, ", "")))
