"""A function whose init goes wrong as a file in the task root says."""

import os
import sys
import time
from pathlib import Path
from typing import Any

# How, and how often: "raise", "exit N", "hang S"; absent or used up means well.
_PLAN = Path(os.environ["PLAN_FILE"])
STEPS = _PLAN.read_text().splitlines() if _PLAN.exists() else []
if STEPS:
    step, *rest = STEPS
    _PLAN.write_text("\n".join(rest))
    verb, _, argument = step.partition(" ")
    if verb == "raise":
        raise ValueError("static code")
    if verb == "exit":
        sys.stdout.write("leaving\n")
        sys.stdout.flush()
        os._exit(int(argument))
    if verb == "hang":
        time.sleep(float(argument))


def handler(event: Any, _context: Any) -> Any:
    """Return the event back."""
    return {"event": event, "pid": os.getpid()}
