"""
`python -m infra deploy | status | logs | invoke | rollback | destroy`, from their front door.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.__main__ import main
from infra.image.errors import EngineFailed
from infra.release import command
from infra.release.command import ReleaseOptions, run
from infra.release.destroy import destroy
from infra.release.errors import NotDeployed, Refused
from infra.release.preflight import Tools
from infra.release.status import api_url, follow_logs, outputs_of, status_lines
from infra.release.target import Target
from infra.release.terraform import Terraform
from tests.infra.release.conftest import FUNCTION, asked
from tests.infra.stages import Stage

DIGEST = f"sha256:{'a' * 64}"


@pytest.fixture
def arguments(stage: Stage, target: Target, tmp_path: Path) -> list[str]:
    """Name the stage, its cloud and its settings, as on a command line."""
    settings = {**target.settings, "root": str(FUNCTION.parents[1])}
    settings["aws"] = {**target.aws, "region": target.region}
    del settings["sample"]
    function = tmp_path / "function.yaml"
    function.write_text(yaml.safe_dump(settings))
    named = ["--stage", target.stage, "--simulated-cloud", stage.box.url]
    return [*named, "--function", str(function)]


@pytest.fixture
def terraform(target: Target, program: str, tmp_path: Path, monkeypatch: Any) -> Terraform:
    """Be the stage's Terraform, for the commands too."""
    made = Terraform(target, tmp_path / "dev", program, {}, tmp_path / "states")
    monkeypatch.setattr(command, "_terraform", lambda _target: made)
    tools = Tools("123456789012", program, None)
    monkeypatch.setattr(command, "found_tools", lambda *_, **__: tools)
    return made


def stand(terraform: Terraform) -> None:
    """Have it applied."""
    terraform.init()
    terraform.plan({"image_digest": DIGEST})
    terraform.apply(lambda _line: None)


def with_api(stage: Stage) -> str:
    """Give the stage an API that answers from elsewhere."""
    made = stage.client("apigatewayv2").create_api(Name=stage.function, ProtocolType="HTTP")
    return str(made["ApiEndpoint"])


def test_rollback(stage: Stage, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without Terraform; where there is nothing to go back to it says so and fails."""
    with_api(stage)
    assert main(["rollback", *arguments]) == 1
    assert capsys.readouterr().err == (
        "expected a version that was live before 1 to go back to, came none\n"
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


def test_logs(
    stage: Stage, target: Target, arguments: list[str], terraform: Terraform,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Lines of the last minutes, by the function's clock; of the hook's group where asked."""
    stand(terraform)
    logs = stage.client("logs")
    now_ms = int(time.time() * 1000)
    for kind, at_ms in (("", now_ms), ("-hook", now_ms - 120_000)):
        group = {"logGroupName": f"/aws/lambda/lambake{kind}", "logStreamName": "s"}
        logs.create_log_group(logGroupName=group["logGroupName"])
        logs.create_log_stream(**group)
        event = {"timestamp": at_ms, "message": f"line{kind}\n"}
        logs.put_log_events(**group, logEvents=[event])
    clock = time.strftime("%H:%M:%S", time.gmtime(now_ms / 1000))
    assert main(["logs", *arguments]) == 0
    assert capsys.readouterr().out == f"{clock} line\n"
    assert main(["logs", "--hook", *arguments]) == 0
    assert capsys.readouterr().out.endswith(" line-hook\n")
    assert main(["logs", "--hook", "--since", "1", *arguments]) == 0
    assert capsys.readouterr().out == ""
    for kind in ("", "-hook"):
        logs.delete_log_group(logGroupName=f"/aws/lambda/lambake{kind}")


def test_logs_that_are_followed(stage: Stage, target: Target) -> None:
    """A line is told once, though each look finds it again; Ctrl-C ends it."""
    logs = stage.client("logs")
    group = {"logGroupName": f"/aws/lambda/{stage.function}", "logStreamName": "s"}
    logs.create_log_group(logGroupName=group["logGroupName"])
    logs.create_log_stream(**group)
    said: list[str] = []

    def sleep(_for_s: float) -> None:
        if len(said) == 2:
            raise KeyboardInterrupt
        event = {"timestamp": int(time.time() * 1000), "message": f"line {len(said)}"}
        logs.put_log_events(**group, logEvents=[event])

    with pytest.raises(KeyboardInterrupt):
        follow_logs(
            target, group["logGroupName"], said.append, since_s=60, follow=True, sleep=sleep
        )
    assert [line.split(" ", 1)[1] for line in said] == ["line 0", "line 1"]


def test_status(stage: Stage, target: Target, terraform: Terraform) -> None:
    """All that stands, a canary and a ringing alarm included."""
    stand(terraform)
    new = stage.publish("yes")
    routing = {"AdditionalVersionWeights": {new: 0.1}}
    stage.client("lambda").update_alias(
        FunctionName=stage.function, Name="live", RoutingConfig=routing
    )
    stage.client("cloudwatch").set_alarm_state(
        AlarmName=stage.alarm, StateValue="ALARM", StateReason="planted"
    )
    outputs = {**terraform.outputs(), "queues": {"requests": "https://q"}, "buckets": {"in": "b"}}
    outputs["release"] = {"alarms": [stage.alarm]}
    assert status_lines(target, outputs) == [
        f"function   {stage.function} in {stage.box.url}",
        "api        https://api.execute-api.us-east-1.amazonaws.com (iam)",
        f"live       version 1, 10% to {new}",
        "before     none to roll back to",
        "newest     version 1",
        f"image      registry/lambake@{DIGEST}",
        f"alarms     {stage.alarm}",
        "queue      requests: https://q",
        "bucket     in: b",
        "bulk       arn:bulk",
        "dashboard  https://dashboard",
        "!! open",
    ]


def test_what_is_not_deployed(
    arguments: list[str], terraform: Terraform, target: Target,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Status, logs and destroy say that there is nothing, and how to get it."""
    for name in ("status", "logs", "destroy"):
        assert main([name, *arguments]) == 1
        assert capsys.readouterr().err == (
            f"stage {target.stage}: expected one that is deployed, came none: "
            f"python -m infra deploy --stage {target.stage}\n"
        )
    with pytest.raises(NotDeployed):
        api_url(target)
    with pytest.raises(NotDeployed):
        outputs_of(target, terraform)


@pytest.mark.parametrize("answer", ["", "y", "lambake-prod"])
def test_destroy_asks(
    arguments: list[str], terraform: Terraform, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """Only who types the stage's whole name removes it."""
    stand(terraform)
    monkeypatch.setattr("builtins.input", lambda _question: answer)
    assert main(["destroy", *arguments]) == 1
    assert "destroy" not in asked(terraform.folder)


def test_nobody_to_ask(
    arguments: list[str], terraform: Terraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal the answer is no."""
    stand(terraform)

    def closed(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    assert main(["destroy", *arguments]) == 1


def test_destroy(
    stage: Stage, target: Target, arguments: list[str], terraform: Terraform,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The stage goes, with its state, and a log group that came back."""
    stand(terraform)
    stage.client("logs").create_log_group(logGroupName="/aws/lambda/lambake")
    monkeypatch.setattr("builtins.input", lambda _question: target.name)
    assert main(["destroy", *arguments]) == 0
    assert capsys.readouterr().out == (
        f"{target.name}: 2 resources\n"
        "  aws_ecr_repository.images: Destruction complete after 1s\n"
        "removed: 1 ecr_repository, 1 lambda_function\n"
        "with nothing inside, and the state\n"
    )
    groups = stage.client("logs").describe_log_groups()["logGroups"]
    assert "/aws/lambda/lambake" not in [group["logGroupName"] for group in groups]
    assert not terraform.folder.exists()


def test_what_is_inside_is_said(stage: Stage, target: Target, terraform: Terraform) -> None:
    """Images and objects are counted before anybody agrees."""
    stand(terraform)
    repository = {"repositoryName": target.name}
    stage.client("ecr").create_repository(**repository)
    manifest = json.dumps({"mediaType": "m", "layers": []})
    stage.client("ecr").put_image(**repository, imageManifest=manifest, imageTag="1")
    said: list[str] = []
    assert not destroy(target, terraform, said.append, lambda _question: False)
    assert said == [f"{target.name}: 2 resources, 1 images", "nothing was removed"]


def options(arguments: list[str]) -> ReleaseOptions:
    """Read them."""
    return ReleaseOptions(Path(arguments[5]), arguments[1], arguments[3])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refused("no"), "no\n"),
        (EngineFailed(["podman", "push"], 1, "x"),
         "expected podman push to succeed, came status 1:\n  x\n"),
    ],
)  # fmt: skip
def test_errors(
    arguments: list[str], capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    """Each is one message on stderr, and the exit status 1."""

    def fail(_target: Target, _options: ReleaseOptions) -> int:
        raise error

    assert run(fail, options(arguments)) == 1
    assert capsys.readouterr().err == said


def test_ctrl_c(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment that is stopped says what becomes of it; a log is only left."""

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for name in ("deploy", "follow_logs", "outputs_of", "_job"):
        monkeypatch.setattr(command, name, stop)
    assert run(command.deploy_command, options(arguments)) == 130
    assert capsys.readouterr().err == (
        "\nstopped: a canary goes on by itself; the next deploy takes it all up\n"
    )
    assert run(command.logs_command, options(arguments)) == 130
    assert capsys.readouterr().err == "\n"


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
    job = command._job(
        Target.of(Path(arguments[5]), arguments[1], arguments[3]), options(arguments)
    )
    assert not job.agree("Apply?")
    assert asked_for == ["Apply? [y/N] "]
    monkeypatch.setattr("builtins.input", lambda _question: "Y")
    assert job.agree("Apply?")
