"""Several callers at once, each with its own environment of our emulator."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from infra.bench.contenders import LAMBAKE
from infra.bench.page import Section, number
from infra.bench.places import Running, serve
from infra.bench.samples import Client, median, p99, times_ms
from infra.bench.scenarios import Plan
from infra.bench.scenarios.side_by_side import SEVEN

_CALLERS: Final = (1, 2, 4, 8)


def run(plan: Plan) -> Section:
    """Let one to eight callers send one picture after the other."""
    picture = SEVEN.read_bytes()
    rows = []
    for callers in _CALLERS:
        plan.tell(f"{callers} callers at once")
        with (
            serve("lambake", LAMBAKE, concurrency=callers) as running,
            ThreadPoolExecutor(callers) as pool,
        ):
            _calls_of(pool, callers, running, picture, 1)
            started = time.perf_counter()
            answers_ms = _calls_of(pool, callers, running, picture, plan.warm)
            took_s = time.perf_counter() - started
        rows.append(
            [str(callers), number(len(answers_ms) / took_s), number(median(answers_ms)),
             number(p99(answers_ms))]
        )  # fmt: skip
    text = (
        "Each caller waits for its answer before it sends the next picture; the emulator starts an "
        "environment for each, and\nall share this machine's cores with the emulator and the "
        "callers themselves."
    )
    return Section("At once", text, ("callers", "answers a second", "ms", "p99"), rows)


def _calls_of(
    pool: ThreadPoolExecutor, callers: int, running: Running, picture: bytes, calls: int
) -> list[float]:
    def call(_number: int) -> list[float]:
        client = Client(running)
        found = times_ms(client, LAMBAKE, picture, calls)
        client.close()
        return found

    return [one for some in pool.map(call, range(callers)) for one in some]
