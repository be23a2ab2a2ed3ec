"""A version gets the traffic, or is refused, or is taken up where a deployment was cut off."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.awslambda.models import LambdaFunction

from infra.release import traffic
from infra.release.canary import Watch, shift
from infra.release.deployments import Deployment, Deployments
from infra.release.errors import Refused
from infra.release.target import Target
from tests.infra.cloud.clouds import until
from tests.infra.cloud.stages import Clock, Stage
from tests.infra.release.staged import Watched


def hook(stage: Stage) -> str:
    """Name the stage's hook."""
    return f"{stage.function}-hook"


def test_a_good_version_gets_the_traffic(stage: Stage, target: Target, watched: Watched) -> None:
    """What happens is told in the order in which it happens."""
    new = stage.publish("yes")
    assert shift(target, new, hook(stage), watched.watch())
    assert stage.alias() == (new, {})
    assert watched.lines[0].endswith(f": version 1 → {new}")
    told = [line for line in watched.lines if line.startswith("10%")]
    assert told[:3] == [
        f"10% of the traffic to version {new}, for {left} more; 1 alarms quiet"
        for left in ("5 minutes", "4 minutes", "2 minutes")
    ]
    assert watched.lines[-1] == "succeeded"


def test_the_live_version_needs_no_canary(stage: Stage, target: Target, watched: Watched) -> None:
    """Nothing is deployed, and nothing said."""
    assert not shift(target, "1", hook(stage), watched.watch())
    assert watched.lines == []
    assert stage.deployments() == []


def test_the_hook_refuses(stage: Stage, target: Target, watched: Watched) -> None:
    """The error carries what the hook had against the version, from its log."""
    group = {"logGroupName": f"/aws/lambda/{hook(stage)}"}
    stage.client("logs").create_log_group(**group)
    new = stage.publish("no")
    with pytest.raises(Refused) as refused:
        shift(target, new, hook(stage), watched.watch())
    assert str(refused.value) == (
        f"version {new} did not get the traffic, version 1 keeps it: "
        "The hook of BeforeAllowTraffic reported that it failed.\n"
        "  m 1: one: expected label = yes, got no\n"
        "  m 1: one: the same model answers differently in the previous version"
    )
    assert stage.alias() == ("1", {})
    assert watched.lines[-2:] == ["failed", "the old version gets the traffic back"]


def test_a_hook_without_a_log(
    stage: Stage, target: Target, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the hook's log cannot be read, the error says how to see it."""
    monkeypatch.setattr("infra.cloud.logs._may_create_group", lambda *_: False)
    new = stage.publish("no")
    with pytest.raises(Refused) as refused:
        shift(target, new, hook(stage), watched.watch())
    last = str(refused.value).splitlines()[-1]
    assert last == f"  lambake logs --stage {target.stage} --hook shows why"


def test_an_alarm_refuses(stage: Stage, target: Target, watched: Watched) -> None:
    """The alarm is named, and the old version has the traffic."""
    new = stage.publish("yes")
    with pytest.raises(Refused, match=f"Activated alarms: <{stage.alarm}>"):
        shift(target, new, None, watched.watch("10%", stage.ring))
    assert stage.alias() == ("1", {})


class Cut(Exception):
    """What a Ctrl-C is, without ending the tests."""


def cut_off(stage: Stage, target: Target, new: str, at: str) -> None:
    """Leave a canary when it has said something."""

    def cut() -> None:
        raise Cut

    with pytest.raises(Cut):
        shift(target, new, hook(stage), Watched(stage.clock).watch(at, cut))


@pytest.mark.parametrize("at", ["the hook", "10%"])
def test_a_canary_that_was_cut_off_is_taken_up(
    stage: Stage, target: Target, watched: Watched, at: str
) -> None:
    """The next one watches the same deployment to its end, and begins no second."""
    new = stage.publish("yes")
    cut_off(stage, target, new, at)
    assert shift(target, new, hook(stage), watched.watch())
    assert stage.alias() == (new, {})
    assert watched.lines[0].endswith(f" to version {new} is already under way")
    assert len(stage.deployments()) == 1


@pytest.mark.parametrize(
    ("passed_s", "left"),
    [(-50, "3 minutes"), (10, "3 minutes"), (130, "1 minute"), (200, "a moment")],
)
def test_what_is_left_of_a_canary(
    stage: Stage, target: Target, watched: Watched, clock: Clock, passed_s: float, left: str
) -> None:
    """Since CodeDeploy began, by its own interval: another deploy may have begun it otherwise."""
    stage.client("codedeploy").update_deployment_group(
        applicationName=stage.application, currentDeploymentGroupName="live", **stage.configure(3)
    )
    new = stage.publish("yes")
    cut_off(stage, target, new, "10%")
    watch = dataclasses.replace(watched.watch(), now_s=lambda: clock.at_s + passed_s)
    assert shift(target, new, hook(stage), watch)
    told = next(line for line in watched.lines if line.startswith("10%"))
    assert told == f"10% of the traffic to version {new}, for {left} more; 1 alarms quiet"


def test_a_canary_of_another_version_ends_first(
    stage: Stage, target: Target, watched: Watched
) -> None:
    """A newer version waits for the one under way, and follows it."""
    first, second = stage.publish("yes"), stage.publish("yes")
    cut_off(stage, target, first, "10%")
    assert shift(target, second, hook(stage), watched.watch())
    assert watched.lines[0].startswith("waiting for deployment ")
    assert stage.alias() == (second, {})
    assert traffic.previous_version(target) == first


def test_a_rollback_under_way_is_no_canary(stage: Stage, target: Target, watched: Watched) -> None:
    """Its AppSpec may name the refused version; that it succeeds does not make that one live."""
    new = stage.publish("no")
    cut_off(stage, target, new, "the old version gets")
    with pytest.raises(Refused, match="The hook of BeforeAllowTraffic"):
        shift(target, new, hook(stage), watched.watch())
    assert stage.alias() == ("1", {})


def test_a_share_that_nobody_moves(stage: Stage, target: Target, watched: Watched) -> None:
    """Weights without a deployment are taken back before a new one begins."""
    new = stage.publish("yes")
    stage.weigh(new, 0.5)
    assert not shift(target, "1", None, watched.watch())
    assert watched.lines == ["no deployment moves the traffic: version 1 gets all of it back"]
    assert stage.alias() == ("1", {})


def starting(monkeypatch: pytest.MonkeyPatch, version: str, *states: dict[str, str]) -> list[Any]:
    """Let Lambda tell these states of a version, one after the other; return those left."""
    original, left = LambdaFunction.get_configuration, list(states)

    def told(self: Any, *more: Any, **options: Any) -> dict[str, Any]:
        told: dict[str, Any] = original(self, *more, **options)
        return told | left.pop(0) if told["Version"] == version and left else told

    monkeypatch.setattr(LambdaFunction, "get_configuration", told)
    return left


def test_a_version_that_never_starts(
    stage: Stage, target: Target, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot that fails ends the release before any deployment, and says Lambda's reason."""
    new = stage.publish("yes")
    starting(monkeypatch, new, {"State": "Failed", "StateReason": "init exited"})
    with pytest.raises(Refused) as refused:
        shift(target, new, None, watched.watch())
    assert str(refused.value) == (f"version {new}: expected it to become active: init exited")
    assert stage.deployments() == []


def test_a_version_that_takes_its_time(
    stage: Stage, target: Target, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for, and said once, before any deployment; SnapStart takes minutes."""
    new = stage.publish("yes")
    pending = {"State": "Pending"}
    left = starting(monkeypatch, new, pending, pending, {"State": "Active"})
    assert shift(target, new, None, watched.watch())
    assert left == []
    assert watched.lines[0] == f"waiting until Lambda has version {new} ready"
    assert watched.lines[1].endswith(f": version 1 → {new}")


def test_two_deploys_at_once(stage: Stage, target: Target, watched: Watched) -> None:
    """CodeDeploy allows one: the slower of two watches the deployment of the faster."""
    new = stage.publish("yes")
    begun: list[str] = []

    class Slower(Deployments):
        """Look before the other has begun, and begin after it."""

        def create(self, *arguments: Any) -> Deployment | None:
            begun.append(stage.deploy("1", new, hook=False))
            return super().create(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infra.release.canary.Deployments", Slower)
        assert shift(target, new, None, watched.watch())
    assert watched.lines[0] == f"deployment {begun[0]} to version {new} is already under way"
    assert stage.deployments() == begun


def test_before_a_deployment_has_started(
    stage: Stage, target: Target, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CodeDeploy refuses to tell of targets until then; that is no failure."""
    new = stage.publish("yes")
    client = target.client("codedeploy")
    original, refusals = client.list_deployment_targets, [1, 2]

    def listed(**options: Any) -> Any:
        if refusals:
            refusals.pop()
            raise ClientError({"Error": {"Code": "DeploymentNotStartedException"}}, "List")
        return original(**options)

    monkeypatch.setattr(client, "list_deployment_targets", listed)
    assert shift(target, new, None, watched.watch())
    assert refusals == []


def test_a_stop_that_rolls_nothing_back(stage: Stage, target: Target, watched: Watched) -> None:
    """A share that CodeDeploy leaves behind is taken back: what the error says is true."""
    new = stage.publish("yes")

    def stop() -> None:
        (running,) = stage.deployments()
        stage.client("codedeploy").stop_deployment(deploymentId=running)

    with pytest.raises(Refused, match="version 1 keeps it: The deployment was stopped by a user"):
        shift(target, new, None, watched.watch("10%", stop))
    assert watched.lines[-1] == "no deployment moves the traffic: version 1 gets all of it back"
    assert stage.alias() == ("1", {})


def test_what_a_deployment_carries(stage: Stage, target: Target) -> None:
    """The AppSpec with its digest, as the AWS CLI's; one made by hand may be YAML, or anything."""
    new = stage.publish("yes")
    made = Deployments(target).create("1", new, None)
    assert made is not None
    assert (made.current, made.target) == ("1", new)
    carried = stage.info(made.identifier)["revision"]["appSpecContent"]
    assert carried["sha256"] == hashlib.sha256(carried["content"].encode()).hexdigest()
    info = {"deploymentId": "d", "status": "Succeeded", "createTime": made.created}
    yaml = "Resources:\n- f:\n    Properties: {CurrentVersion: 1, TargetVersion: 2}\n"
    for content, versions in ((yaml, ("1", "2")), ("[", ("", "")), ("1", ("", "")), ("", ("", ""))):
        one = Deployment.of({**info, "revision": {"string": {"content": content}}})
        assert (one.current, one.target) == versions


def test_the_traffic_goes_elsewhere(stage: Stage, target: Target, watched: Watched) -> None:
    """A deployment that succeeded while somebody moved the alias is no success."""
    new = stage.publish("yes")
    watch = watched.watch("succeeded", lambda: traffic.give_all(target, "1"))
    with pytest.raises(Refused) as refused:
        shift(target, new, None, watch)
    assert str(refused.value) == f"expected version {new} to have the traffic, it is 1's"


def test_a_rollback_stops_a_canary(stage: Stage, target: Target, watched: Watched) -> None:
    """Another terminal rolls back: the traffic is the old version's, and the deploy says why."""
    new = stage.publish("yes")
    said: list[str] = []
    seen: list[BaseException] = []

    def release() -> None:
        try:
            shift(target, new, None, Watch(watched.lines.append, time.sleep, 0.1))
        except Refused as error:
            seen.append(error)

    thread = threading.Thread(target=release)
    thread.start()
    until(lambda: stage.alias()[1] == {new: 0.1})
    assert traffic.roll_back(target, said.append) == (new, "1")
    thread.join()
    assert stage.alias() == ("1", {})
    assert said[0].startswith("stopping deployment ")
    assert [str(error) for error in seen] == [
        f"version {new} did not get the traffic, version 1 keeps it: "
        "The deployment was stopped by a user."
    ]
