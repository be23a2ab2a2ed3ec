"""Citations of docs/contract.md, and what is wrong with them.

The one form is the path, a section, and rules where a row is meant: M2, or M2 to M7, or M2 and M4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

PAGE: Final = "docs/contract.md"
_RULE: Final = r"[ABGMR][1-9]\d?\b"
_HEADING: Final = re.compile(r"#+ (\d(?:\.\d+)*)[. ]")
_ROW: Final = re.compile(rf"\| ({_RULE}) \|")
_SECTION: Final = r"\d\.\d(?:\.\d)*"
_CITATION: Final = re.compile(
    rf"(?P<page>docs/contract\.md|(?<![\w/])contract(?:\.md)?) "
    rf"(?P<cited>{_SECTION}(?:(?:,| and| to) (?:{_SECTION}|{_RULE}))*)"
)
_CITED: Final = re.compile(rf"(?P<section>{_SECTION})|(?P<first>{_RULE})(?: to (?P<last>{_RULE}))?")
_BARE: Final = re.compile(rf"(?<![\w.\-/]){_RULE}(?![\w\-/])")
_ROW_OF_THE_SUITE: Final = re.compile(rf'ROWS\.add\(\s*"({_SECTION}) ')
_LINE_BREAK: Final = re.compile(r"\s*\n[ #]*")

Contract = Mapping[str, frozenset[str]]


def contract_of(text: str) -> Contract:
    """Read the sections of the contract, each with the ids of its rules."""
    sections: dict[str, frozenset[str]] = {}
    current = ""
    for line in text.splitlines():
        if heading := _HEADING.match(line):
            current = heading[1]
            sections[current] = frozenset()
        elif row := _ROW.match(line):
            sections[current] |= {row[1]}
    return sections


def bad_citations(text: str, contract: Contract) -> Iterator[str]:
    """Find what a file's text cites and the contract does not have, and citations of another form.

    Rules that stand alone, "M2: a path …", count in files that cite the contract.
    """
    text = _LINE_BREAK.sub(" ", text)
    citations = list(_CITATION.finditer(text))
    for citation in citations:
        if citation["page"] != PAGE:
            yield f"{citation[0]}: expected {PAGE} {citation['cited']}"
        yield from (f"{citation[0]}: {bad}" for bad in _missing(citation["cited"], contract))
    if citations:
        known = frozenset().union(*contract.values())
        yield from (f"no rule {rule}" for rule in sorted(set(_BARE.findall(text)) - known))
        rows = set(_ROW_OF_THE_SUITE.findall(text)) - set(contract)
        yield from (f"no section {row}" for row in sorted(rows))


def _missing(cited: str, contract: Contract) -> Iterator[str]:
    """Find what a list of sections, each with its rules, names in vain."""
    section = ""
    for one in _CITED.finditer(cited):
        if one["section"]:
            section = one["section"]
            if section not in contract:
                yield f"no section {section}"
        else:
            first, last = one["first"], one["last"] or one["first"]
            rules = {f"{first[0]}{number}" for number in range(int(first[1:]), int(last[1:]) + 1)}
            missing = rules - contract.get(section, frozenset())
            yield from (f"no {rule} in {section}" for rule in sorted(missing))


def files_that_may_cite(root: Path) -> Iterator[Path]:
    """Yield the texts of the repository, but for the documents of docs/."""
    kinds = {".py", ".md", ".toml", ".yaml", ".yml", ".tf", ".sh", ".lambda", ""}
    for top in sorted(root.iterdir()):
        if top.name in {".git", ".venv", "build", "docs"} or top.name.endswith("_cache"):
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and path.suffix in kinds:
                yield path
