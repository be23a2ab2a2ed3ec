"""The contract's rows, asked of our emulator and of the real Runtime Interface Emulator."""

from __future__ import annotations

import pytest

from tests import ROOT
from tests.citations import PAGE, contract_of
from tests.contract import environment_rows, invoke_rows, log_rows, misuse_rows, runtime_rows
from tests.contract.gaps import GAPS, Gap
from tests.contract.rows import Bench, Facts, Row

ROWS = [
    row
    for rows in (runtime_rows, misuse_rows, invoke_rows, environment_rows, log_rows)
    for row in rows.ROWS
]
BY_NAME = {row.name: row for row in ROWS}
GAP_OF = {gap.row: gap for gap in GAPS}


def expected(row: Row, target: str) -> Facts:
    """Give the facts a target must show: the service's, and where RIE is known to differ, RIE's."""
    if target == "rie" and row.name in GAP_OF:
        return {**row.service, **GAP_OF[row.name].differs}
    return row.service


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(bench: Bench, row: Row) -> None:
    """Both emulators answer as the service does, RIE but for its listed gaps."""
    observed = row.observe(bench)
    gap = GAP_OF.get(row.name) if bench.target.name == "rie" else None
    told = f"{gap.number} ({gap.why}) has changed or is closed" if gap else row.says
    assert observed == expected(row, bench.target.name), f"{bench.target.name}, {row.name}: {told}"


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: f"{gap.number} {gap.row}")
def test_a_gap_is_a_difference(gap: Gap) -> None:
    """
    Every fact of a gap contradicts the service's: what is no
    difference has no place in the table.
    """
    service = BY_NAME[gap.row].service
    assert gap.differs
    for name, fact in gap.differs.items():
        assert service[name] != fact


def test_names_are_unique() -> None:
    """One row a name, one gap a row: no entry hides another."""
    assert len(BY_NAME) == len(ROWS)
    assert len(GAP_OF) == len(GAPS)


def test_every_gap_of_the_contract_is_asserted() -> None:
    """None of docs/contract.md 1.5 is left out."""
    listed = contract_of((ROOT / PAGE).read_text(encoding="utf-8"))["1.5"]
    assert len(listed) == 19
    assert {gap.number for gap in GAPS} - {"new"} == listed


@pytest.mark.parametrize(
    "number",
    [*(f"A{n}" for n in (*range(1, 13), 14)), "6.1.1", "6.4"] + [f"B{n}" for n in range(1, 14)],
)
def test_every_number_has_a_row(number: str) -> None:
    """No row of the contract that can be asked from outside is left out."""
    assert number in {row.name.split(" ")[0] for row in ROWS}
