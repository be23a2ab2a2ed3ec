"""A function whose environments are killed while they work."""

from __future__ import annotations

import contextlib
import os
import queue
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from infra.local.clock import Clock
from infra.local.logs import LogLine
from infra.local.server import LocalLambda
from infra.settings import FUNCTION_FILE, read
from tests import ROOT
from tests.infra.local.processes import alive, note_stream, sandboxed_processes

_LATEST_S = 0.05  # after an invocation has begun


@dataclass
class Killer:
    """Kill one of a function's processes, by chance, after each of some invocations has begun.

    Args:
        name: the function's.
        after: the numbers of those invocations, from 1.
        chance: says which process, and how long after.
    """

    name: str
    after: frozenset[int]
    chance: random.Random
    killed: int = 0
    invocations: int = 0
    _told: queue.SimpleQueue[bool] = field(default_factory=queue.SimpleQueue)

    def __call__(self, line: LogLine) -> None:
        """Hear of an invocation that begins (LocalLambda.listen)."""
        if line.source == "platform" and line.text.startswith("START"):
            self.invocations += 1
            if self.invocations in self.after:
                self._told.put(True)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Kill while the block runs."""
        thread = threading.Thread(target=self._work, name="killer")
        thread.start()
        try:
            yield
        finally:
            self._told.put(False)
            thread.join()

    def _work(self) -> None:
        while self._told.get():
            time.sleep(self.chance.uniform(0, _LATEST_S))
            victims = [pid for pid in sorted(sandboxed_processes(self.name)) if alive(pid)]
            try:
                os.kill(self.chance.choice(victims), signal.SIGKILL)
                self.killed += 1
            except (IndexError, ProcessLookupError):
                self._told.put(True)  # all are dead, and others on their way


@dataclass(frozen=True)
class Load:
    """What to run, on how many environments, and how many of them to kill.

    Args:
        handler: of the repository's code.
        kills: all within the first `of` invocations.
        seed: of every chance.
    """

    handler: str = "function.entry.handler"
    concurrency: int = 4
    kills: int = 0
    of: int = 100
    seed: int = 5

    def after(self) -> frozenset[int]:
        """Spread the kills by chance, so that hardly any work is hit again and again."""
        chance, every = random.Random(self.seed), self.of / max(self.kills, 1)
        kills = range(self.kills)
        return frozenset(int((kill + chance.uniform(0.4, 1)) * every) for kill in kills)


@contextlib.contextmanager
def loaded(
    load: Load, name: str, variables: dict[str, str], clock: Clock | None = None
) -> Iterator[tuple[LocalLambda, Killer]]:
    """Start the function as function.yaml has it, and kill its environments as told."""
    killer = Killer(name, load.after(), random.Random(load.seed))
    config = read(ROOT / FUNCTION_FILE).replace(
        name=name,
        handler=load.handler,
        concurrency=load.concurrency,
        timeout_s=300,  # a machine may be slow
        init_limit_s=120,
        environment=variables,
    )
    with LocalLambda(config, clock=clock) as local, killer.at_work():
        local.listen(note_stream)
        local.listen(killer)
        yield local, killer
