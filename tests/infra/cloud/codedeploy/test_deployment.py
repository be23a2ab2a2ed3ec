"""One deployment, played by hand: the clock, the hooks and the alarms are the test's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from infra.cloud.codedeploy.deployment import (
    HOOK_LIMIT_S,
    LambdaDeployment,
    Rules,
    rollback_of,
    target_of,
)
from infra.cloud.codedeploy.revision import Revision, RevisionError, revision_of
from infra.cloud.codedeploy.traffic import Shift, predefined_shift, shift_of, weight_at

CANARY = Shift(0.1, 300.0)
PLAIN = Revision("fn", "live", "1", "2")
HOOKED = Revision(
    "fn", "live", "1", "2", {"BeforeAllowTraffic": "hook", "AfterAllowTraffic": "too"}
)
EVERYTHING = frozenset(
    {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"}
)


@dataclass
class Recorded:
    """Write down what a deployment does, and raise the alarms that a test wants."""

    weights: list[tuple[str, float]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def weigh(self, _revision: Revision, version: str, weight: float) -> None:
        self.weights.append((version, weight))

    def call(self, function: str, payload: dict[str, str]) -> None:
        self.calls.append((function, payload))

    def alarms_of(self, names: Sequence[str]) -> list[str]:
        return [name for name in self.alarms if name in names]


def deployment(revision: Revision = PLAIN, **rules: object) -> LambdaDeployment:
    """Make a canary's deployment that rolls back on everything."""
    given = {"shift": CANARY, "rolls_back_on": EVERYTHING, "alarms": ("errors",)} | rules
    return LambdaDeployment("d-1", revision, Rules(**given))  # type: ignore[arg-type]


def started(revision: Revision = PLAIN, **rules: object) -> tuple[LambdaDeployment, Recorded]:
    """Make one that has taken its first steps, at 0."""
    playing, places = deployment(revision, **rules), Recorded()
    playing.advance(0.0, places)
    return playing, places


def statuses(playing: LambdaDeployment) -> list[str]:
    """List its steps' statuses."""
    return [event.status for event in playing.events]


def test_a_canary_gets_a_tenth_then_all() -> None:
    """A tenth at once, all of it after the interval, and not a second before."""
    playing, places = deployment(), Recorded()
    playing.advance(1000.0, places)
    assert (playing.status, places.weights) == ("InProgress", [("2", 0.1)])
    playing.advance(1299.9, places)
    assert (playing.status, places.weights) == ("InProgress", [("2", 0.1)])
    playing.advance(1300.0, places)
    assert (playing.status, places.weights) == ("Succeeded", [("2", 0.1), ("2", 1.0)])
    assert statuses(playing) == ["Skipped", "Succeeded", "Skipped"]
    assert (playing.started_s, playing.ended_s) == (1000.0, 1300.0)


def test_no_traffic_before_the_hook_has_spoken() -> None:
    """The hook is called once, with both ids, and nothing moves until it has reported."""
    playing, places = deployment(HOOKED), Recorded()
    for now_s in (0.0, 1.0, 2.0):
        playing.advance(now_s, places)
    execution = playing.events[0].execution_id
    payload = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": execution}
    assert (places.calls, places.weights) == ([("hook", payload)], [])
    assert playing.report(execution, "Succeeded", 3.0)
    playing.advance(3.0, places)
    assert places.weights == [("2", 0.1)]
    playing.advance(303.0, places)
    assert [function for function, _ in places.calls] == ["hook", "too"]
    assert playing.status == "InProgress"
    assert playing.report(playing.events[2].execution_id, "Succeeded", 304.0)
    playing.advance(304.0, places)
    assert (playing.status, statuses(playing)) == ("Succeeded", ["Succeeded"] * 3)


def test_a_hook_that_says_no_ends_it() -> None:
    """The deployment has failed, no traffic was shifted, and a rollback has to follow."""
    playing, places = started(HOOKED)
    assert playing.report(playing.events[0].execution_id, "Failed", 5.0)
    playing.advance(5.0, places)
    assert playing.status == "Failed"
    assert playing.error == {
        "code": "HOOK_EXECUTION_FAILURE",
        "message": "The hook of BeforeAllowTraffic reported that it failed.",
    }
    assert statuses(playing) == ["Failed", "Skipped", "Skipped"]
    assert places.weights == []
    assert playing.rolls_back


def test_a_hook_that_says_nothing_has_failed_after_an_hour() -> None:
    """An hour of silence is a no; a second less is none."""
    playing, places = started(HOOKED)
    playing.advance(HOOK_LIMIT_S - 1, places)
    assert playing.status == "InProgress"
    playing.advance(HOOK_LIMIT_S, places)
    assert playing.status == "Failed"


def test_a_hook_is_heard_once() -> None:
    """A second word, a wrong id and an empty one are not taken."""
    playing = deployment(HOOKED)
    assert not playing.report("", "Succeeded", 0.0)
    playing.advance(0.0, Recorded())
    execution = playing.events[0].execution_id
    assert not playing.report("another", "Succeeded", 1.0)
    assert playing.report(execution, "Succeeded", 1.0)
    assert not playing.report(execution, "Failed", 2.0)


@pytest.mark.parametrize(
    ("events", "back"),
    [(EVERYTHING, True), (frozenset(), False), (frozenset({"DEPLOYMENT_FAILURE"}), False)],
)
def test_an_alarm_stops_it(events: frozenset[str], back: bool) -> None:
    """An alarm of the group does, another does not; the traffic goes back where the group says."""
    playing, places = started(rolls_back_on=events)
    places.alarms = ["somebody else's"]
    playing.advance(1.0, places)
    assert playing.status == "InProgress"
    places.alarms = ["errors"]
    playing.advance(10.0, places)
    assert (playing.status, playing.error["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert playing.error["message"].endswith("Activated alarms: <errors>")
    assert playing.rolls_back is back


@pytest.mark.parametrize("asked", [True, False])
def test_stopped_by_hand(asked: bool) -> None:
    """A stop rolls back if it says so, or if the group does."""
    playing, _ = started(rolls_back_on=frozenset())
    playing.stop(1.0, roll_back=asked)
    assert (playing.status, playing.error["code"]) == ("Stopped", "MANUAL_STOP")
    assert playing.rolls_back is asked


def test_a_rollback_gives_the_traffic_back_at_once() -> None:
    """It has no hooks, no canary and no alarms, and is itself not rolled back."""
    places = Recorded(alarms=["errors"])
    back = rollback_of(deployment(HOOKED), "d-2")
    back.advance(0.0, places)
    assert (back.status, places.weights, places.calls) == ("Succeeded", [("1", 1.0)], [])


def test_an_ended_deployment_stays_as_it_is() -> None:
    """Later alarms change nothing any more."""
    playing, places = started(shift=Shift())
    assert playing.status == "Succeeded"
    places.alarms = ["errors"]
    playing.advance(1.0, places)
    assert playing.status == "Succeeded"


def test_what_is_told_of_its_target() -> None:
    """The weight and each step, as BatchGetDeploymentTargets spells them."""
    playing = deployment()
    playing.advance(7.0, Recorded())
    told = target_of(playing)
    assert (told["targetId"], told["status"]) == ("fn:live", "InProgress")
    assert told["lambdaFunctionInfo"]["targetVersionWeight"] == 0.1
    assert told["lifecycleEvents"][1] == {
        "lifecycleEventName": "AllowTraffic",
        "status": "InProgress",
        "startTime": 7.0,
        "endTime": None,
    }


@pytest.mark.parametrize(
    ("name", "shift"),
    [
        ("CodeDeployDefault.LambdaAllAtOnce", Shift()),
        ("CodeDeployDefault.LambdaCanary10Percent5Minutes", CANARY),
        ("CodeDeployDefault.LambdaCanary10Percent30Minutes", Shift(0.1, 1800.0)),
        ("CodeDeployDefault.LambdaLinear10PercentEvery1Minute", Shift(0.1, 60.0, canary=False)),
        ("CodeDeployDefault.LambdaLinear10PercentEvery10Minutes", Shift(0.1, 600.0, canary=False)),
        ("CodeDeployDefault.OneAtATime", None),
    ],
)
def test_predefined_configurations(name: str, shift: Shift | None) -> None:
    """The name says how the traffic moves."""
    assert predefined_shift(name) == shift


def test_own_configurations() -> None:
    """A TrafficRoutingConfig says it too."""
    canary = {"timeBasedCanary": {"canaryPercentage": 25, "canaryInterval": 2}}
    linear = {"timeBasedLinear": {"linearPercentage": 50, "linearInterval": 1}}
    assert shift_of(canary) == Shift(0.25, 120.0)
    assert shift_of(linear) == Shift(0.5, 60.0, canary=False)
    assert shift_of({"type": "AllAtOnce"}) == Shift()


def test_linear_shifts_step_by_step() -> None:
    """A third, two, and never more than all."""
    third = Shift(0.34, 60.0, canary=False)
    assert [weight_at(third, at) for at in (0, 59, 60, 120, 600)] == [0.34, 0.34, 0.68, 1.0, 1.0]


TYPE = "AWS::Lambda::Function"
RESOURCE = """{"fn": {"Type": "AWS::Lambda::Function", "Properties":
  {"Name": "fn", "Alias": "live", "CurrentVersion": "1", "TargetVersion": 2}}}"""


def location(content: str) -> dict[str, object]:
    """Carry an AppSpec as CreateDeployment does."""
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}


def test_an_app_spec_is_read() -> None:
    """Function, alias, versions and hooks, from JSON or YAML."""
    hooks = '[{"BeforeAllowTraffic": "hook"}]'
    found = revision_of(location(f'{{"Resources": [{RESOURCE}], "Hooks": {hooks}}}'))
    assert found == Revision("fn", "live", "1", "2", {"BeforeAllowTraffic": "hook"})
    yaml = location(f"version: 0.0\nResources:\n  - {RESOURCE}")
    assert revision_of(yaml) == Revision("fn", "live", "1", "2")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "appSpecContent: expected JSON or YAML, got neither"),
        ("", "Resources: expected a list of one function, got something else"),
        ('{"Resources": []}', "Resources: expected a list of one function, got something else"),
        (
            '{"Resources": [{"s": {"Type": "AWS::ECS::Service"}}]}',
            "Resources[0].Type: expected AWS::Lambda::Function, got another",
        ),
        (
            f'{{"Resources": [{{"f": {{"Type": "{TYPE}", "Properties": {{"Name": "f"}}}}}}]}}',
            "Properties: expected Name, Alias, CurrentVersion, TargetVersion, got no Alias",
        ),
    ],
)
def test_a_broken_app_spec(content: str, message: str) -> None:
    """Each is refused, and says what was expected."""
    with pytest.raises(RevisionError) as refused:
        revision_of(location(content))
    assert str(refused.value) == message
