"""What became of many pieces of work, held against what had to become of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping


def problems(
    expected: Mapping[str, Hashable],
    answers: Iterable[tuple[str, Hashable]],
    given_up: Iterable[str],
) -> list[str]:
    """
    Balance the account: every good piece answered once and rightly, every bad one given up once.

    Args:
        expected: the answer to each piece, by its id; None is a bad one.
        answers: the pieces' ids with their answers, as they were found.
        given_up: the ids of what lay where bad pieces go.
    """
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
