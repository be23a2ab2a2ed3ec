"""What the demonstration is made of: a registry, images or folders, and a narrator."""

from __future__ import annotations

import io
import sys
import threading
import urllib.error
import urllib.request
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.cli import main
from infra.cloud import registry as loopback
from infra.cloud.registry import RegistryError, loopback_registry
from infra.demo import narration, play
from infra.demo.images import Folders
from infra.demo.narration import Narration
from infra.demo.story import Story, checkout_of
from infra.release.errors import ReleaseError
from infra.release.preflight import Tools
from infra.release.target import Target
from tests import ROOT
from tests.conftest import require_tool
from tests.infra.cloud.clouds import moto_server
from tests.infra.release.staged import FUNCTION

TOOLS = Tools("123456789012", "terraform", None)


def test_a_registry_while_it_is_needed() -> None:
    """It answers on this machine, and is gone afterwards."""
    require_tool("docker-registry")
    with (
        loopback_registry() as address,
        urllib.request.urlopen(f"http://{address}/v2/_catalog") as answer,
    ):
        assert answer.read() == b'{"repositories":[]}\n'
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://{address}/v2/")


def test_no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package to install is named."""
    monkeypatch.setattr(loopback, "PROGRAM", "no-such-registry")
    with pytest.raises(RegistryError) as missing, loopback_registry():
        pass
    assert str(missing.value) == (
        "expected no-such-registry on the PATH, found none: apt install no-such-registry"
    )


def test_a_registry_that_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that cannot start is found out at once, not after half a minute."""
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(loopback, "PROGRAM", str(program))
    with pytest.raises(RegistryError, match="to answer, it did not"), loopback_registry():
        pass


def test_folders_for_images(tmp_path: Path) -> None:
    """Each state of the code is an image of its own, recorded by digest and pushed once."""
    function = checkout_of(ROOT, tmp_path / "checkout")
    images = Folders(tmp_path / "images")
    with moto_server() as url:
        target = Target.of(function, "dev", url)
        target.client("ecr").create_repository(repositoryName="lambake-dev")
        address = "registry/lambake-dev"
        first = images.push(target, TOOLS, address)
        assert first.now
        assert images.push(target, TOOLS, address) == type(first)(first.digest, now=False)
        manifest = target.root / "model" / "zoo" / "iris" / "model.toml"
        manifest.write_text(manifest.read_text().replace('version = "1"', 'version = "2"'))
        second = images.push(target, TOOLS, address)
    assert second.now
    versions = [
        Path(images.settings_of(f"{address}@{pushed.digest}")["root"], "model/zoo/iris/model.toml")
        for pushed in (first, second)
    ]
    assert ['version = "2"' in version.read_text() for version in versions] == [False, True]
    assert not list((tmp_path / "images").rglob("*.keras"))


@dataclass
class Time:
    """Pass as the test says."""

    at_s: float = 10.0


class Terminal(io.StringIO):
    """One."""

    def isatty(self) -> bool:
        return True


def silent(out: io.StringIO) -> str:
    """Say nothing for a while in a step, and give what was told meanwhile."""
    time = Time()
    say = Narration(out, lambda: time.at_s)
    with say.step("destroy"):
        for _ in range(22):
            time.at_s += 1.0
            say.beat()
        say("done")
    return out.getvalue().partition("Destroy\n")[2]


def test_seconds_of_silence_on_a_terminal() -> None:
    """One line is written over, from the second second on, and gives way to the next."""
    seconds = "".join(f"\r\x1b[K    … {second} s" for second in range(2, 23))
    assert silent(Terminal()) == f"{seconds}\r\x1b[K  done\n  (22 s)\n"


def test_seconds_of_silence_in_a_log() -> None:
    """A line of its own every twenty."""
    assert silent(io.StringIO()) == "      … 20 s\n  done\n  (22 s)\n"


def test_a_step_beats_by_itself_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it fails."""
    monkeypatch.setattr(narration, "_BEAT_S", 0.001)
    say, beaten = Narration(io.StringIO()), threading.Event()
    monkeypatch.setattr(say, "beat", beaten.set)
    before = threading.active_count()

    def fail() -> None:
        with say.step("destroy"):
            assert beaten.wait(10)
            raise ReleaseError

    with pytest.raises(ReleaseError):
        fail()
    assert threading.active_count() == before


def test_narration() -> None:
    """Steps are numbered and timed; of what comes by the dozen the number is told."""
    out, time = io.StringIO(), Time()
    say = Narration(out, lambda: time.at_s)
    say("before")
    with say.step("a first deployment"):
        say("    two\nlines")
        say("      + aws_lambda_function.this")
        for number in range(12):
            say(f"    aws_sqs_queue.q[{number}]: Creation complete after 1s")
        say("    57 to make")
        time.at_s += 42.4
    say.write("the end\n")
    assert out.getvalue() == (
        "before\n"
        "\n"
        "1. A first deployment\n"
        "      two\n"
        "  lines\n"
        "      10 resources done …\n"
        "      57 to make\n"
        "  (42 s)\n"
        "the end\n"
    )


def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without docker or podman, code stands behind images; without Terraform nothing is played."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["demo", "--no-containers", "--function", str(FUNCTION)]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == (
        "no real images: --no-containers was given; there is no registry "
        "(apt install docker-registry); expected docker or podman to answer, got none "
        "(docker is not installed; podman is not installed): on Debian, apt install podman runc"
    )
    assert told.err.startswith("not ready:\n  terraform: expected it on the PATH, got neither")


class Played:
    """A story that ends well, at once."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.spoilt = False

    def __getattr__(self, name: str) -> Any:
        def step(*_: object) -> Any:
            self.done.append(f"{name}, spoilt" if self.spoilt else name)
            answers = {"call": "200", "refused": "an alarm", "roll_back": ("3", "1")}
            prediction = {"version": "1", "predictions": [{"label": "setosa"}]}
            return {"invoke": prediction, **answers}.get(name)

        return step


def test_the_play(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every step has a title and what was seen in it; in the end it is said how to do it on AWS."""
    played = Played()
    monkeypatch.setattr(play, "_set_the_scene", lambda *_, **__: played)
    assert main(["demo", "--function", str(FUNCTION)]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if not line.endswith(" s)")]
    assert told[1:] == [
        "1. A first deployment: nothing is there yet",
        "",
        "2. Real predictions: by boto3, and through the API as a caller would",
        "  invoke  {'label': 'setosa'}",
        "  POST    200",
        "",
        "3. The same commit again",
        "",
        "4. A broken image: somebody swapped two labels of iris",
        "  refused: an alarm",
        "  live: iris 1 says setosa, as before",
        "",
        "5. Version 2 of iris, and an alarm that rings during its canary",
        "  refused: an alarm",
        "  live: iris 1 says setosa, as before",
        "",
        "6. The alarm is quiet again: the same commit once more",
        "  live: iris 1 says setosa",
        "",
        "7. A rollback",
        "  version 3 → 1; live: iris 1 says setosa",
        "",
        "8. The end: everything is removed",
        *play.IN_THE_END.splitlines(),
    ]
    wanted = ["deploy", "invoke", "call", "deploy", "refused, spoilt", "invoke", "newer_iris"]
    assert played.done[:7] == wanted


def test_the_stage_without_containers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A cloud of its own, and a checkout that the play may change."""
    program = tmp_path / "terraform"
    program.write_text("#!/bin/sh\necho Terraform v1.15.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    seen: list[Story] = []
    monkeypatch.setattr(play, "play", lambda story, _say: seen.append(story))
    assert main(["demo", "--no-containers", "--function", str(FUNCTION)]) == 0
    (story,) = seen
    assert (story.tools.terraform, story.tools.account) == ("terraform", "123456789012")
    assert story.target.root != ROOT
    assert f"a simulated cloud is at {story.target.simulated}: " in capsys.readouterr().out


def test_an_image_that_is_not_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What was done comes first, then what failed, then what helps: all for who typed make.

    Terraform is ready before minutes are spent on an image.
    """
    for name, script in (
        ("docker", 'case "$*" in version*) ;; *) exit 1;; esac'),
        ("terraform", "echo Terraform v1.15.0"),
        ("registry", ""),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(play, "PROGRAM", "registry")
    monkeypatch.setattr(play, "loopback_registry", lambda: nullcontext("127.0.0.1:1"))
    monkeypatch.setattr(play, "find_tools", lambda *_, **__: TOOLS)
    monkeypatch.setattr("infra.image.report.prepare", lambda *_: False)
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    assert main(["demo", "--base", "here/b:1", "--function", str(FUNCTION)]) == 1
    told = capsys.readouterr().out.splitlines()
    beginnings = (
        "a simulated cloud is at http://127.0.0.1:",
        "",
        "1. Terraform's AWS provider, some hundred MB where it is not there yet",
        "  (",
        "",
        "2. The image, built once; each version below adds a layer to it",
        "  on here/b:1, with docker: ",
        "  Fetching the locked wheels",
        "    all there",
        "  Building lambake:",
        "  Pulling here/b:1",
        "expected to find or pull here/b:1: expected docker pull to succeed, got status 1:",
        "  nothing",
        "another base: make cloud-demo BASE_IMAGE=IMAGE, or --base IMAGE",
        "a stand-in, where AWS's registry is not reached, on Debian as root: .venv/bin/python -m "
        "tests.image.stand_in.build, and then make cloud-demo BASE_IMAGE=localhost/",
        "without images: .venv/bin/lambake demo --no-containers plays all the rest",
    )
    for line, beginning in zip(told, beginnings, strict=True):
        assert line.startswith(beginning)


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing has to be tidied up, and that is said, not what a deployment says of its stage."""

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt("deploy again makes the rest")

    monkeypatch.setattr(play, "_set_the_scene", stop)
    assert main(["demo", "--function", str(FUNCTION)]) == 130
    assert capsys.readouterr().err == (
        "\nstopped: the simulated cloud and everything in it is gone\n"
    )
