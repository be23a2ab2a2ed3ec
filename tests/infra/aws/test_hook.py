"""The pre-traffic hook's judgement: what a new version must answer before it gets any traffic."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from infra.aws import hook

INACTIVE = ClientError({"Error": {"Code": "ResourceConflictException"}}, "Invoke")
SLOW = ReadTimeoutError(endpoint_url="https://lambda.example")

Answer = dict[str, Any] | Exception | str | bytes


def said(label: str, *, version: str = "1", share: float = 1.0) -> dict[str, Any]:
    """Spell an answer of one prediction."""
    probabilities = {"yes": 0.0, "no": 0.0, label: share}
    return {"version": version, "predictions": [{"label": label, "probabilities": probabilities}]}


GOLDEN = [
    {
        "payload": {"model": "m", "version": "1", "rows": [[1]]},
        "tolerance": 0.01,
        "cases": [
            {"name": "one", "answer": {"label": "yes", "probabilities": {"yes": 1.0, "no": 0.0}}}
        ],
    }
]


class Functions:
    """Answer by version."""

    def __init__(self, **versions: Answer) -> None:
        self._versions = versions
        self.asked: list[str] = []

    def invoke(self, FunctionName: str, Qualifier: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        """Answer as Lambda does."""
        assert (FunctionName, json.loads(Payload)) == ("f", GOLDEN[0]["payload"])
        self.asked.append(Qualifier)
        answer = self._versions[f"v{Qualifier}"]
        if answer in (INACTIVE, SLOW):
            raise answer
        if isinstance(answer, Exception):
            told = {"errorMessage": str(answer), "errorType": "Error"}
            return {"Payload": io.BytesIO(json.dumps(told).encode()), "FunctionError": "Unhandled"}
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return {"Payload": io.BytesIO(body)}


OTHERWISE = "m 1: one: the same model answers differently in the previous version"
CASES: dict[str, tuple[Answer, Answer, list[str]]] = {
    "the same": (said("yes"), said("yes"), []),
    "within the tolerance": (said("yes", share=0.995), said("yes"), []),
    "another label": (said("no"), said("no"), ["m 1: one: expected label = yes, got no"]),
    "another label than before": (
        said("no"),
        said("yes"),
        ["m 1: one: expected label = yes, got no", OTHERWISE],
    ),
    "other probabilities": (
        said("yes", share=0.9),
        said("yes", share=0.9),
        ["m 1: one: expected probabilities.yes = 1.0, got 0.9"],
    ),
    "the old one was wrong": (said("yes"), said("no"), [OTHERWISE]),
    "the old one had another version": (said("yes"), said("no", version="0"), []),
    "the old one fails": (said("yes"), ValueError("no such model"), []),
    "it fails": (
        ValueError("init " + "x" * 400),
        said("yes"),
        [f"m 1: version 2 failed: init {'x' * 295}"],
    ),
    "the old one is asleep": (said("yes"), INACTIVE, []),
    "it is asleep": (INACTIVE, said("yes"), [f"m 1: version 2 gave no answer: {INACTIVE}"]),
    "it is too slow": (SLOW, said("yes"), [f"m 1: version 2 gave no answer: {SLOW}"]),
    "no JSON": (
        b"<html>",
        said("yes"),
        ["m 1: version 2 gave no answer: Expecting value: line 1 column 1 (char 0)"],
    ),
    "no predictions": (
        {"message": "hello"},
        said("yes"),
        ["m 1: expected predictions from version 2, got something else"],
    ),
    "no object": (
        "hello",
        said("yes"),
        ["m 1: expected predictions from version 2, got something else"],
    ),
    "too few": (
        {"version": "1", "predictions": []},
        said("yes"),
        ["m 1: expected 1 predictions, got 0"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_it_has_against_a_version(name: str) -> None:
    """Golden vectors first, then the version that has the traffic, where that is a measure."""
    new, old, complaints = CASES[name]
    client = Functions(v1=old, v2=new)
    assert hook.complaints_about(client, "f", "1", "2", golden=GOLDEN) == complaints


@pytest.mark.parametrize(
    ("expected", "got", "difference"),
    [
        ({"value": 1383.6}, {"value": 1383.7}, ""),
        ({"value": 1383.6}, {"value": 1399.7}, "expected value = 1383.6, got 1399.7"),
        ({"value": 1.0}, {"value": float("nan")}, "expected value = 1.0, got nan"),
        ({"value": 1.0}, {"value": None}, "expected value = 1.0, got None"),
        ({"outputs": {"a": [[1.0, 2.0]]}}, {"outputs": {"a": [[1.0, 2.0]]}}, ""),
        (
            {"outputs": {"a": [1.0, 2.0]}},
            {"outputs": {"a": [1.0]}},
            "expected outputs.a. = 2 list, got 1 list",
        ),
        ({"p": {"x": 1.0, "y": 0.002}}, {"p": {"x": 1.0, "z": 0.003}}, ""),
        (
            {"p": {"x": 1.0, "y": 0.2}},
            {"p": {"x": 1.0, "z": 0.0}},
            "expected p.y = 0.2, got nothing",
        ),
        ({"a": 3, "b": 900}, {"a": 4, "b": 900}, "expected a = 3, got 4"),
        ({"a": "x"}, {"a": "x", "b": 1}, "expected  = 1 dict, got 2 dict"),
    ],
)
def test_answers_of_any_task_are_compared(expected: Any, got: Any, difference: str) -> None:
    """Key by key, numbers up to a part of the largest: the hook knows no labels."""
    assert hook.difference_of(expected, got, 0.01) == difference


def test_a_first_version_has_none_before() -> None:
    """It is asked once, and compared with the golden vectors alone."""
    client = Functions(v1=said("yes"))
    assert hook.complaints_about(client, "f", "1", "1", golden=GOLDEN) == []
    assert client.asked == ["1"]


@pytest.mark.parametrize(("answer", "asked"), [(said("no"), ["2", "1"]), (SLOW, ["2"])])
def test_ten_complaints_are_enough(answer: Answer, asked: list[str]) -> None:
    """A model that is all wrong does not fill the log; a version that fails is not asked on."""
    client = Functions(v1=answer, v2=answer)
    assert len(hook.complaints_about(client, "f", "1", "2", golden=GOLDEN * 30)) == 10
    assert client.asked == asked * 10


def test_it_stops_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not asked for is reported, not waited for until Lambda ends the hook."""
    times = iter([0.0, 0.0, hook.IN_TIME_S])
    monkeypatch.setattr(hook, "time", SimpleNamespace(monotonic=lambda: next(times)))
    client = Functions(v1=INACTIVE, v2=said("yes"))
    assert hook.complaints_about(client, "f", "1", "2", golden=GOLDEN * 5) == [
        "expected all answers within 400 s, got only some"
    ]
    assert client.asked == ["2", "1"]


class CodeDeploy:
    """A service that keeps what the hook reports; without a content, it refuses to tell of any."""

    def __init__(self, content: str | None) -> None:
        self.reported: dict[str, str] = {}
        self._content = content

    def get_deployment(self, deploymentId: str) -> dict[str, Any]:  # noqa: N803
        """Return one deployment."""
        if self._content is None:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetDeployment")
        revision = {"appSpecContent": {"content": self._content}}
        return {"deploymentInfo": {"deploymentId": deploymentId, "revision": revision}}

    def put_lifecycle_event_hook_execution_status(self, **reported: str) -> None:
        """Take the hook's word."""
        self.reported = reported


def spec(name: str) -> str:
    """Spell an AppSpec."""
    properties = {"Name": name, "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2"}
    return json.dumps({"Resources": [{"function": {"Properties": properties}}]})


EVENT = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}


@pytest.fixture
def handled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call the handler with fakes in AWS's place."""

    def call(codedeploy: CodeDeploy, functions: Functions) -> dict[str, Any]:
        (tmp_path / "golden.json").write_text(json.dumps(GOLDEN))
        monkeypatch.setattr(hook, "GOLDEN", tmp_path / "golden.json")
        monkeypatch.setenv("FUNCTION_NAME", "f")
        services = {"codedeploy": codedeploy, "lambda": functions}
        monkeypatch.setattr(boto3, "client", services.__getitem__)
        return hook.handler(EVENT, None)

    return call


def test_it_reports(handled: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Its word goes to CodeDeploy, and with all complaints to its log."""
    codedeploy = CodeDeploy(spec("f"))
    told = handled(codedeploy, Functions(v1=said("no"), v2=said("no")))
    assert codedeploy.reported == {
        "deploymentId": "d-1",
        "lifecycleEventHookExecutionId": "e-1",
        "status": "Failed",
    }
    assert told == {
        "deployment": "d-1",
        "status": "Failed",
        "complaints": ["m 1: one: expected label = yes, got no"],
        "target": "2",
        "current": "1",
    }
    assert json.loads(capsys.readouterr().out) == {"message": "pre-traffic hook", **told}


def test_it_lets_through(handled: Any) -> None:
    """Nothing is wrong: the version may have the traffic."""
    codedeploy = CodeDeploy(spec("f"))
    handled(codedeploy, Functions(v1=said("yes"), v2=said("yes")))
    assert codedeploy.reported["status"] == "Succeeded"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (spec("other"), "ValueError: expected a deployment of f, got other"),
        ("no JSON", "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        (
            None,
            "ClientError: An error occurred (AccessDeniedException) when calling the "
            "GetDeployment operation: Unknown",
        ),
    ],
)
def test_it_fails_itself(handled: Any, content: str | None, complaint: str) -> None:
    """It says so at once: CodeDeploy would wait for an hour."""
    codedeploy = CodeDeploy(content)
    told = handled(codedeploy, Functions())
    assert told["complaints"] == [f"the hook itself failed: {complaint}"]
    assert codedeploy.reported["status"] == "Failed"
