"""Load for minutes, and nothing may grow: `python -m tests.load.soak --minutes 10`.

A few clients ask at a steady rate; the emulator's process and the function's are looked at once a
second. After the warm-up, in which caches and the log's 10,000 kept lines fill, file descriptors
must be constant, and the line through the memory must rise by less than 1 MB a minute.

`--leak function` or `--leak descriptors` plants a leak: then the exit status is 0 only if it was
found. `--crashes` ends a process every few seconds, so that resets are soaked too; the function's
processes are not judged then, since none lives long.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

from tests.load.client import Connection, Tally, keep_asking
from tests.load.series import Sample, Verdict, verdict
from tests.load.served import Served, Service, served

EMULATOR = "emulator"
_MINUTES_LIMIT = 24 * 60
# No faster: the runtime client puts each call's trace id into the environment, and glibc's setenv
# keeps every value for ever: 142 bytes a call, on AWS too. At this rate that is 0.5 MB a minute,
# should all calls go to one process, and stays below the limit.
STEADY_PER_S = 60.0
# At first as fast as it goes: fills the log's 10,000 kept lines, and every cache.
_RUSH_S = 10.0


@dataclass(frozen=True)
class Plan:
    """How to soak."""

    seconds: float
    warm_up_s: float
    every_s: float = 1.0  # between two looks
    clients: int = 4
    requests_per_s: float = STEADY_PER_S
    leak: str | None = None  # "function" or "descriptors"
    leak_kb: int = 2  # a call: 7 MB a minute, spread over two processes
    crashes: bool = False
    crash_every_s: float = 3.0
    name: str = "soak"

    @property
    def service(self) -> Service:
        """The function to serve, with the leak that is planted."""
        return Service(
            self.name,
            concurrency=2,
            leak_kb=self.leak_kb if self.leak == "function" else 0,
            leak_descriptors=self.leak == "descriptors",
        )


@dataclass
class Soaked:
    """What was seen."""

    plan: Plan
    tally: Tally = field(default_factory=Tally)
    crashed: int = 0
    series: dict[str, list[Sample]] = field(default_factory=dict)

    def verdicts(self) -> list[Verdict]:
        """Judge the emulator, and every process of the function that lived to the end."""
        warm_up_s = self.plan.warm_up_s
        last_s = self.series[EMULATOR][-1].time_s
        found = [verdict(EMULATOR, self.series[EMULATOR], warm_up_s=warm_up_s)]
        for name, samples in self.series.items():
            lived = samples[0].time_s <= warm_up_s and samples[-1].time_s == last_s
            if name != EMULATOR and lived and not self.plan.crashes:
                found.append(verdict(name, samples, warm_up_s=warm_up_s))
        return found


async def soak(local: Served, plan: Plan, tell: Callable[[Soaked, float], None]) -> Soaked:
    """Ask and look, until the time is over."""
    soaked = Soaked(plan)
    started = time.monotonic()
    until = started + plan.seconds
    work = [_client(local, soaked, started, number) for number in range(plan.clients)]
    if plan.crashes:
        work.append(_crash(local, soaked, until))
    asking = asyncio.gather(*work)
    # The last look comes before the clients hang up: their connections would be missed.
    while time.monotonic() + plan.every_s < until:
        await asyncio.sleep(plan.every_s)
        elapsed_s = time.monotonic() - started
        _look(local, soaked, elapsed_s)
        tell(soaked, elapsed_s)
    await asking
    return soaked


async def _client(local: Served, soaked: Soaked, started: float, number: int) -> None:
    """Ask in a rush, then steadily."""
    plan, tally = soaked.plan, soaked.tally
    invoke = number % 2 == 0
    if plan.leak is None:
        rush_ends = started + min(_RUSH_S, plan.warm_up_s / 2)
        await keep_asking(local, tally, until=rush_ends, invoke=invoke)
    pause_s = plan.clients / plan.requests_per_s
    until = started + plan.seconds
    await keep_asking(local, tally, until=until, invoke=invoke, pause_s=pause_s)


async def _crash(local: Served, soaked: Soaked, until: float) -> None:
    """End one process of the function every few seconds."""
    connection = Connection(local.url)
    body = json.dumps({"data": "leave"}).encode()
    while time.monotonic() < until:
        await asyncio.sleep(soaked.plan.crash_every_s)
        await connection.post("/echo", body)
        soaked.crashed += 1
    await connection.close()


def _look(local: Served, soaked: Soaked, elapsed_s: float) -> None:
    pids = {f"function, process {pid}": pid for pid in local.function_pids()}
    for name, pid in {EMULATOR: local.pid, **pids}.items():
        try:
            process = psutil.Process(pid)
            memory_mb = process.memory_info().rss / 1024 / 1024
            sample = Sample(elapsed_s, memory_mb, process.num_fds())
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        soaked.series.setdefault(name, []).append(sample)


def run(plan: Plan, tell: Callable[[Soaked, float], None]) -> Soaked:
    """Serve a function, and soak it."""
    with served(plan.service) as local:
        return asyncio.run(soak(local, plan, tell))


def problems(soaked: Soaked) -> list[str]:
    """Return a sentence for each leak and each answer that went wrong."""
    found = [leak for one in soaked.verdicts() for leak in one.leaks]
    if soaked.tally.wrong:
        found.append(f"{soaked.tally.wrong:,} wrong answers: {soaked.tally.examples}")
    if not soaked.tally.answered:
        found.append("no answers at all")
    return found


def _tell(soaked: Soaked, elapsed_s: float) -> None:
    samples = soaked.series[EMULATOR]
    if len(samples) % 10:
        return
    seen = samples[-1]
    warm = "" if elapsed_s >= soaked.plan.warm_up_s else "  (warming up)"
    print(
        f"{elapsed_s:6.0f} of {soaked.plan.seconds:.0f} s  {soaked.tally.answered:>9,} answers  "
        f"{soaked.tally.wrong} wrong  {soaked.crashed} crashes  emulator {seen.memory_mb:6.1f} MB, "
        f"{seen.descriptors} descriptors{warm}",
        flush=True,
    )


def table(verdicts: Sequence[Verdict]) -> str:
    """Print the verdicts as a table."""
    head = f"{'process':<26}{'samples':>8}{'first MB':>10}{'last MB':>10}{'MB/minute':>11}"
    lines = [f"{head}{'descriptors':>14}"]
    for one in verdicts:
        before, after = one.descriptors
        lines.append(
            f"{one.name:<26}{one.samples:>8}{one.first_mb:>10.1f}{one.last_mb:>10.1f}"
            f"{one.slope_mb_per_minute:>11.3f}{f'{before}, then {after}':>14}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the shell.

    Returns:
        0 if nothing leaks, or if a planted leak was found; else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.load.soak")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--leak", choices=["function", "descriptors"], help="plant a leak")
    parser.add_argument("--crashes", action="store_true", help="end processes on the way")
    options = parser.parse_args(arguments)
    if not 0 < options.minutes <= _MINUTES_LIMIT:
        parser.error(f"expected up to {_MINUTES_LIMIT} minutes, got {options.minutes:g}")
    seconds = options.minutes * 60
    plan = Plan(
        seconds,
        warm_up_s=min(120.0, 0.3 * seconds),
        leak=options.leak,
        crashes=options.crashes,
    )
    soaked = run(plan, _tell)
    print(table(soaked.verdicts()))
    found = problems(soaked)
    for problem in found:
        print(problem)
    if plan.leak:
        print(f"The planted leak was {'found' if found else 'not found'}.")
        return 0 if found else 1
    print("Something leaks." if found else "Nothing leaks.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
