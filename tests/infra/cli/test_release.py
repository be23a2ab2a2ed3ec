"""`lambake deploy | status | logs | invoke | rollback | destroy`, from their front door."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from botocore.exceptions import ClientError

from infra.cli import deploy, main, rollback
from infra.cli.exits import UNHEARD
from infra.containers import ContainerToolFailed
from infra.release import traffic
from infra.release.calls import call_lines
from infra.release.errors import NotDeployed, Refused
from infra.release.status import api_url, outputs_of
from infra.release.target import Target
from infra.release.terraform import Terraform
from tests import ROOT
from tests.infra.cloud.stages import Stage

DIGEST = f"sha256:{'a' * 64}"


def with_api(stage: Stage) -> str:
    """Give the stage an API that answers from elsewhere."""
    made = stage.client("apigatewayv2").create_api(Name=stage.function, ProtocolType="HTTP")
    return str(made["ApiEndpoint"])


def test_rollback(stage: Stage, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without Terraform; where there is nothing to go back to it says so and fails."""
    with_api(stage)
    assert main(["rollback", *arguments]) == 1
    assert capsys.readouterr().err == (
        "expected a version that was live before 1 to go back to, got none: "
        "deploy the commit that was\n"
    )


def test_rollback_of_a_canary(
    stage: Stage, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which version lost the traffic, and tries the one that has it."""
    with_api(stage)
    new = stage.publish("yes")
    deployment = stage.deploy("1", new, hook=False)
    assert main(["rollback", *arguments]) == 0
    assert capsys.readouterr().out == (
        f"stopping deployment {deployment}\n"
        f"version {new} → 1\n"
        "not tried: function.yaml has no sample\n"
    )


def test_invoke(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`--stage` invokes the alias in the cloud; the exit status tells a failed one."""
    payload = json.dumps({"model": "m", "rows": [[1]]})
    assert main(["invoke", payload, *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["function_version"] == "1"
    assert main(["invoke", "{}", *arguments]) == 1
    assert json.loads(capsys.readouterr().out)["errorType"] == "KeyError"


def test_what_is_not_deployed(
    arguments: list[str], terraform: Terraform, target: Target,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Status, logs and destroy say that there is nothing, and how to get it."""
    for name in ("status", "logs", "destroy"):
        assert main([name, *arguments]) == 1
        assert capsys.readouterr().err == (
            f"stage {target.stage}: expected one that is deployed, got none: "
            f"lambake deploy --stage {target.stage}\n"
        )
    with pytest.raises(NotDeployed):
        api_url(target)
    with pytest.raises(NotDeployed):
        outputs_of(target, terraform)


def failing(error: BaseException) -> Callable[..., NoReturn]:
    """A part of a command that fails."""

    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refused("no"), "no\n"),
        (ContainerToolFailed(["podman", "push"], 1, "x"),
         "expected podman push to succeed, got status 1:\n  x\n"),
    ],
)  # fmt: skip
def test_errors(
    arguments: list[str], capsys: pytest.CaptureFixture[str], error: Exception, said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Each is one message on stderr, and the exit status 1."""
    monkeypatch.setattr(traffic, "roll_back", failing(error))
    assert main(["rollback", *arguments]) == 1
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plan", "\nstopped: nothing was changed\n"),
        ("deploy", "\nstopped: nothing was changed\n"),
        ("rollback", "\nstopped: lambake status shows which version has the traffic\n"),
        ("destroy", "\nstopped: the next destroy removes the rest\n"),
        ("logs", "\n"),
    ],
)
def test_ctrl_c(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    name: str, said: str,
) -> None:  # fmt: skip
    """One line says what stands; a log is only left."""
    monkeypatch.setattr(Target, "of", failing(KeyboardInterrupt()))
    assert main([name, *arguments]) == 130
    assert capsys.readouterr().err == said


def test_ctrl_c_in_the_middle(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a deployment says of itself is what is told."""
    stopped = KeyboardInterrupt("half of it stands")
    monkeypatch.setattr("infra.release.deploy.deploy", failing(stopped))
    assert main(["deploy", *arguments]) == 130
    assert capsys.readouterr().err == "\nstopped: half of it stands\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_kill_is_a_ctrl_c(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that is closed too, unless nohup has it ignored; afterwards all is as before."""

    def killed(*_: object) -> int:
        os.kill(os.getpid(), number)
        return 0

    monkeypatch.setattr(rollback, "run", killed)
    before = signal.getsignal(number)
    signal.signal(number, signal.SIG_DFL)
    try:
        assert main(["rollback"]) == 130
        assert signal.getsignal(number) == signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN)
        assert main(["rollback"]) == 0
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_nobody_reads() -> None:
    """`logs | head` ends without a word, at the interpreter's end too."""
    read, write = os.pipe()
    os.close(read)
    code = (
        "import sys\n"
        "from infra.cli import logs, main, stage\n"
        "def many(_):\n"
        "    while True: stage.say('line')\n"
        "logs.run = many\n"
        "sys.exit(main(['logs']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (UNHEARD, b"")


def test_what_aws_refuses(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, with its remedy."""
    error = ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "GetAlias"
    )
    monkeypatch.setattr(traffic, "roll_back", failing(error))
    assert main(["rollback", *arguments]) == 1
    assert capsys.readouterr().err == (
        "An error occurred (AccessDeniedException) when calling the GetAlias operation: "
        "not authorized: who administers the account can grant it\n"
    )


def test_deploy_asks(
    arguments: list[str], terraform: Terraform, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], stage: Stage,
) -> None:  # fmt: skip
    """`deploy` shows the plan first; whoever says no, or nothing, gets nothing."""
    with pytest.raises(SystemExit):
        main(["deploy", "--stage"])
    asked_for: list[str] = []

    def answer(question: str) -> str:
        asked_for.append(question)
        return ""

    monkeypatch.setattr("builtins.input", answer)
    target = Target.of(Path(arguments[5]), arguments[1], arguments[3])
    job = deploy.job_of(target, deploy.Options())
    assert not job.agree("Apply?")
    assert asked_for == ["Apply? [y/N] "]
    monkeypatch.setattr("builtins.input", lambda _question: "Y")
    assert job.agree("Apply?")


def test_deploy_ends_with_how_to_call_it(
    stage: Stage, target: Target, arguments: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What it prints last can be pasted: here the line that invokes."""
    url = with_api(stage)
    monkeypatch.setattr("infra.release.deploy.deploy", lambda _job: True)
    assert main(["deploy", *arguments]) == 0
    read = Target.of(Path(arguments[5]), target.stage, target.simulated)
    lines = capsys.readouterr().out.splitlines()
    assert lines == call_lines(read, url, "iam")
    program, *words = shlex.split(lines[-1])
    assert program == ".venv/bin/lambake"
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "iris"
