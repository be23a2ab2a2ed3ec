"""The page that `lambake bench` writes, and what it is written from; nothing is timed here."""

from __future__ import annotations

import io
import os
import subprocess
import time
from pathlib import Path
from unittest.mock import Mock
from xml.etree import ElementTree

import pytest
from PIL import Image

from infra.bench import places
from infra.bench.contenders import CONTENDERS
from infra.bench.installed import installed_mb
from infra.bench.page import Chart, Section, number, page, svg
from infra.bench.pictures import Digit, messy_digits
from infra.bench.places import left_out
from infra.bench.runner import SCENARIOS, bench
from infra.bench.samples import cpu_ms, p99, ratio
from infra.bench.scenarios import Plan, floor, memory
from infra.bench.scenarios.bucket import table_of
from infra.bench.scenarios.start import by_package, times_in
from infra.cli import bench as command
from infra.containers import NoContainerTool
from tests import ROOT


@pytest.mark.parametrize(
    ("value", "spelt"),
    [(0, "0"), (0.1234, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (1234, "1,234")],
)
def test_numbers_have_three_digits(value: float, spelt: str) -> None:
    """More digits would be noise."""
    assert number(value) == spelt


def test_the_page_has_tables_and_charts(tmp_path: Path) -> None:
    """A section is a heading, a text, a table and charts beside the page."""
    chart = Chart("first", "ms <lower is better>", [("Lambake", 1.0), ("barest", 2.0)])
    section = Section("Side by side", "Text.", ("", "ms"), [["Lambake", "1.00"]], [chart])
    text = page({"cores": "2"}, [section], folder=tmp_path)
    assert (tmp_path / "benchmark.md").read_text() == text
    assert "## Side by side\n\nText.\n\n|  | ms |\n|---|---:|\n| Lambake | 1.00 |" in text
    assert f"![{chart.title}](benchmark_first.svg)" in text
    drawn = ElementTree.fromstring((tmp_path / "benchmark_first.svg").read_text())  # noqa: S314
    bars = [one for one in drawn if one.tag.endswith("rect")]
    assert [one.get("width") for one in bars] == ["210", "420"]


def test_a_chart_of_nothing_is_a_chart() -> None:
    """Bars of no length do not divide by zero."""
    assert "</svg>" in svg(Chart("x", "x", [("a", 0.0)]))
    assert "</svg>" in svg(Chart("x", "x", []))


def test_ratios_are_of_pairs() -> None:
    """A round in which the machine was slow counts as any other."""
    assert ratio([1.0, 10.0, 1.0], [2.0, 20.0, 2.0]) == 0.5
    assert p99([*map(float, range(100))]) == 99.0


def test_another_process_is_timed_by_its_own_clock() -> None:
    """The clock of this process by its id is the process' clock; one that is gone took nothing."""
    before_ms = time.process_time() * 1e3
    assert before_ms <= cpu_ms(os.getpid()) <= time.process_time() * 1e3
    assert cpu_ms(2**22 + 1) == 0.0


def test_every_contender_is_there_and_counted() -> None:
    """Each handler's file exists, its packages are known, and one that cannot run says why."""
    for one in CONTENDERS:
        module = one.handler.partition(":")[0].removesuffix(".handler").replace(".", "/")
        assert (one.root / f"{module}.py").is_file()
        assert one.lacks in ("", "tensorflow")
    sizes = {one.name: installed_mb(one.packages) for one in CONTENDERS}
    assert sizes["empty"] < sizes["barest"] < sizes["Lambake"]
    assert installed_mb(["no-such-package"]) == 0


def test_a_table_has_as_many_rows_as_asked_for() -> None:
    """They are counted without the header."""
    header, *rows = table_of(8).decode().splitlines()
    assert header.count(",") == 3
    assert len(rows) == 8


def test_without_an_image_or_a_tool_the_memory_settings_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page says what is missing and how to get it."""
    plan = Plan(1, 0, 1, 1, 4, lambda _line: None)
    no_tool = NoContainerTool(["docker is not installed"])
    monkeypatch.setattr(memory, "find_container_tool", Mock(side_effect=no_tool))
    assert memory.run(plan).text.startswith("Left out: expected docker or podman to answer")
    tool = Mock(**{"return_value.inspect.return_value": None})
    monkeypatch.setattr(memory, "find_container_tool", tool)
    assert memory.run(plan).text == (
        "Left out: there is no lambake:latest; `make image` builds it."
    )


def test_contenders_keep_their_byte_code() -> None:
    """Otherwise each cold start would compile the function's own modules, and no others."""
    ours = {"PATH": "/bin", "LAMBAKE_METRICS": "off", "PYTHONDONTWRITEBYTECODE": "1"}
    assert places.kept_variables(ours) == {"PATH": "/bin"}


def test_a_tool_that_is_absent_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page without the real emulator says how to get it."""
    monkeypatch.setattr("infra.bench.places.RIE", ROOT / "build" / "nowhere")
    assert left_out("rie") == "there is no build/nowhere; `make bench` fetches it"
    assert left_out("lambake") == ""


def test_messy_digits_are_larger_and_the_same_each_time() -> None:
    """They are drawn from a seed, so two runs measure on the same pictures."""
    seven = (ROOT / "model/zoo/digits/samples/7.png").read_bytes()
    first, again = (messy_digits([Digit(seven, "7")] * 3) for _ in range(2))
    assert first == again
    assert len({one.picture for one in first}) == 3
    assert all(Image.open(io.BytesIO(one.picture)).height >= 200 for one in first)


REPORT = """import time: self [us] | cumulative | imported package
import time:       100 |        100 |   zipimport
import time:        30 |         70 |     fastapi.routing
import time:        40 |         40 |   fastapi
import time:       500 |       1000 | function.entry
import time:        20 |         20 | _hashlib
a line of the function's own
"""


def test_imports_are_added_up_by_package() -> None:
    """Of several processes the least of each module counts: the rest is what the machine did."""
    times = times_in(REPORT)
    found = by_package([times, times | {"fastapi": 10, "function.entry": 900}])
    assert found == {"standard library": 120, "fastapi": 40, "the function itself": 500}


def test_one_part_can_be_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its name chooses it; another name is refused, and those that there are are named."""
    monkeypatch.setitem(SCENARIOS, "start", lambda _plan: Section("Alone", "text"))
    assert bench(tmp_path, print, quick=True, only="start").count("\n## ") == 1
    with pytest.raises(places.BenchError, match=r"side-by-side, start, .*, got another part"):
        command.run(command.Options(only="warm", out=tmp_path))


def test_instructions_are_counted_step_by_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each step's own, here one million a line of imports; a count that fails names its cause."""
    valgrind = tmp_path / "valgrind"
    count = '$(printf %s "$5" | grep -c import)'
    valgrind.write_text(f'#!/bin/sh\necho "==7== Collected : {count}000000" >&2\n')
    valgrind.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    told = floor.run(Plan(1, 1, 0, 0, 0, print))
    assert [row[1:] for row in told.rows] == [
        ["2.00", "1.00"],
        *[["1.00", "1.00"]] * 5,
        ["7.00", "6.00"],
    ]
    assert "Lambake takes 1.17 of the barest's instructions" in told.text
    assert "does nothing takes 1.00 of them" in told.text
    valgrind.write_text("#!/bin/sh\necho 'cannot run' >&2\nexit 1\n")
    with pytest.raises(places.BenchError, match="got cannot run"):
        floor.run(Plan(1, 1, 0, 0, 0, print))
    assert "Left out" in floor.run(Plan(1, 0, 0, 0, 0, print)).text


def test_a_measured_function_has_one_core() -> None:
    """What is started meanwhile inherits it; this process keeps its own."""
    before = os.sched_getaffinity(0)
    with places.one_core():
        assert os.sched_getaffinity(0) == {max(before)}
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("settings", "command_line"),
    [([], "lambake bench"), (["QUICK=1"], "lambake bench --quick")],
)
def test_make_bench_measures_everything_unless_told(settings: list[str], command_line: str) -> None:
    """Without QUICK=1, nothing is cut short."""
    told = subprocess.run(
        ["make", "--no-print-directory", "-n", "bench", *settings],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.rstrip().endswith(command_line)
