"""A function with SnapStart hooks."""

import os
import random
import uuid
from typing import Any

from snapshot_restore_py import (  # type: ignore[import-untyped]
    register_after_restore,
    register_before_snapshot,
)

MADE_IN_INIT = uuid.uuid4().hex
INIT_PID = os.getpid()
STEPS: list[str] = ["init"]


@register_before_snapshot  # type: ignore[untyped-decorator]
def before() -> None:
    """Note it."""
    STEPS.append("before")
    if os.environ.get("FAIL") == "before":
        raise ValueError("before hook")


@register_after_restore  # type: ignore[untyped-decorator]
def after() -> None:
    """Note it."""
    STEPS.append("after")
    if os.environ.get("FAIL") == "after":
        raise ValueError("after hook")


def handler(event: Any, _context: Any) -> Any:
    """Tell what ran, and where."""
    if event.get("exit") is not None:
        os._exit(event["exit"])
    return {
        "steps": STEPS,
        "made_in_init": MADE_IN_INIT,
        "random": random.random(),
        "init_pid": INIT_PID,
        "pid": os.getpid(),
        "kind": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
        "stream": os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
        "tmp": os.environ["TMPDIR"],
    }
