"""Which version is live, which was before, and which may go."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from infra.release import traffic
from infra.release.canary import shift
from infra.release.deployments import Deployment, Deployments
from infra.release.errors import NotDeployed, Refused
from infra.release.target import Target
from tests.infra.cloud.stages import Stage
from tests.infra.release.staged import Watched, target_at


def test_back_and_no_further(stage: Stage, target: Target, watched: Watched) -> None:
    """A rollback goes to the version that was live before; a second one has nowhere to go."""
    new = stage.publish("yes")
    shift(target, new, None, watched.watch())
    assert traffic.roll_back(target, watched.lines.append) == (new, "1")
    assert stage.alias() == ("1", {})
    with pytest.raises(Refused) as refused:
        traffic.roll_back(target, watched.lines.append)
    assert str(refused.value) == (
        "expected a version that was live before 1 to go back to, got none: "
        "deploy the commit that was"
    )


def test_back_past_a_refused_version(stage: Stage, target: Target, watched: Watched) -> None:
    """The number before is not what was live before, where that one was refused."""
    refused, new = stage.publish("no"), stage.publish("yes")
    with pytest.raises(Refused):
        shift(target, refused, f"{stage.function}-hook", watched.watch())
    shift(target, new, None, watched.watch())
    assert traffic.remove_superseded(target, print) == [int(refused)]
    assert traffic.versions(target) == [1, int(new)]
    assert traffic.roll_back(target, watched.lines.append) == (new, "1")


def test_what_is_superseded(stage: Stage, target: Target, watched: Watched) -> None:
    """The live version and the one before stay; a newer one that nobody took live stays too."""
    second, third, fourth = (stage.publish("yes") for _ in range(3))
    shift(target, second, None, watched.watch())
    shift(target, third, None, watched.watch())
    assert traffic.remove_superseded(target, print) == [1]
    assert traffic.versions(target) == [int(second), int(third), int(fourth)]
    assert traffic.remove_superseded(target, print) == []


def test_without_a_record_too_many_are_kept(stage: Stage, target: Target) -> None:
    """Where no deployment tells what was live before, the number before is kept."""
    second, third = stage.publish("yes"), stage.publish("yes")
    traffic.give_all(target, third)
    assert traffic.previous_version(target) is None
    assert traffic.remove_superseded(target, print) == [1]
    assert traffic.versions(target) == [int(second), int(third)]


def test_the_version_before_is_gone(stage: Stage, target: Target, watched: Watched) -> None:
    """Somebody deleted it: there is nothing to go back to."""
    new = stage.publish("yes")
    shift(target, new, None, watched.watch())
    stage.client("lambda").delete_function(FunctionName=stage.function, Qualifier="1")
    assert traffic.previous_version(target) is None


def test_only_what_was_deployed_since_is_read(
    stage: Stage, target: Target, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group's deployments are never forgotten; the live version's are the last of them."""
    for _ in range(2):
        shift(target, stage.publish("yes"), None, watched.watch())
        time.sleep(1.0 - time.time() % 1)  # CodeDeploy is asked in whole seconds
    new = stage.publish("yes")
    shift(target, new, None, watched.watch())
    read: list[Deployment] = []
    listed = Deployments.of_statuses

    def reading(self: Deployments, statuses: list[str], *, since: datetime) -> list[Deployment]:
        found = listed(self, statuses, since=since)
        read.extend(found)
        return found

    monkeypatch.setattr(Deployments, "of_statuses", reading)  # all of them are never asked for
    assert traffic.previous_version(target) == "3"
    assert len(read) == 1


def test_a_time_that_misleads(
    stage: Stage, target: Target, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda says when a version was changed last, not for ever when it was published."""
    shift(target, stage.publish("yes"), None, watched.watch())
    monkeypatch.setattr(traffic, "_published_at", lambda *_: datetime.now(UTC) + timedelta(1))
    assert traffic.previous_version(target) == "1"


def test_a_stage_that_is_not_there(stage: Stage) -> None:
    """The error names it, and says how to get it."""
    nowhere = target_at(stage.box.url, stage="nowhere")
    with pytest.raises(NotDeployed) as refused:
        traffic.roll_back(nowhere, print)
    assert str(refused.value) == (
        "stage nowhere: expected one that is deployed, got none: lambake deploy --stage nowhere"
    )


def test_back_while_it_goes_back_already(stage: Stage, target: Target, watched: Watched) -> None:
    """A canary that an alarm stopped is not a reason to go back twice."""
    second, third = stage.publish("yes"), stage.publish("yes")
    shift(target, second, None, watched.watch())
    # CodeDeploy has stopped the canary of the third, and its rollback has not begun.
    traffic.give_all(target, second)
    stage.weigh(third, 0.1)
    assert traffic.roll_back(target, watched.lines.append) == (third, second)
    assert stage.alias() == (second, {})


def test_back_from_a_canary_that_has_just_ended(
    stage: Stage, target: Target, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promoted between the look and the stop: what is live now is gone back from."""
    new = stage.publish("yes")
    running = Deployments(target).create("1", new, None)

    def promoted(_self: Deployments, identifier: str) -> bool:
        stage.clock.at_s += 300
        stage.ends(identifier)
        return stopped(_self, identifier)

    stopped = Deployments.stop
    monkeypatch.setattr(Deployments, "stop", promoted)
    said: list[str] = []
    assert traffic.roll_back(target, said.append) == (new, "1")
    assert running is not None
    assert said == [f"stopping deployment {running.identifier}"]
    assert stage.alias() == ("1", {})


def test_a_version_that_somebody_uses(stage: Stage, target: Target, watched: Watched) -> None:
    """An alias made by hand keeps its version, and the release goes on."""
    second, third, _ = (stage.publish("yes") for _ in range(3))
    shift(target, second, None, watched.watch())
    shift(target, third, None, watched.watch())
    stage.client("lambda").create_alias(
        FunctionName=stage.function, Name="somebodys", FunctionVersion="1"
    )
    said: list[str] = []
    assert traffic.remove_superseded(target, said.append) == []
    assert said == ["version 1 stays: an alias of somebody else's is on it"]


def test_publish_once(stage: Stage, target: Target) -> None:
    """A function that has not changed since has the version that it had."""
    assert traffic.publish(target) == "1"
    second = stage.publish("yes")
    assert traffic.publish(target) == second
