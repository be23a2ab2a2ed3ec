"""Functions for queues and buckets."""

import json
from typing import Any

SEEN: list[str] = []


def handler(event: Any, _context: Any) -> Any:
    """Note the records; fail those messages whose body says so."""
    records = event.get("Records", []) if isinstance(event, dict) else []
    if not records:
        return {"seen": SEEN}
    if records[0]["eventSource"] == "aws:s3":
        note(*(f"{r['eventName']} {r['s3']['object']['key']}" for r in records))
        return None
    note(*(record["body"] for record in records))
    failed = [record["messageId"] for record in records if record["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": failure} for failure in failed]}


def event(event: Any, _context: Any) -> None:
    """Note an event as it came."""
    note(json.dumps(event))


def note(*seen: str) -> None:
    """Remember, and say so in the log."""
    SEEN.extend(seen)
    for what in seen:
        print(f"seen: {what}")
