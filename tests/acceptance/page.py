"""The walk-throughs of docs/bring_your_model.md, read from the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = "docs/bring_your_model.md"
_BLOCK: Final = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED: Final = re.compile(r"# (\w+\.py)\n")
_COMMAND: Final = re.compile(r"((?:.*[\\|]\n)*.*)\n((?:.|\n)*)")


@dataclass(frozen=True)
class Step:
    """A command of a walk-through, and what it prints; or a file to write, and what is in it."""

    walk: str
    does: str
    prints: str
    is_file: bool = False

    @property
    def calls(self) -> bool:
        """Whether it asks the local Lambda."""
        return "127.0.0.1" in self.does


def steps_of(page: Path) -> Iterator[Step]:
    """Yield the steps of each walk-through, which is a section with commands."""
    for section in re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        walk = section.partition("\n")[0]
        for language, block in _BLOCK.findall(section):
            named = _NAMED.match(block)
            if language == "python" and named:
                yield Step(walk, named[1], block, is_file=True)
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                does, prints = _COMMAND.match(part).groups()  # type: ignore[union-attr]
                if does != "make run":
                    yield Step(walk, does.replace("\\\n", ""), prints.strip())


def is_printed(prints: str, output: str) -> bool:
    """Whether an output is as the page has it.

    Numbers and blanks may differ, a line of dots stands for any lines, and lines of progress, which
    end in dots, are not compared.
    """
    expected = (_numberless(line) for line in prints.splitlines())
    pattern = "".join("(?:.*\n)*" if one == "…" else f"{re.escape(one)}\n" for one in expected)
    lines = (line for line in output.strip().splitlines() if not line.endswith(" …"))
    plain = "".join(f"{_numberless(line)}\n" for line in lines)
    return bool(re.fullmatch(pattern, plain))


def _numberless(line: str) -> str:
    return re.sub(r"\d[\d.,]*(?:e[+-]\d+)?", "N", re.sub(r"\s+", " ", line))
