"""
Which version is live, which was before, and which may go.
"""

from __future__ import annotations

import pytest

from infra.release import traffic
from infra.release.canary import shift
from infra.release.errors import NotDeployed, Refused
from infra.release.target import Target
from tests.infra.release.conftest import Watched, target_at
from tests.infra.stages import Stage


def test_back_and_no_further(stage: Stage, target: Target, watched: Watched) -> None:
    """A rollback goes to the version that was live before; a second one has nowhere to go."""
    new = stage.publish("yes")
    shift(target, new, None, watched.watch())
    assert traffic.roll_back(target, watched.lines.append) == (new, "1")
    assert stage.alias() == ("1", {})
    with pytest.raises(Refused) as refused:
        traffic.roll_back(target, watched.lines.append)
    assert str(refused.value) == (
        "expected a version that was live before 1 to go back to, came none"
    )


def test_back_past_a_refused_version(stage: Stage, target: Target, watched: Watched) -> None:
    """The number before is not what was live before, where that one was refused."""
    refused, new = stage.publish("no"), stage.publish("yes")
    with pytest.raises(Refused):
        shift(target, refused, f"{stage.function}-hook", watched.watch())
    shift(target, new, None, watched.watch())
    assert traffic.remove_superseded(target) == [int(refused)]
    assert traffic.versions(target) == [1, int(new)]
    assert traffic.roll_back(target, watched.lines.append) == (new, "1")


def test_what_is_superseded(stage: Stage, target: Target, watched: Watched) -> None:
    """The live version and the one before stay; a newer one that nobody took live stays too."""
    second, third, fourth = (stage.publish("yes") for _ in range(3))
    shift(target, second, None, watched.watch())
    shift(target, third, None, watched.watch())
    assert traffic.remove_superseded(target) == [1]
    assert traffic.versions(target) == [int(second), int(third), int(fourth)]
    assert traffic.remove_superseded(target) == []


def test_without_a_record_too_many_are_kept(stage: Stage, target: Target) -> None:
    """Where no deployment tells what was live before, the number before is kept."""
    second, third = stage.publish("yes"), stage.publish("yes")
    traffic.give_all(target, third)
    assert traffic.previous_version(target) is None
    assert traffic.remove_superseded(target) == [1]
    assert traffic.versions(target) == [int(second), int(third)]


def test_the_version_before_is_gone(stage: Stage, target: Target, watched: Watched) -> None:
    """Somebody deleted it: there is nothing to go back to."""
    new = stage.publish("yes")
    shift(target, new, None, watched.watch())
    stage.client("lambda").delete_function(FunctionName=stage.function, Qualifier="1")
    assert traffic.previous_version(target) is None


def test_a_stage_that_is_not_there(stage: Stage) -> None:
    """The error names it, and says how to get it."""
    nowhere = target_at(stage.box.url, stage="nowhere")
    with pytest.raises(NotDeployed) as refused:
        traffic.roll_back(nowhere, print)
    assert str(refused.value) == (
        "stage nowhere: expected one that is deployed, came none: "
        "python -m infra deploy --stage nowhere"
    )
