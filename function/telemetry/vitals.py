"""
Tell a transient failure from a state in which the process must end.

A framework turns every exception into an answer, so a process that can no longer work would live
on, fail every request, and Lambda's own Errors metric would stay at 0 (docs/contract.md 3.1, M12).
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from model.errors import ArtefactError


def is_fatal(error: BaseException) -> bool:
    """
    Tell whether the process is no longer to be trusted after an error of ours.

    Out of memory, a model that is broken in memory, or one of those by which Python ends a process;
    also as the cause of another.
    """
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ArtefactError | MemoryError | SystemExit | KeyboardInterrupt):
            return True
        cause = cause.__cause__
    return False


def end_process(status: int = 1) -> NoReturn:
    """
    End at once, whatever threads there are. Of status 1 Lambda
    makes an error, and a new process.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
