"""`lambake predict`: files of every kind, drawn or written, and what is refused."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from infra.cli import main
from tests import ROOT

SEVEN = ROOT / "model/zoo/digits/samples/7.png"
HEADER = "sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm"
ROWS = f"{HEADER}\n5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n"


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings are read there; the handler is the one that other tests share."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("LAMBAKE_PRELOAD_HTTP", "on")


def test_a_picture_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """All classes, the likeliest first, with a bar as long as its share."""
    assert main(["predict", "digits", str(SEVEN)]) == 0
    heading, first, *others = capsys.readouterr().out.splitlines()
    assert heading == f"{SEVEN}: 7"
    assert first.split()[0] == "7"
    assert first.count("█") == 30
    assert len(others) == 9
    assert all("█" not in line for line in others)


def test_a_folder_becomes_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each instance is a row; a file that is refused is named, and the others are still asked."""
    inputs, table = tmp_path / "in", tmp_path / "out.csv"
    inputs.mkdir()
    (inputs / "a.csv").write_text(ROWS)
    (inputs / "b.json").write_text('{"rows": [[5.1, 3.5, 1.4, 0.2]]}')
    (inputs / "c.txt").write_text("not a row")
    assert main(["predict", "iris:1", str(inputs), "--csv", str(table)]) == 1
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [Path(row["instance"]).name for row in rows] == ["a.csv:1", "a.csv:2", "b.json"]
    assert [row["label"] for row in rows] == ["setosa", "virginica", "setosa"]
    assert float(rows[0]["probabilities.setosa"]) > 0.9
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"{inputs / 'c.txt'}: body: ")
    assert told.err.endswith(": 3 predictions, 1 files refused\n")


def test_rows_are_counted_through_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are sent by the hundred, and the first of the next hundred is the 101st."""
    file = tmp_path / "rows.csv"
    file.write_text(f"{HEADER}\n" + "5.1,3.5,1.4,0.2\n" * 102)
    assert main(["predict", "iris", str(file)]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == [f"{file}:{place}" for place in range(1, 103)]


BODIES = 'expected {"rows": …} or {"inputs": …}'


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.json", b"[1]", 'expected a JSON object such as {"rows": [[1, 2]]}, got [1]'),
        ("x.json", b"{", 'expected a JSON object such as {"rows": [[1, 2]]}, got something else'),
        ("x.csv", b"\xff", "expected CSV in UTF-8"),
        ("x.csv", f"{HEADER}\n1,2,3,\n".encode(), "rows[0].petal_width_cm: expected"),
        ("x.pdf", b"%PDF-1.7", "model: expected"),
        ("x.md", b"#", f"body: {BODIES}, got 1 other key (sent as a picture; rows go as .csv"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, told: str
) -> None:
    """One line says the file, what was expected and what it has."""
    (tmp_path / name).write_bytes(content)
    assert main(["predict", "nope" if name == "x.pdf" else "iris", str(tmp_path / name)]) == 1
    assert capsys.readouterr().err.startswith(f"{tmp_path / name}: {told}")


def test_no_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is wrong, and a folder with nothing in it."""
    for path, told in (
        (tmp_path / "none", "expected a file or a folder"),
        (tmp_path, "found none"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(["predict", "iris", str(path)])
        assert told in capsys.readouterr().err
