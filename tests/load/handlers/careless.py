"""The function with a fault that nobody is told of: what accounts must find."""

import os
import signal
from typing import Any

from function.entry import handler

FORGOTTEN: list[Any] = []


def drops(event: Any, context: Any) -> Any:
    """Forget the first record of all, and say that all is well."""
    records = event["Records"]
    if not FORGOTTEN:
        FORGOTTEN.append(records.pop(0))
    return handler({"Records": records}, context) if records else {}


def dies(event: Any, context: Any) -> Any:
    """End when everything is done, but nobody has been told; when it comes again, do it again."""
    told = handler(event, context)
    if event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    return told


def swaps(event: Any, context: Any) -> Any:
    """Give the first two records each other's answer."""
    first, second, *_ = event["Records"]
    first["messageId"], second["messageId"] = second["messageId"], first["messageId"]
    return handler(event, context)
