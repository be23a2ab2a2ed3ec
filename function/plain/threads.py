"""Predict in threads, so that a heavy model does not block the server's loop and its liveness.

Requests are not batched. With 32 clients, batches of rows took 0.6 to 0.7 of the processor's time,
but the throughput was 0.9 to 1.8 times as large, from run to run; pictures gained nothing, since
each digit has to be found by itself.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from function.service import Served

T = TypeVar("T")


class PredictionThreads:
    """Threads that predict: one a processor, at least two."""

    def __init__(self, threads: int | None = None) -> None:
        count = threads or max(2, len(os.sched_getaffinity(0)))
        self._threads = ThreadPoolExecutor(count, "predict")

    async def __call__(self, act: Callable[[Served, Any], T], served: Served, given: Any) -> T:
        """Predict in a thread, as part of the same invocation."""
        run = contextvars.copy_context().run
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, run, act, served, given)
