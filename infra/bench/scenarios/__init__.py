"""One file a scenario: `run(plan)` measures, and returns a part of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infra.bench.page import Section


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: cold starts of each contender.
        slow_rounds: of those with TensorFlow, which take ten seconds each; 0 leaves them out.
        warm: warm calls in each round.
        digits: pictures that accuracy is measured on.
        table_rows: of a table in a bucket.
        tell: shows one line of progress.
    """

    rounds: int
    slow_rounds: int
    warm: int
    digits: int
    table_rows: int
    tell: Callable[[str], None]


Scenario = Callable[[Plan], Section]
