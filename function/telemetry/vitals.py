"""Tell a transient failure from a state in which the process must end.

A framework turns every exception into an answer, so a process that can no longer work would live
on, fail every request, and Lambda's own Errors metric would stay at 0 (docs/contract.md 3.1, M12).
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from model.errors import ArtefactError


def is_fatal(error: BaseException) -> bool:
    """Whether the process can no longer be trusted after an error of ours.

    True for out of memory, a model broken in memory, or an exception by which Python ends a
    process, even as the cause of another.
    """
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ArtefactError | MemoryError | SystemExit | KeyboardInterrupt):
            return True
        cause = cause.__cause__
    return False


def end_process(status: int = 1) -> NoReturn:
    """End at once, whatever threads run; Lambda reports status 1 and starts a new process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
