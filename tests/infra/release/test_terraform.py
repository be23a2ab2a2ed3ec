"""
How Terraform is run: where, with what, and what becomes of its failures. The program is a fake.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from infra.release.errors import TerraformFailed
from infra.release.target import Target
from infra.release.terraform import DESCRIPTION, Terraform, find_terraform
from tests.infra.release.conftest import asked, target_at

DIGEST = f"sha256:{'a' * 64}"


def made(target: Target, tmp_path: Path, program: str, **environ: str) -> Terraform:
    """Make one with a folder and states of the test's own."""
    return Terraform(target, tmp_path / "dev", program, environ, tmp_path / "states")


def lines(tmp_path: Path) -> list[str]:
    """Read what the program was asked, with all arguments."""
    return (tmp_path / "commands").read_text().splitlines()


def test_a_state_on_this_machine(tmp_path: Path, program: str) -> None:
    """AWS's state lies where `make clean` does not come, one a stage."""
    made(target_at(None, stage="prod"), tmp_path, program).init()
    path = tmp_path / "states" / "lambake-prod.tfstate"
    assert lines(tmp_path) == [
        f"init -input=false -no-color -reconfigure -backend-config=path={path}"
    ]
    described = {file.name for file in DESCRIPTION.glob("*.tf")}
    assert {file.name for file in (tmp_path / "dev").glob("*.tf")} == described


def test_a_state_in_a_bucket(tmp_path: Path, program: str) -> None:
    """One setting: the backend is S3's, which locks itself, with a key a stage."""
    made(target_at(None, state_bucket="states"), tmp_path, program).init()
    assert lines(tmp_path) == [
        "init -input=false -no-color -reconfigure -backend-config=bucket=states"
        " -backend-config=key=lambake-dev.tfstate -backend-config=region=us-east-1"
    ]
    override = (tmp_path / "dev" / "s3_override.tf").read_text()
    assert 'backend "s3"' in override
    assert "use_lockfile = true" in override


def test_no_bucket_any_more(tmp_path: Path, program: str) -> None:
    """The override of before does not stay in the folder."""
    made(target_at(None, state_bucket="states"), tmp_path, program).init()
    made(target_at(None), tmp_path, program).init()
    assert not (tmp_path / "dev" / "s3_override.tf").exists()
    assert asked(tmp_path / "dev") == ["init", "init"]


def test_the_state_of_a_simulated_cloud(tmp_path: Path, program: str) -> None:
    """It goes with the stage's folder, as the cloud goes with its process."""
    made(target_at("http://127.0.0.1:1"), tmp_path, program).init()
    assert f"-backend-config=path={tmp_path / 'dev' / 'lambake-dev.tfstate'}" in lines(tmp_path)[0]


def test_ready_is_ready(tmp_path: Path, program: str) -> None:
    """A second init of the same folder asks Terraform nothing; another mirror asks again."""
    terraform = made(target_at(None), tmp_path, program)
    terraform.init()
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


def test_variables(tmp_path: Path, program: str) -> None:
    """The stage, the settings' file as seen from the folder, and those given; no empty ones."""
    terraform = made(target_at(None), tmp_path, program)
    terraform.init()
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
    """Be another program."""
    program = tmp_path / "other"
    program.write_text(f"#!{sys.executable}\n{body}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def test_a_failure(tmp_path: Path) -> None:
    """The error carries what Terraform said, without its frame."""
    program = script(tmp_path, 'import sys; sys.exit("╷\\n│ Error: no\\n│\\n╵")')
    with pytest.raises(TerraformFailed) as failed:
        made(target_at(None), tmp_path, program).init()
    assert str(failed.value) == f"expected {program} init to succeed, it said:\n  │ Error: no"


def test_a_failure_while_it_tells(tmp_path: Path, program: str) -> None:
    """An apply writes both to one place; its end is in the error."""
    terraform = made(target_at(None), tmp_path, program)
    terraform.init()
    failing = script(tmp_path, 'import sys; print("a: Creation complete after 1s"); sys.exit("no")')
    said: list[str] = []
    with pytest.raises(TerraformFailed, match=r"apply to succeed, it said:\n.*\n  no"):
        Terraform(target_at(None), tmp_path / "dev", failing, {}).apply(said.append)
    assert said == ["a: Creation complete after 1s"]


STOPS = """
import signal, sys, time
def stop(*_):
    open("written", "w").write("state")
    sys.exit(1)
signal.signal(signal.SIGINT, stop)
print("a: Creation complete after 1s", flush=True)
time.sleep(60)
"""


def test_ctrl_c_waits_for_terraform(tmp_path: Path) -> None:
    """Terraform, which gets the signal too, writes its state before the release ends."""
    (tmp_path / "dev").mkdir()
    program = script(tmp_path, STOPS)
    runner = (
        "import os, signal, sys; from pathlib import Path\n"
        # A suite that runs in the background has it ignored, and its children too.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from tests.infra.release.conftest import target_at\n"
        "from infra.release.terraform import Terraform\n"
        f"terraform = Terraform(target_at(None), Path({str(tmp_path / 'dev')!r}), {program!r})\n"
        "terraform.apply(lambda line: print(line, flush=True))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", runner],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "a: Creation complete after 1s\n"
        # To the whole group, as a terminal does.
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.read() == f"{program} ends what it has begun …\n"
    assert process.returncode == -signal.SIGINT
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
