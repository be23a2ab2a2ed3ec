"""`lambake bench`: Lambake beside what one would write or take instead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.cli.exits import DONE
from infra.cli.flags import About, flag


@dataclass(frozen=True, kw_only=True)
class Options:
    """The flags of the command."""

    quick: bool = flag(False, "a minute: two rounds, and nothing with TensorFlow")
    only: str = flag("", "one part: start, many, at-once, …; all by default")
    out: Path = flag(Path("docs"), "the folder of the page and its charts (%(default)s)", type=Path)


ABOUT = About(
    "measure Lambake beside other functions, and write docs/benchmark.md", Options, needs="dev"
)


def run(options: Options) -> int:
    """Measure, and print the page."""
    from infra.bench.places import BenchError
    from infra.bench.runner import SCENARIOS, bench
    from infra.cli.stage import say

    if options.only and options.only not in SCENARIOS:
        raise BenchError(f"--only: expected one of {', '.join(SCENARIOS)}, got another part")
    options.out.mkdir(parents=True, exist_ok=True)
    print(bench(options.out, say, quick=options.quick, only=options.only))
    return DONE
