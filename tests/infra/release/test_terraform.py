"""How Terraform is run, and what becomes of its failures; the program is a fake."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from infra.cli.exits import INTERRUPTED
from infra.release import terraform as release_terraform
from infra.release.errors import Busy, TerraformFailed
from infra.release.target import Target
from infra.release.terraform import DESCRIPTION, Terraform, find_terraform
from tests import ROOT
from tests.infra.cloud.clouds import until
from tests.infra.release.staged import FUNCTION, asked, target_at

DIGEST = f"sha256:{'a' * 64}"


def made(target: Target, tmp_path: Path, program: str, **environ: str) -> Terraform:
    """Make one with a folder and states of the test's own."""
    return Terraform(target, tmp_path / "dev", program, environ, tmp_path / "states")


@pytest.fixture
def terraform(tmp_path: Path, program: str) -> Terraform:
    """The description of a stage on AWS, laid into its folder."""
    ready = made(target_at(None), tmp_path, program)
    ready.init()
    return ready


def lines(tmp_path: Path) -> list[str]:
    """Read what the program was asked, with all arguments."""
    return (tmp_path / "commands").read_text().splitlines()


@pytest.mark.parametrize(
    ("url", "bucket", "settings"),
    [
        (None, None, "path={folder}/states/lambake-dev.tfstate"),
        ("http://127.0.0.1:1", None, "path={folder}/dev/lambake-dev.tfstate"),
        (
            None,
            "states",
            "bucket=states -backend-config=key=lambake-dev.tfstate"
            " -backend-config=region=us-east-1",
        ),
    ],
    ids=["where make clean does not come", "that goes as the simulated cloud does", "in a bucket"],
)
def test_a_state(
    tmp_path: Path, program: str, url: str | None, bucket: str | None, settings: str
) -> None:
    """One a stage; in a bucket the backend is S3's, which locks itself."""
    made(target_at(url, state_bucket=bucket), tmp_path, program).init()
    told = settings.format(folder=tmp_path)
    assert lines(tmp_path) == [f"init -input=false -no-color -reconfigure -backend-config={told}"]
    described = {file.name for file in DESCRIPTION.glob("*.tf")}
    added = {file.name for file in (tmp_path / "dev").glob("*.tf")} - described
    assert added == ({"s3_override.tf"} if bucket else set())
    if bucket:
        override = (tmp_path / "dev" / "s3_override.tf").read_text()
        assert 'backend "s3"' in override
        assert "use_lockfile = true" in override


def test_no_bucket_any_more(tmp_path: Path, program: str) -> None:
    """The override of before does not stay in the folder."""
    made(target_at(None, state_bucket="states"), tmp_path, program).init()
    made(target_at(None), tmp_path, program).init()
    assert not (tmp_path / "dev" / "s3_override.tf").exists()
    assert asked(tmp_path / "dev") == ["init", "init"]


def test_ready_is_ready(tmp_path: Path, program: str, terraform: Terraform) -> None:
    """A second init of the same folder asks Terraform nothing; another mirror asks again."""
    (tmp_path / "dev" / "api.tf").write_text("changed by hand")
    terraform.init()
    assert asked(tmp_path / "dev") == ["init"]
    assert (tmp_path / "dev" / "api.tf").read_text() == (DESCRIPTION / "api.tf").read_text()
    made(target_at(None), tmp_path, program, LAMBAKE_TERRAFORM_PLUGINS="mirror").init()
    assert lines(tmp_path)[-1].endswith(" -plugin-dir=mirror")


def test_two_stages_share_nothing(tmp_path: Path, program: str) -> None:
    """Names, folders and states are a stage's own."""
    for stage in ("dev", "prod"):
        target = target_at(None, stage=stage)
        terraform = Terraform(target, tmp_path / stage, program, {}, tmp_path / "states")
        terraform.init()
        terraform.plan({"image_digest": DIGEST})
        terraform.apply(lambda _line: None)
    settings = [line.split("path=")[1] for line in lines(tmp_path) if line.startswith("init")]
    assert len(set(settings)) == 2
    Terraform(target_at(None), tmp_path / "dev", program, {}, tmp_path / "states").destroy(
        {}, lambda _line: None
    )
    prod = Terraform(target_at(None, stage="prod"), tmp_path / "prod", program, {}, tmp_path / "s")
    assert prod.outputs()["function"]["newest_version"] == "1"


def test_variables(tmp_path: Path, terraform: Terraform) -> None:
    """The stage, the settings' file as seen from the folder, and those given; no empty ones."""
    terraform.plan({"image_digest": DIGEST, "hook_package": None})
    plan = lines(tmp_path)[1].split()
    assert plan[:4] == ["plan", "-input=false", "-no-color", "-out=release.tfplan"]
    assert [one.split("=")[1] for one in plan[4:]] == ["stage", "function_file", "image_digest"]
    relative = plan[5].removeprefix("-var=function_file=")
    assert (tmp_path / "dev" / relative).resolve() == target_at(None).function_file


def test_what_stands(tmp_path: Path, program: str) -> None:
    """Resources and outputs of the state; forgotten with state and folder."""
    terraform = made(target_at("http://127.0.0.1:1"), tmp_path, program)
    terraform.init()
    assert (terraform.resources(), terraform.outputs()) == ([], {})
    terraform.plan({"image_digest": DIGEST})
    said: list[str] = []
    terraform.apply(said.append)
    assert said == [
        "aws_ecr_repository.images: Creation complete after 1s",
        "aws_lambda_function.this: Creation complete after 1s",
    ]
    assert terraform.resources() == ["aws_ecr_repository.images", "aws_lambda_function.this"]
    terraform.forget()
    assert not (tmp_path / "dev").exists()


def script(tmp_path: Path, body: str) -> str:
    """Another program."""
    program = tmp_path / "other"
    program.write_text(f"#!{sys.executable}\n{body}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def test_a_failure(tmp_path: Path) -> None:
    """The error carries what Terraform said, without its frame."""
    program = script(tmp_path, 'import sys; sys.exit("╷\\n│ Error: no\\n│\\n╵")')
    with pytest.raises(TerraformFailed) as failed:
        made(target_at(None), tmp_path, program).init()
    assert str(failed.value) == f"expected {program} init to succeed, got:\n  │ Error: no"


def test_without_a_registry(tmp_path: Path) -> None:
    """The error ends with the way out."""
    program = script(
        tmp_path, 'import sys; sys.exit("Failed to query available provider packages")'
    )
    with pytest.raises(TerraformFailed, match=r"\nwithout a registry: export LAMBAKE_TERRAFORM_"):
        made(target_at(None), tmp_path, program).init()


def test_a_failure_while_it_tells(tmp_path: Path, terraform: Terraform) -> None:
    """An apply writes both to one place; its end is in the error."""
    failing = script(tmp_path, 'import sys; print("a: Creation complete after 1s"); sys.exit("no")')
    said: list[str] = []
    with pytest.raises(TerraformFailed, match=r"apply to succeed, got:\n.*\n  no"):
        dataclasses.replace(terraform, program=failing).apply(said.append)
    assert said == ["a: Creation complete after 1s"]


SLOW = """
import pathlib, sys, time
print("aws_sqs_queue.slow: Still creating... [00m10s elapsed]", flush=True)
while not pathlib.Path("told").exists():
    time.sleep(0.01)
"""


def test_a_command_that_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told of, with what it waits for where that is known, and then left alone."""
    monkeypatch.setattr(release_terraform, "STILL_S", 0.01)
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if len(told) == 1 or "queue" in line:
            (tmp_path / "told").touch()

    program = script(tmp_path, SLOW)
    terraform = Terraform(target_at(None), tmp_path, program, {}, tmp_path / "states", tell=tell)
    terraform.init()
    assert re.fullmatch(rf"{program} init still runs after \d+ s", told[0])
    (tmp_path / "told").unlink()
    told[:] = ["the first"]
    terraform.apply(told.append)
    expected = rf"{program} apply still runs after \d+ s \(with aws_sqs_queue\.slow\)"
    assert any(re.fullmatch(expected, line) for line in told)


LOCKED = """
import sys
sys.exit('''Error: Error acquiring the state lock

Error message: operation error S3: PutObject, https response error
Lock Info:
  ID:        0f3c-1
  Path:      states/lambake-dev.tfstate
  Operation: OperationTypeApply
  Who:       ann@laptop
  Version:   1.11.4
  Created:   2026-11-22 17:59:03 +0000 UTC
  Info:

Terraform acquires a state lock to protect the state from being written
by multiple users at the same time.''')
"""


@pytest.mark.parametrize(
    ("bucket", "remedy"),
    [
        (None, ""),
        ("states", "; if it was killed and left the lock behind: {} -chdir={} force-unlock 0f3c-1"),
    ],
)
def test_a_state_that_is_locked(tmp_path: Path, bucket: str | None, remedy: str) -> None:
    """Who has it, and what to do; a lock on this machine goes with its process."""
    program = script(tmp_path, LOCKED)
    terraform = made(target_at(None, state_bucket=bucket), tmp_path, program)
    with pytest.raises(Busy) as busy:
        terraform.init()
    assert str(busy.value) == (
        "lambake-dev: its state is locked (OperationTypeApply, ann@laptop, "
        "2026-11-22 17:59:03 +0000 UTC): wait for its end"
        + remedy.format(program, os.path.relpath(tmp_path / "dev"))
    )


def test_what_is_there_is_left_alone(tmp_path: Path, terraform: Terraform) -> None:
    """A plan that reads the description finds all of it, while `status` gets ready beside it."""
    (tmp_path / "dev" / "of_an_older_commit.tf").touch()
    before = {file: file.stat().st_ino for file in (tmp_path / "dev").glob("*.tf")}
    (tmp_path / "dev" / "api.tf").write_text("of another commit")
    terraform.init()
    after = {file: file.stat().st_ino for file in (tmp_path / "dev").glob("*.tf")}
    changed = {file.name for file in before if before[file] != after.get(file)}
    assert changed == {"of_an_older_commit.tf", "api.tf"}
    assert {file.name for file in after} == {file.name for file in DESCRIPTION.glob("*.tf")}


def test_one_at_a_time(tmp_path: Path, program: str, terraform: Terraform) -> None:
    """The folder is one command's, until it ends or dies; another stage's is another's."""
    other = Terraform(target_at(None, stage="prod"), tmp_path / "prod", program)
    second = made(target_at(None), tmp_path, program)
    for _ in range(2):
        with terraform.alone(), other.alone():
            busy = pytest.raises(Busy, match="lambake-dev: another plan, deploy or destroy")
            with busy, second.alone():
                pass


def applying(tmp_path: Path, program: str) -> str:
    """Spell the Python that applies by a program, in a process of its own."""
    return (
        "from pathlib import Path\n"
        "from infra.release.target import Target\n"
        "from infra.release.terraform import Terraform\n"
        f"folder = Path({str(tmp_path / 'dev')!r})\n"
        f"target = Target.of(Path({str(FUNCTION)!r}), 'dev', None)\n"
        f"terraform = Terraform(target, folder, {program!r})\n"
        "apply = lambda: terraform.apply(lambda line: print(line, flush=True))\n"
    )


STOPS = """
import signal, sys, time
def stop(*_):
    with open("written", "a") as written:
        written.write("state")  # a second signal writes it twice
    time.sleep(0.3)
    sys.exit(1)
signal.signal(signal.SIGINT, stop)
print("a: Creation complete after 1s", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("number", "to_all"), [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, False)]
)
def test_a_signal_waits_for_terraform(tmp_path: Path, number: signal.Signals, to_all: bool) -> None:
    """Terraform is told once, however it is told here, and writes its state before we end."""
    (tmp_path / "dev").mkdir()
    program = script(tmp_path, STOPS)
    runner = (
        "import signal, sys\n"
        # A suite that runs in the background, or by nohup, has them ignored, and its children too.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "for one in (signal.SIGTERM, signal.SIGHUP): signal.signal(one, signal.SIG_DFL)\n"
        "from infra.cli import main, status\n"
        f"{applying(tmp_path, program)}"
        "status.run = lambda _: apply()\n"
        "sys.exit(main(['status']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", runner],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "a: Creation complete after 1s\n"
        # A terminal sends it to the whole group.
        (os.killpg if to_all else os.kill)(process.pid, number)
        assert process.stdout.read() == f"{program} finishes what it has begun …\n"
    assert process.returncode == INTERRUPTED
    assert (tmp_path / "dev" / "written").read_text() == "state"


def test_terraform_outlives_us(tmp_path: Path) -> None:
    """Killed, we cannot tell it to end; it goes on, though nobody reads what it says."""
    (tmp_path / "dev").mkdir()
    program = script(
        tmp_path,
        "import os, signal, time\n"
        "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"  # as Terraform has it
        "print('a: Creation complete after 1s', flush=True)\n"
        "while os.getppid() == int(open('parent').read()): time.sleep(0.01)\n"
        "print('b: Creation complete after 1s', flush=True)\n"
        "open('.written', 'w').write('state')\n"
        "os.rename('.written', 'written')\n",
    )
    runner = (
        f"{applying(tmp_path, program)}"
        "import os\n"
        "(folder / 'parent').write_text(str(os.getpid()))\n"
        "apply()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", runner], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    until(lambda: (tmp_path / "dev" / "written").exists())


def test_nobody_reads(tmp_path: Path) -> None:
    """`deploy | head` ends Terraform as Ctrl-C does."""
    (tmp_path / "dev").mkdir()
    terraform = made(target_at(None), tmp_path, script(tmp_path, STOPS))

    def say(_line: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        terraform.apply(say)
    assert (tmp_path / "dev" / "written").read_text() == "state"


def test_terraform_before_tofu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that is on the PATH is taken; without either there is none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_terraform() is None
    for name, said in (("tofu", "OpenTofu v1.11.2"), ("terraform", "Terraform v1.15.8")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{said}'\n")
        program.chmod(0o755)
        major, minor = said.split("v")[1].split(".")[:2]
        assert find_terraform() == (name, (int(major), int(minor)))
