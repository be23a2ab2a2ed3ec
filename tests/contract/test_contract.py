"""The contract's rows, asked of our emulator and of the real Runtime Interface Emulator."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.citations import PAGE, contract_of
from tests.contract import environment_rows, invoke_rows, log_rows, misuse_rows, runtime_rows
from tests.contract.clients import HTTP, Client, Facts
from tests.contract.gaps import GAPS, Gap
from tests.contract.lambake_target import LambakeTarget
from tests.contract.rows import Bench, Row
from tests.contract.target import Running, Spec

ROWS = [
    row
    for rows in (runtime_rows, misuse_rows, invoke_rows, environment_rows, log_rows)
    for row in rows.ROWS
]
BY_NAME = {row.name: row for row in ROWS}
GAP_OF = {gap.row: gap for gap in GAPS}


@pytest.fixture(scope="module")
def lambake() -> Iterator[Running]:
    """Serve the function that the other clients share."""
    with contextlib.closing(LambakeTarget().start(Spec())) as running:
        yield running


def expected(row: Row, target: str, client: Client = HTTP) -> Facts:
    """Return what a target must show: the service's facts, or RIE's where it is known to differ."""
    facts = row.service
    if target == "rie" and row.name in GAP_OF:
        facts = {**facts, **GAP_OF[row.name].differs}
    if "message" in facts:
        facts = {name: fact for name, fact in facts.items() if name not in client.untold}
    return facts


def told_of(observed: Facts, expected: Facts) -> Facts:
    """Return what was observed of the facts that are expected; None for what was not told."""
    return {name: observed.get(name) for name in expected}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(bench: Bench, row: Row) -> None:
    """Both emulators answer as the service does, RIE but for its listed gaps."""
    if bench.target.name == "rie" and not row.rie:
        return  # what RIE has no notion of: aliases, limits of events, names
    facts = expected(row, bench.target.name)
    observed = told_of(row.observe(bench), facts)
    gap = GAP_OF.get(row.name) if bench.target.name == "rie" else None
    told = f"{gap.number} ({gap.why}) has changed or is closed" if gap else row.says
    assert observed == facts, f"{bench.target.name}, {row.name}: {told}"


@pytest.mark.parametrize(
    ("row", "client"),
    [(row, client) for row in ROWS for client in row.clients],
    ids=lambda value: value.name,
)
def test_row_by_another_client(lambake: Running, tmp_path: Path, row: Row, client: Client) -> None:
    """boto3 and the AWS CLI see the same answers as bare HTTP, as far as they show them."""
    bench = Bench(LambakeTarget(), lambake, tmp_path, client)
    with bench.stack:
        facts = expected(row, "lambake", client)
        assert told_of(row.observe(bench), facts) == facts


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: f"{gap.number} {gap.row}")
def test_a_gap_is_a_difference(gap: Gap) -> None:
    """Every fact of a gap contradicts the service's: the table lists differences only."""
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
    [*(f"A{n}" for n in (*range(1, 13), 14)), "6.1.1", "6.4"] + [f"B{n}" for n in range(1, 19)],
)
def test_every_number_has_a_row(number: str) -> None:
    """No row of the contract that can be asked from outside is left out."""
    assert number in {row.name.split(" ")[0] for row in ROWS}
