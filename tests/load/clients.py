"""Many clients at once: `python -m tests.load.clients --clients 300 --seconds 60`.

Half of them go through the HTTP front, where they wait for their turn, half through the Invoke API,
which throttles them as the service does at its limit; those try again. Every request has an input
of its own, and every answer must be the hash of it. The figures are this machine's, and are
printed, not judged: what is judged is that no answer is lost or mixed up.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time
from collections.abc import Callable, Sequence

from tests.load.client import Tally, keep_asking
from tests.load.served import Served, Service, served

_CLIENTS_LIMIT = 2_000
_SECONDS_LIMIT = 3_600
_DESCRIPTORS_BESIDES = 100


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share (0 to 1) of the values lies; 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def crowd(
    local: Served,
    *,
    clients: int,
    seconds: float,
    progress: Callable[[Tally, float], None] | None = None,
) -> tuple[Tally, float]:
    """Let clients ask for a while.

    Returns:
        What they saw, and the seconds it took until the last one had its answer.
    """
    tally = Tally()
    started = time.monotonic()
    until = started + seconds
    asking = [
        asyncio.create_task(keep_asking(local, tally, until=until, invoke=bool(number % 2)))
        for number in range(clients)
    ]
    while progress is not None and time.monotonic() < until:
        await asyncio.sleep(min(5.0, max(0.0, until - time.monotonic())))
        progress(tally, time.monotonic() - started)
    await asyncio.gather(*asking)
    return tally, time.monotonic() - started


def table(tally: Tally, *, clients: int, seconds: float) -> str:
    """Print the figures as a table."""
    rows = [
        ("clients", f"{clients:,}"),
        ("seconds", f"{seconds:.1f}"),
        ("answers", f"{tally.answered:,}"),
        ("answers a second", f"{tally.answered / seconds:,.0f}"),
        ("p50", f"{percentile(tally.times_ms, 0.5):,.1f} ms"),
        ("p95", f"{percentile(tally.times_ms, 0.95):,.1f} ms"),
        ("p99", f"{percentile(tally.times_ms, 0.99):,.1f} ms"),
        ("throttled", f"{tally.throttled:,}"),
        ("lost", f"{tally.lost:,}"),
        ("mixed up", f"{tally.mixed_up:,}"),
        ("failed", f"{tally.failed:,}"),
    ]
    return "\n".join(f"{name:<18}{value:>14}" for name, value in rows)


def _tell(tally: Tally, seconds: float) -> None:
    print(
        f"{seconds:5.0f} s  {tally.answered:>9,} answers  {tally.throttled:>9,} throttled  "
        f"{tally.wrong:,} wrong",
        flush=True,
    )


def raise_descriptor_limit(clients: int) -> None:
    """Allow this process, and those it starts, a connection a client."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = clients + _DESCRIPTORS_BESIDES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the shell.

    Returns:
        0, or 1 if an answer was lost, mixed up or failed.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.load.clients")
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--concurrency", type=int, default=4, help="environments of the function")
    options = parser.parse_args(arguments)
    if not 1 <= options.clients <= _CLIENTS_LIMIT:
        parser.error(f"expected 1 to {_CLIENTS_LIMIT} clients, got {options.clients}")
    if not 0 < options.seconds <= _SECONDS_LIMIT:
        parser.error(f"expected up to {_SECONDS_LIMIT} seconds, got {options.seconds:g}")
    raise_descriptor_limit(options.clients)
    print(f"Starting LocalLambda with {options.concurrency} environments …", flush=True)
    with served(Service("load", concurrency=options.concurrency)) as local:
        tally, took_s = asyncio.run(
            crowd(local, clients=options.clients, seconds=options.seconds, progress=_tell)
        )
    print(table(tally, clients=options.clients, seconds=took_s))
    for example in tally.examples:
        print(f"  {example}")
    return 1 if tally.wrong or not tally.answered else 0


if __name__ == "__main__":
    sys.exit(main())
