"""A function behind a front that fails as its path says."""

import os
import time
from typing import Any


def handler(event: Any, _context: Any) -> Any:
    """Answer, or fail."""
    path = event.get("rawPath") or event["path"]
    if path == "/raise":
        raise ValueError("a secret")
    if path == "/exit":
        os._exit(1)
    if path == "/slow":
        time.sleep(30)
    sizes = {"/large": 7 * 1024 * 1024, "/mebibyte": 1024 * 1024}
    headers: Any = {"headers": {"content-type": "text/plain"}}
    if "headers" not in event:
        headers = {"multiValueHeaders": {"content-type": ["text/plain"]}}
    return {"statusCode": 200, "body": "x" * sizes.get(path, 1), **headers}
