"""
The pre-traffic hook where AWS itself refuses: it must say
how it went all the same, and in time.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from infra.aws import hook

BUNDLE = {
    "payload": {"model": "m", "version": "1", "rows": [[1]]},
    "tolerance": 0.01,
    "cases": [{"name": "one", "answer": {"label": "yes", "probabilities": {"yes": 1.0}}}],
}
RIGHT = {"version": "1", "predictions": [{"label": "yes", "probabilities": {"yes": 1.0}}]}
INACTIVE = ClientError({"Error": {"Code": "ResourceConflictException"}}, "Invoke")
SLOW = ReadTimeoutError(endpoint_url="https://lambda.example")

Ask = Callable[[str], bytes]


class Functions:
    """Answer, or refuse, by version."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.asked: list[str] = []

    def invoke(self, FunctionName: str, Qualifier: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        """Answer as Lambda does."""
        assert (FunctionName, json.loads(Payload)) == ("f", BUNDLE["payload"])
        self.asked.append(Qualifier)
        return {"Payload": io.BytesIO(self._ask(Qualifier))}


def refusing(version: str, error: Exception) -> Functions:
    """Answer rightly, but for one version."""

    def ask(asked: str) -> bytes:
        if asked == version:
            raise error
        return json.dumps(RIGHT).encode()

    return Functions(ask)


def test_an_old_version_asleep_is_no_measure() -> None:
    """Nobody called it for weeks: that is not the new one's fault."""
    client = refusing("1", INACTIVE)
    assert hook.complaints_about(client, "f", "1", "2", golden=[BUNDLE]) == []
    assert client.asked == ["2", "1"]


@pytest.mark.parametrize("error", [INACTIVE, SLOW], ids=["refused", "too slow"])
def test_a_new_version_that_cannot_be_asked(error: Exception) -> None:
    """It is named, and gets no traffic."""
    (complaint,) = hook.complaints_about(refusing("2", error), "f", "1", "2", golden=[BUNDLE])
    assert complaint == f"m 1: version 2 gave no answer: {error}"


def test_an_answer_that_is_no_json() -> None:
    """It is the version's fault, not the hook's."""
    client = Functions(lambda _version: b"<html>")
    (complaint,) = hook.complaints_about(client, "f", "1", "2", golden=[BUNDLE])
    assert complaint.startswith("m 1: version 2 gave no answer: Expecting value")


def test_it_stops_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not asked for is said, not waited for until Lambda ends the hook."""
    times = iter([0.0, 0.0, hook.IN_TIME_S])
    monkeypatch.setattr(hook, "time", SimpleNamespace(monotonic=lambda: next(times)))
    client = refusing("1", INACTIVE)
    assert hook.complaints_about(client, "f", "1", "2", golden=[BUNDLE] * 5) == [
        "expected all answers in 400 s, some were not asked for"
    ]
    assert client.asked == ["2", "1"]


def test_ten_complaints_end_it() -> None:
    """A version that fails each time is not asked for ever."""
    client = refusing("2", SLOW)
    assert len(hook.complaints_about(client, "f", "1", "2", golden=[BUNDLE] * 30)) == 10
    assert client.asked == ["2"] * 10


class CodeDeploy:
    """Refuse to tell of a deployment; take the hook's word."""

    def __init__(self) -> None:
        self.reported: dict[str, str] = {}

    def get_deployment(self, deploymentId: str) -> dict[str, Any]:  # noqa: N803
        """Refuse."""
        denied: Any = {"Error": {"Code": "AccessDeniedException", "Message": deploymentId}}
        raise ClientError(denied, "GetDeployment")

    def put_lifecycle_event_hook_execution_status(self, **reported: str) -> None:
        """Take it."""
        self.reported = reported


def test_a_deployment_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The hook says that it failed; silence would hold the deployment up for an hour."""
    (tmp_path / "golden.json").write_text("[]")
    monkeypatch.setattr(hook, "GOLDEN", tmp_path / "golden.json")
    codedeploy = CodeDeploy()
    monkeypatch.setattr(boto3, "client", lambda _service: codedeploy)
    said = hook.handler({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}, None)
    assert codedeploy.reported["status"] == "Failed"
    assert said["complaints"][0].startswith("the hook itself failed: ClientError: ")
