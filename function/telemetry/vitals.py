"""
Tell a failure that passes from a state in which the process must end.

A framework turns every exception into an answer, so a process that can no longer work would live
on, fail every request, and Lambda's own Errors metric would stay at 0 (docs/contract.md 3.1, M12).
"""

from __future__ import annotations

import os
import sys
from typing import Final, NoReturn

from model.bundle.golden import verify_golden
from model.errors import ArtefactError
from model.predictor import Predictor

SUSPICIOUS: Final = 3
"""So many failures of an engine in a row call for a look at the model itself."""


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


class EngineVitals:
    """
    Watches engines for a model that is broken in memory.

    An engine that fails may be at fault, or the input that a caller chose: a stranger must not be
    able to end the process. The golden vector tells the two apart, for its answer is known.
    """

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], int] = {}

    def answered(self, predictor: Predictor) -> None:
        """Note that an engine works."""
        if self._failures:
            self._failures.pop(_key_of(predictor), None)

    def failed(self, predictor: Predictor) -> ArtefactError | None:
        """Note that an engine failed. Return how its model is broken, None if it is not."""
        key = _key_of(predictor)
        self._failures[key] = self._failures.get(key, 0) + 1
        if self._failures[key] < SUSPICIOUS:
            return None
        self._failures.pop(key)
        try:
            verify_golden(predictor, limit=1)
        except ArtefactError as broken:
            return broken
        return None


def _key_of(predictor: Predictor) -> tuple[str, str]:
    return predictor.manifest.name, predictor.manifest.version
