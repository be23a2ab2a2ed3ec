"""An empty function: what Lambda's own runtime client takes."""

from __future__ import annotations

from typing import Any


def handler(_event: Any, _context: Any) -> dict[str, Any]:
    """Answer with nothing."""
    return {"statusCode": 200, "body": "{}"}
