"""`lambake manifest`: what it prints, and that every reader reads it alike."""

from __future__ import annotations

import io
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from infra.cli import main
from infra.cli.manifest import Quoting
from tests import ROOT
from tests.infra.cli.manifests import SAMPLES


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_what_its_first_line_prints(
    sample: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The committed samples are printed by the command that they name, never kept by hand."""
    monkeypatch.chdir(ROOT)
    text = sample.read_text(encoding="utf-8")
    words = shlex.split(text.splitlines()[0].removeprefix("# "))
    assert words[0] == "lambake"
    assert main(words[1:]) == 0
    assert capsys.readouterr().out == text, f"run {shlex.join(words)} > {sample.name}"


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status is 2, the message on stderr, and stdout stays empty."""
    function = tmp_path / "function.yaml"
    function.write_text("handler: a.b\nmemory_mb: 10240\n", encoding="utf-8")
    arguments = ["manifest", "container-apps", "--image", "x", "--function", str(function)]
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "manifest: memory_mb: expected 8192 at most: Container Apps has 8 GiB with its 4 CPUs, "
        "got 10240\n"
    )


def test_everybody_is_said_loudly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public manifest says so in its head, and names the flag in its command."""
    monkeypatch.chdir(ROOT)
    for place in ("cloud-run", "container-apps"):
        assert main(["manifest", place, "--image", "x", "--public"]) == 0
        head = capsys.readouterr().out.splitlines()[:2]
        assert head[0].endswith("--stage dev --public")
        assert head[1].endswith("Callers: EVERYBODY, at your cost.")


def readings(text: str) -> list[Any]:
    """Read YAML as `az` does, and as `gcloud` may: YAML 1.1 in full, and 1.2."""
    read = [yaml.safe_load(text)]
    for version in ("1.1", "1.2"):
        reader = YAML(typ="safe", pure=True)
        reader.version = version
        read.append(reader.load(io.StringIO(text)))
    return read


TRICKY = ["1e3", "n", "Y", "off", "0o17", "1_000", "12:30:45", "2001-01-01", "~", "", "=", "<<"]


@pytest.mark.parametrize("text", TRICKY)
def test_text_stays_text(text: str) -> None:
    """What looks like a number, a date or a truth value to some reader is text to all of them."""
    written = yaml.dump({"value": text}, Dumper=Quoting)
    assert readings(written) == [{"value": text}] * 3


@pytest.mark.filterwarnings("ignore::ruamel.yaml.error.MantissaNoDotYAML1_1Warning")
@pytest.mark.parametrize(("text", "taken_for"), [("1e3", 1000.0), ("n", False)])
def test_text_that_is_something_else_is_found(text: str, taken_for: object) -> None:
    """Written as PyYAML does by itself, `az` reads it as it was, and `gcloud` does not."""
    read = readings(yaml.safe_dump({"value": text}))
    assert read[0] == {"value": text}
    assert {"value": taken_for} in read


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
@example("a\r\nb\u2028")
@example("x" * 500)
def test_any_text_is_read_as_it_was(text: str) -> None:
    """Quotes, line breaks and long lines included."""
    written = yaml.dump([text], Dumper=Quoting)
    assert readings(written) == [[text]] * 3
