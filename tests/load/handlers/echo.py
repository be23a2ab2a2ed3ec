"""A function that proves which input it had: it answers with the input's hash.

LEAK_KB in its environment makes it keep so many KiB a call, for ever: the soak's planted leak.
"""

import hashlib
import json
import os
from typing import Any

LEAK_KB = int(os.environ.get("LEAK_KB", "0"))
KEPT: list[bytes] = []


def handler(event: Any, _context: Any) -> Any:
    """Answer a direct event {"data": ...} or the body of a front's event, with its SHA-256."""
    if LEAK_KB:
        KEPT.append(os.urandom(LEAK_KB * 1024))
    if "data" not in event:
        event = json.loads(event["body"])
    if event["data"] == "leave":
        os._exit(1)
    return {"sha256": hashlib.sha256(event["data"].encode()).hexdigest()}


def empty(_event: Any, _context: Any) -> None:
    """Do nothing."""
