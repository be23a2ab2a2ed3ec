"""
Predict in threads, for a server that answers many at once: a heavy model blocks nobody's liveness.

Requests are not batched together. With 32 clients, rows that waited and went together took 0.6 to
0.7 of the processor's time, yet 0.9 to 1.8 times as many were answered, from run to run; pictures
gained nothing, since each digit has to be found alone.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from function.service import Answer, Served
from function.telemetry.invocation import predict


class PredictionThreads:
    """Threads that predict: as many as processors, for more would take turns; two at the least."""

    def __init__(self, threads: int | None = None) -> None:
        count = threads or max(2, len(os.sched_getaffinity(0)))
        self._threads = ThreadPoolExecutor(count, "predict")

    async def __call__(self, served: Served, instances: Sequence[Any]) -> Answer:
        """Predict in a thread, as part of the same invocation."""
        run = contextvars.copy_context().run
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, run, predict, served, instances)
