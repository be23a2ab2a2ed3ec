"""docker or podman: found, asked, told what to do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from infra import version_of
from infra.cli import main
from infra.containers import (
    ContainerTool,
    ContainerToolFailed,
    NoContainerTool,
    confinement,
    cpu_share,
    find_container_tool,
)
from infra.image.build import Build, build_command, build_image, prepare
from infra.image.errors import ImageError
from infra.local.sandbox.container import Container, Running
from infra.local.sandbox.process_group import output_pipe
from tests import ROOT

ANSWERS = "#!/bin/sh\nexit 0\n"
FAILS = "#!/bin/sh\necho no daemon >&2\nexit 1\n"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let there be no programs but those of a folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str, text: str) -> None:
    """Write a program."""
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def test_docker_comes_first(programs: Path) -> None:
    """Where both answer it is docker."""
    for name in ("docker", "podman"):
        program(programs, name, ANSWERS)
    assert find_container_tool() == ContainerTool("docker", str(programs / "docker"))


def test_a_docker_without_its_daemon_is_passed_over(programs: Path) -> None:
    """Then it is podman, with runc where there is one."""
    program(programs, "docker", FAILS)
    for name in ("podman", "runc"):
        program(programs, name, ANSWERS)
    assert find_container_tool() == ContainerTool(
        "podman", str(programs / "podman"), ("--runtime", "runc")
    )


def test_podman_keeps_its_own_runtime_where_runc_is_absent(programs: Path) -> None:
    """No option names what is not there."""
    program(programs, "podman", ANSWERS)
    assert find_container_tool().command("ps") == [str(programs / "podman"), "ps"]


def test_neither_is_told_with_what_to_install(programs: Path) -> None:
    """The message says what was tried."""
    program(programs, "docker", FAILS)
    with pytest.raises(NoContainerTool) as caught:
        find_container_tool()
    assert str(caught.value) == (
        "expected docker or podman to answer, got none (docker: no daemon; podman is not"
        " installed): on Debian, apt install podman runc"
    )


def test_a_failure_carries_what_was_said(programs: Path) -> None:
    """The end of the program's own words is in the message."""
    program(programs, "docker", FAILS)
    tool = ContainerTool("docker", str(programs / "docker"))
    with pytest.raises(ContainerToolFailed) as caught:
        tool.ask("save", "x")
    assert str(caught.value) == "expected docker save to succeed, got status 1:\n  no daemon"
    assert tool.inspect("x") is None


@pytest.mark.parametrize(
    ("memory_mb", "cpus"), [(128, 0.072), (512, 0.289), (1769, 1.0), (10_240, 2.0)]
)
def test_the_cpu_grows_with_the_memory(
    memory_mb: int, cpus: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One CPU at 1,769 MB, and never more than the machine has."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert cpu_share(memory_mb) == cpus


def test_only_podman_is_told_to_leave_no_other_folder_writable() -> None:
    """docker knows no such option, and has no such habit."""
    narrow = {
        kind: confinement(ContainerTool(kind, kind), memory_mb=512, cpus=1)
        for kind in ("docker", "podman")
    }
    assert set(narrow["podman"]) - set(narrow["docker"]) == {"--read-only-tmpfs=false"}
    assert {"--read-only", "/tmp:size=512m,mode=1777", "512m"} <= set(narrow["docker"])


def test_a_base_that_cannot_be_pulled_is_named(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says how to name another, by the target that was used, and of a stand-in."""
    program(programs, "docker", FAILS)
    with pytest.raises(ImageError) as caught:
        build_image(
            ContainerTool("docker", str(programs / "docker")),
            Build(ROOT, "lambake:1", "here/b:1", make="deploy"),
        )
    assert str(caught.value) == (
        "expected to find or pull here/b:1: expected docker pull to succeed, got status 1:\n"
        "  no daemon\n"
        "another base: make deploy BASE_IMAGE=IMAGE, or --base IMAGE\n"
        "a stand-in, where AWS's registry is not reached, on Debian as root: .venv/bin/python -m "
        "tests.image.stand_in.build, and then make deploy "
        "BASE_IMAGE=localhost/lambake-stand-in:latest"
    )
    assert capsys.readouterr().out == "Pulling here/b:1, 200 MB or so …\n"


SAID = """\
[1/2] STEP 1/2: FROM base AS builder
[1/2] STEP 2/2: ARG PIP_NO_INDEX=
--> Using cache 0123
[2/2] STEP 1/1: COPY a    b
#0 building with "default" instance
#5 [builder 2/9] RUN true
#5 DONE 0.1s
72 MB of packages are unused
"""
STEPS = [
    "  [1/2] STEP 1/2: FROM base AS builder",
    "  [2/2] STEP 1/1: COPY a b",
    "  #5 [builder 2/9] RUN true",
]


@pytest.mark.parametrize("status", [0, 1])
def test_a_build_is_a_line_a_step(programs: Path, status: int) -> None:
    """What podman and docker say between their steps is told where one fails, and all of it."""
    program(programs, "docker", f"""#!/bin/sh
        case "$1" in
            build) printf '%s' '{SAID}'; exit {status} ;;
            image) echo '[{{}}]' ;;
        esac
    """)  # fmt: skip
    told: list[str] = []
    tool = ContainerTool("docker", str(programs / "docker"))
    with pytest.raises(ContainerToolFailed) if status else contextlib.nullcontext():
        build_image(tool, Build(ROOT, "lambake:1", "here/b:1"), told.append)
    everything = [f"  {line}" for line in SAID.splitlines()]
    assert told == STEPS + (everything if status else [])


def test_a_platform_of_no_wheels_is_refused(programs: Path) -> None:
    """Lambda has two architectures."""
    program(programs, "docker", "#!/bin/sh\necho s390x\n")
    with pytest.raises(ImageError) as caught:
        prepare(ContainerTool("docker", str(programs / "docker")), Build(ROOT, "lambake:1"))
    expected = "platform: expected one of linux/amd64, linux/arm64, got linux/s390x"
    assert str(caught.value) == expected


def test_the_command_without_an_engine(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with status 2 and what to install."""
    assert main(["image"]) == 2
    assert capsys.readouterr().err.endswith(": on Debian, apt install podman runc\n")


def test_a_container_of_another_user_is_signalled_by_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel does not let us, docker stops the process, or ends it."""
    calls = tmp_path / "calls"
    program(tmp_path, "docker", f'#!/bin/sh\necho "$@" >> {calls}\n')
    monkeypatch.setattr("os.killpg", refused)

    async def scenario() -> None:
        reader, writer = output_pipe()
        client = subprocess.Popen(["sleep", "60"], stdout=writer, start_new_session=True)
        os.close(writer)
        tool = ContainerTool("docker", str(tmp_path / "docker"))
        running = Running(tool, "it", client, client.pid)
        container = Container(running, reader, on_output=lambda _: None, on_exit=lambda _: None)
        container.freeze()
        container.kill()
        client.kill()
        await container.gone()

    asyncio.run(scenario())
    said = calls.read_text().splitlines()
    assert said == ["kill --signal SIGSTOP it", "kill --signal SIGKILL it"]


def refused(_group: int, _number: int) -> None:
    """The kernel, to one who is not root."""
    raise PermissionError


def test_what_a_build_is_told(programs: Path) -> None:
    """The platform, no network, and the version; podman the one date of all builds besides."""
    program(programs, "docker", FAILS)
    tool = ContainerTool("docker", str(programs / "docker"))
    command = build_command(tool, Build(ROOT, "lambake:1", platform="linux/arm64"))
    assert command[command.index("--platform") + 1] == "linux/arm64"
    assert command[command.index("--network") + 1] == "none"
    assert f"org.opencontainers.image.version={version_of(ROOT)}" in command
    assert "--timestamp" not in command
    podman = ContainerTool("podman", str(programs / "docker"))
    assert "--timestamp" in build_command(podman, Build(ROOT, "lambake:1"))
