"""One warm call of an empty function, through LocalLambda and through the real RIE, side by side:
`python -m tests.load.warm_call`.

Both serve the same handler with the same runtime client, each in a process of its own, and are
called in turn over a connection that stays, so that whatever else the machine does slows both
alike. Goal: a median no slower than RIE's. The figures are printed; nothing is judged.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import Sequence

from tests.contract.fetch_rie import BINARY
from tests.contract.rie_target import RieRunning
from tests.contract.target import Spec
from tests.load.client import Connection
from tests.load.clients import percentile
from tests.load.served import HANDLERS, Service, served

OURS, RIES = "LocalLambda", "RIE"
_ROUNDS_LIMIT = 100_000
_TOLD_EVERY = 500
_HANDLER = "echo.empty"


class CallError(Exception):
    """A call was not answered as the empty function answers."""


async def timed_call_ms(connection: Connection, path: str) -> float:
    """Call once; return the time it took in milliseconds."""
    started = time.perf_counter()
    status, _, answer = await connection.post(path, b"{}")
    took_ms = (time.perf_counter() - started) * 1000
    if (status, answer) != (200, b"null"):
        raise CallError(f"expected 200 null, got {status} {answer[:200]!r} from {path}")
    return took_ms


async def in_turn(
    places: dict[str, tuple[str, str]], *, rounds: int, warm_up: int
) -> dict[str, list[float]]:
    """Call every place once a round.

    Args:
        places: url and path by name.
        rounds: that count.
        warm_up: rounds before them that do not count.

    Returns:
        The times in milliseconds, by name.
    """
    times_ms: dict[str, list[float]] = {name: [] for name in places}
    connections = {name: Connection(url) for name, (url, _) in places.items()}
    for number in range(warm_up + rounds):
        for name, (_, path) in places.items():
            took_ms = await timed_call_ms(connections[name], path)
            if number >= warm_up:
                times_ms[name].append(took_ms)
        if number % _TOLD_EVERY == _TOLD_EVERY - 1:
            print(f"{number + 1:,} of {warm_up + rounds:,} rounds …", flush=True)
    for connection in connections.values():
        await connection.close()
    return times_ms


def table(times_ms: dict[str, list[float]]) -> str:
    """Print the figures, and the ratio of the medians."""
    lines = [f"{'warm call':<14}{'calls':>8}{'p50':>12}{'p95':>12}{'p99':>12}"]
    for name, values in times_ms.items():
        cells = "".join(f"{percentile(values, share):>9.3f} ms" for share in (0.5, 0.95, 0.99))
        lines.append(f"{name:<14}{len(values):>8,}{cells}")
    ours, ries = (percentile(times_ms[name], 0.5) for name in (OURS, RIES))
    lines.append(f"Ours takes {ours / ries:.2f} times what RIE takes (goal: at most 1).")
    return "\n".join(lines)


def compare(rounds: int, warm_up: int) -> dict[str, list[float]]:
    """Start both, and call them in turn."""
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(served(Service("warm", _HANDLER, concurrency=1)))
        rie = stack.enter_context(contextlib.closing(RieRunning(Spec(HANDLERS, _HANDLER))))
        places = {OURS: (ours.invoke_url, ours.invoke_path), RIES: (rie.url, rie.path)}
        return asyncio.run(in_turn(places, rounds=rounds, warm_up=warm_up))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the shell.

    Returns:
        0, or 1 where there is no RIE.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.load.warm_call")
    parser.add_argument("--rounds", type=int, default=3_000)
    parser.add_argument("--warm-up", type=int, default=300)
    options = parser.parse_args(arguments)
    if not 1 <= options.rounds <= _ROUNDS_LIMIT or options.warm_up < 0:
        parser.error(f"expected 1 to {_ROUNDS_LIMIT} rounds, got {options.rounds}")
    if not BINARY.is_file():
        print(f"No RIE at {BINARY}: python -m tests.contract.fetch_rie", file=sys.stderr)
        return 1
    print(table(compare(options.rounds, options.warm_up)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
