"""`lambake status | logs`: what stands, and what the function says."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from infra.cli import main
from infra.release import traffic
from infra.release.calls import call_lines
from infra.release.errors import NotDeployed, NotReady
from infra.release.status import follow_logs, outputs_of, status_lines
from infra.release.target import Target
from infra.release.terraform import Terraform
from tests.infra.cloud.clouds import URI, until
from tests.infra.cloud.stages import PROMOTED_S, Stage
from tests.infra.release.staged import stand, target_at, with_clients


def log_of(stage: Stage, group: str) -> Callable[[str, int], object]:
    """Create a log group, and return what writes a message at a time into it."""
    logs, stream = stage.client("logs"), {"logGroupName": group, "logStreamName": "s"}
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(**stream)
    return lambda message, at_ms: logs.put_log_events(
        **stream, logEvents=[{"timestamp": at_ms, "message": message}]
    )


def test_logs(
    stage: Stage, target: Target, arguments: list[str], terraform: Terraform,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Lines of the last minutes, by the function's clock; of the hook's group where asked."""
    stand(terraform)
    now_ms = int(time.time() * 1000)
    write = log_of(stage, "/aws/lambda/lambake")
    write("line\n", now_ms)
    log_of(stage, "/aws/lambda/lambake-hook")("line-hook\n", now_ms - 120_000)
    clock = time.strftime("%H:%M:%S", time.gmtime(now_ms / 1000))
    assert main(["logs", *arguments]) == 0
    assert capsys.readouterr().out == f"{clock} line\n"
    message = '{"level": "ERROR", "message": "no", "_aws": {}}\n'
    write(message, now_ms)
    assert main(["logs", *arguments]) == 0
    assert capsys.readouterr().out == f"{clock} line\n{clock} {message}"
    with pytest.MonkeyPatch.context() as patch:  # people see it shorter, and coloured
        patch.setattr(sys.stdout, "isatty", lambda: True)
        assert main(["logs", *arguments]) == 0
    assert capsys.readouterr().out == f"{clock} line\n{clock} \x1b[31mERROR no\x1b[0m\n"
    assert main(["logs", "--hook", *arguments]) == 0
    assert capsys.readouterr().out.endswith(" line-hook\n")
    assert main(["logs", "--hook", "--since", "1", *arguments]) == 0
    assert capsys.readouterr().out == ""
    for kind in ("", "-hook"):
        stage.client("logs").delete_log_group(logGroupName=f"/aws/lambda/lambake{kind}")


def test_logs_that_are_followed(stage: Stage, target: Target) -> None:
    """A line is told once, though each look finds it again; Ctrl-C ends it."""
    group = f"/aws/lambda/{stage.function}"
    write = log_of(stage, group)
    said: list[str] = []

    def sleep(_for_s: float) -> None:
        if len(said) == 2:
            raise KeyboardInterrupt
        write(f"line {len(said)}", int(time.time() * 1000))

    with pytest.raises(KeyboardInterrupt):
        follow_logs(target, group, said.append, since_s=60, follow=True, sleep=sleep)
    assert [line.split(" ", 1)[1] for line in said] == ["line 0", "line 1"]


def test_status(stage: Stage, target: Target, terraform: Terraform) -> None:
    """All that stands, a canary and a ringing alarm included; not what the checkout says."""
    stand(terraform)
    new = stage.publish("yes")
    stage.weigh(new, 0.1)
    stage.ring()
    outputs = {**terraform.outputs(), "queues": {"requests": "https://q"}, "buckets": {"in": "b"}}
    outputs |= {"auth": "jwt", "release": {"alarms": [stage.alarm]}}
    assert status_lines(target, outputs) == [
        f"function   {stage.function} in {stage.box.url}",
        "api        https://api.execute-api.us-east-1.amazonaws.com (jwt)",
        f"live       version 1, 10% to {new}",
        "before     none to roll back to",
        f"newest     version {new}, not deployed yet",
        f"image      {URI}",
        f"alarms     {stage.alarm}",
        "queue      requests: https://q",
        "bucket     in: b",
        "bulk       arn:bulk",
        "dashboard  https://dashboard",
        "!! open",
        *call_lines(target, outputs["api_url"], "jwt"),
    ]


def line_of(name: str, target: Target, terraform: Terraform) -> str:
    """Return what a line of the status says."""
    stand(terraform)
    lines = status_lines(target, terraform.outputs())
    return next(line for line in lines if line.startswith(name)).removeprefix(name).strip()


def test_what_became_of_the_newest_version(
    stage: Stage, target: Target, terraform: Terraform
) -> None:
    """It is live, or was not deployed, was refused, was rolled back from."""

    def newest() -> str:
        return line_of("newest", target, terraform)

    assert newest() == "version 1"
    assert stage.publish("no") == "2"
    assert newest() == "version 2, not deployed yet"
    refused = stage.ends(stage.deploy("1", "2"))
    assert newest() == f"version 2, refused: {refused['errorInformation']['message']}"
    assert stage.publish("yes") == "3"
    deployment = stage.deploy("1", "3", hook=False)
    until(lambda: stage.alias()[1] == {"3": 0.1})
    assert newest() == f"version 3, deployment {deployment} is under way"
    stage.clock.at_s += PROMOTED_S
    stage.ends(deployment)
    assert newest() == "version 3"
    traffic.roll_back(target, print)
    assert newest() == "version 3, rolled back from"


def test_the_image_is_the_live_ones(stage: Stage, target: Target, terraform: Terraform) -> None:
    """After a rollback the newest version's runs nowhere."""
    assert line_of("image", target, terraform) == URI
    lambdas = stage.client("lambda")
    newer = URI.replace(":1", ":2")
    lambdas.update_function_code(FunctionName=stage.function, ImageUri=newer)
    assert lambdas.publish_version(FunctionName=stage.function)["Version"] == "2"
    assert line_of("image", target, terraform) == URI
    traffic.give_all(target, "2")
    assert line_of("image", target, terraform) == newer


@pytest.mark.parametrize("cut_off", ["deploy", "destroy"])
@pytest.mark.parametrize("command", ["status", "logs"])
def test_half_of_a_stage(
    stage: Stage, arguments: list[str], terraform: Terraform, target: Target,
    capsys: pytest.CaptureFixture[str], cut_off: str, command: str,
) -> None:  # fmt: skip
    """It is told, and how to end it; a destroy leaves the outputs in the state."""
    if cut_off == "deploy":
        terraform.init()
        terraform.plan({}, only="aws_ecr_repository.images")
        terraform.apply(lambda _line: None)
    else:
        stand(terraform)
        stage.client("lambda").delete_alias(FunctionName=stage.function, Name="live")
    assert main([command, *arguments]) == 1
    count = 1 if cut_off == "deploy" else 2
    assert capsys.readouterr().err == (
        f"stage {target.stage}: expected one that is deployed, got a part of one, {count} "
        f"resources: lambake deploy --stage {target.stage}\n"
    )


def test_another_account(
    terraform: Terraform, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage of one account is not looked for in another."""
    stand(terraform)
    outputs = terraform.outputs()
    url = outputs["repository_url"].replace("123456789012", "210987654321")
    monkeypatch.setattr(Terraform, "outputs", lambda _: {**outputs, "repository_url": url})
    with pytest.raises(NotReady) as refused:
        outputs_of(target, terraform)
    assert str(refused.value) == (
        f"not ready:\n  account: expected 210987654321, where {target.name} stands, "
        "got 123456789012: go there, or take another --stage for this one"
    )


def test_no_log(stage: Stage, target: Target) -> None:
    """Somebody removed it: the error says so, and that a deployment makes it."""
    with pytest.raises(NotDeployed) as refused:
        follow_logs(target, "/aws/lambda/none", print, since_s=60, follow=True)
    assert str(refused.value) == (
        f"stage {target.stage}: expected one that is deployed, got one without the log "
        f"/aws/lambda/none: lambake deploy --stage {target.stage}"
    )


class Lines:
    """A log that has a line every hundred seconds, and one that came late."""

    def __init__(self) -> None:
        self.starts: list[int] = []

    def get_paginator(self, _operation: str) -> Any:
        """Its pages too."""
        return self

    def paginate(self, *, logGroupName: str, startTime: int) -> list[dict[str, Any]]:  # noqa: N803
        """Return a page of what is there by now, from a time on; AWS may give an empty one."""
        self.starts.append(startTime)
        now_ms = 4_000_000_000_000 + len(self.starts) * 100_000
        times = [*range(4_000_000_000_000, now_ms, 100_000), now_ms - 130_000]
        events = [
            {"eventId": str(at_ms), "timestamp": at_ms, "message": f"{at_ms}"}
            for at_ms in times
            if at_ms >= startTime
        ]
        return [{"events": []}, {"events": events}]


def test_what_is_old_is_not_asked_for_again() -> None:
    """A log that is followed for hours is read from its end, with a minute for late lines."""
    log, said = Lines(), list[str]()
    target = with_clients(target_at(None), {"logs": log})

    def sleep(_for_s: float) -> None:
        if len(log.starts) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow_logs(target, "group", said.append, since_s=0, follow=True, sleep=sleep)
    steps = [later - earlier for earlier, later in itertools.pairwise(log.starts[1:])]
    assert steps == [100_000, 100_000]
    told = [int(line.split(" ")[1]) - 4_000_000_000_000 for line in said]
    assert len(told) == len(set(told))
    assert {0, 100_000, 200_000, 300_000} <= set(told)
