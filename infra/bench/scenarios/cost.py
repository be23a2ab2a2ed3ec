"""What a million predictions cost, from the CPU time of a call and AWS's public prices."""

from __future__ import annotations

import math
from typing import Final

from infra.bench.contenders import LAMBAKE
from infra.bench.page import Section, number
from infra.bench.samples import median, take
from infra.bench.scenarios import Plan
from infra.bench.scenarios.memory import MEMORIES_MB
from infra.bench.scenarios.side_by_side import SEVEN
from infra.containers import cpu_share

_DOLLARS_A_GB_S: Final = 0.0000166667
_DOLLARS_A_MILLION: Final = 0.20
_HTTP_API: Final = 1.00
PRICES: Final = (
    "Prices of AWS Lambda (x86, first tier) and of an HTTP API in us-east-1, as published in 2025 "
    "and 2026; AWS's price pages have today's: 0.0000166667 dollars a GB-second, 0.20 a million "
    "requests, 1.00 a million calls of the API. Without the free tier, traffic and logs."
)


def run(plan: Plan) -> Section:
    """Estimate the cost: CPU time of a warm call, stretched by each setting's share of a CPU."""
    samples = [take("lambake", LAMBAKE, SEVEN.read_bytes(), warm=plan.warm) for _ in range(3)]
    warm_cpu = median([one.warm_cpu_ms for one in samples])
    first_cpu = median([one.first_cpu_ms for one in samples])
    rows = []
    for memory_mb in MEMORIES_MB:
        share = min(1.0, cpu_share(memory_mb))
        billed = math.ceil(warm_cpu / share) * 0.999 + first_cpu / share * 0.001
        seconds = billed / 1e3 * 1e6
        compute = seconds * memory_mb / 1024 * _DOLLARS_A_GB_S
        whole = compute + _DOLLARS_A_MILLION
        rows.append(
            [f"{memory_mb:,} MB", f"{share:.2f}", number(first_cpu / share), number(billed),
             f"{whole:.2f}", f"{whole + _HTTP_API:.2f}"]
        )  # fmt: skip
    text = (
        "An estimate, not a bill: the CPU time of a picture's call divided by the share of a CPU "
        f"that the memory buys; one call in a thousand is cold.\n{PRICES}"
    )
    header = ("memory", "CPUs", "first ms", "billed ms", "dollars a million", "with an HTTP API")
    return Section("What a million predictions cost", text, header, rows)
