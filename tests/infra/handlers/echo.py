"""A function that tells what it got."""

import os
from typing import Any


def handler(event: Any, context: Any) -> Any:
    """Tell the event and where it runs; fail when asked to."""
    if isinstance(event, dict) and event.get("fail"):
        raise ValueError(event["fail"])
    return {
        "event": event,
        "name": context.function_name,
        "memory_mb": context.memory_limit_in_mb,
        "arn": context.invoked_function_arn,
        "colour": os.environ.get("COLOUR"),
        "endpoint": os.environ.get("AWS_ENDPOINT_URL"),
    }


def other(event: Any, _context: Any) -> Any:
    """Tell that this is another handler."""
    return {"other": event}
