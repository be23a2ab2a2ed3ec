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
    out: Path = flag(Path("docs"), "the folder of the page and its charts (%(default)s)", type=Path)


ABOUT = About(
    "measure Lambake beside other functions, and write docs/benchmark.md", Options, needs="dev"
)


def run(options: Options) -> int:
    """Measure, and print the page."""
    from infra.bench.runner import bench
    from infra.cli.stage import say

    options.out.mkdir(parents=True, exist_ok=True)
    print(bench(options.out, say, quick=options.quick))
    return DONE
