"""What became of many pieces of work, compared with what had to become of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass
class Ended:
    """What became of the pieces of one run.

    Args:
        expected: the answer to each piece, by its id; None is a bad one.
        answers: the pieces' ids with their answers, as they were found.
        given_up: the ids of what lay where bad pieces go.
    """

    expected: dict[str, Hashable] = field(default_factory=dict)
    answers: list[tuple[str, Hashable]] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    seconds: float = 0.0
    killed: int = 0

    @property
    def bad(self) -> list[str]:
        """The ids of the bad pieces."""
        return [name for name, answer in self.expected.items() if answer is None]

    def problems(self) -> list[str]:
        """Balance the account."""
        return problems(self.expected, self.answers, self.given_up)


def problems(
    expected: Mapping[str, Hashable],
    answers: Iterable[tuple[str, Hashable]],
    given_up: Iterable[str],
) -> list[str]:
    """Balance: every good piece is answered once and rightly, every bad one given up once."""
    answered, dead = list(answers), list(given_up)
    answered_times, dead_times = Counter(name for name, _ in answered), Counter(dead)
    good = {name for name, answer in expected.items() if answer is not None}
    bad = expected.keys() - good
    found = {
        "lost": expected.keys() - answered_times.keys() - dead_times.keys(),
        "answered twice": {name for name, times in answered_times.items() if times > 1},
        "given up twice": {name for name, times in dead_times.items() if times > 1},
        "answered wrongly": {n for n, answer in answered if n in good and answer != expected[n]},
        "bad, but answered": bad & answered_times.keys(),
        "good, but given up": good & dead_times.keys(),
        "unknown": (answered_times.keys() | dead_times.keys()) - expected.keys(),
    }
    return [
        f"{len(names)} of {len(expected)} {what}, such as {min(names)}"
        for what, names in found.items()
        if names
    ]
