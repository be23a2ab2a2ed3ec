"""The pre-traffic hook: a new version must answer the golden vectors before it gets any traffic.

CodeDeploy invokes it (BeforeAllowTraffic) and waits for its report. It invokes the new version with
the inputs of every bundle's golden vectors and compares the answers. If the version that has the
traffic serves the same model in the same version, it must give the same answers too.

It runs alone in a zip (infra/release/hook_package.py) with `golden.json`:

    [{"payload": {"model", "version", "images" | "rows" | …}, "tolerance",
      "cases": [{"name", "answer"}]}]
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

GOLDEN: Final = Path(__file__).parent / "golden.json"
MOST_COMPLAINTS: Final = 10
LONGEST: Final = 300
_NOTHING: Final = "nothing"
IN_TIME_S: Final = 400.0
"""No further bundle is begun after it. The last two questions may take 4 x 60 s each (hook.tf)."""


def handler(event: Mapping[str, str], _context: object) -> dict[str, Any]:
    """Check the version that a deployment is about to give traffic, and report to CodeDeploy.

    Args:
        event: {"DeploymentId", "LifecycleEventHookExecutionId"}.

    Returns:
        {"deployment", "status", "complaints", "target", "current"}, also written to the log, where
        infra/release/canary.py reads it.
    """
    codedeploy = boto3.client("codedeploy")
    complaints: list[str] = []
    current = target = ""
    try:
        deployment = codedeploy.get_deployment(deploymentId=event["DeploymentId"])["deploymentInfo"]
        name, current, target = versions_in(deployment["revision"])
        golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
        complaints = complaints_about(boto3.client("lambda"), name, current, target, golden=golden)
    except Exception as error:  # noqa: BLE001 - silence would hold the deployment up for an hour
        complaints = [f"the hook itself failed: {type(error).__name__}: {error}"]
    status = "Failed" if complaints else "Succeeded"
    said = {
        "deployment": event["DeploymentId"],
        "status": status,
        "complaints": complaints,
        "target": target,
        "current": current,
    }
    print(json.dumps({"message": "pre-traffic hook", **said}), flush=True)
    codedeploy.put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status=status,
    )
    return said


def versions_in(revision: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return function, current and target version from a deployment's AppSpec.

    Raises:
        ValueError: it is for a function other than the one this hook checks.
    """
    content = (revision.get("appSpecContent") or revision["string"])["content"]
    (resource,) = json.loads(content)["Resources"]
    properties = next(iter(resource.values()))["Properties"]
    expected = os.environ["FUNCTION_NAME"]
    if properties["Name"] != expected:
        raise ValueError(f"expected a deployment of {expected}, got {properties['Name']}")
    return expected, str(properties["CurrentVersion"]), str(properties["TargetVersion"])


def complaints_about(
    client: Any, name: str, current: str, target: str, *, golden: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Ask the new version, and compare with the golden vectors and the old version.

    Returns:
        What is wrong, at most ten things; empty if it may have the traffic.
    """
    complaints: list[str] = []
    end = time.monotonic() + IN_TIME_S
    for bundle in golden:
        if len(complaints) >= MOST_COMPLAINTS:
            break
        if time.monotonic() >= end:
            complaints.append(f"expected all answers within {IN_TIME_S:.0f} s, got only some")
            break
        model = f"{bundle['payload']['model']} {bundle['payload']['version']}"
        new = _answer(client, name, target, bundle["payload"])
        if isinstance(new, str):
            complaints.append(f"{model}: {new}")
            continue
        complaints += [f"{model}: {text}" for text in _against_golden(new, bundle)]
        old = _answer(client, name, current, bundle["payload"]) if current != target else new
        # A version without this model, or one that fails, is no reference.
        if not isinstance(old, str) and old["version"] == new["version"]:
            complaints += [f"{model}: {text}" for text in _against_old(new, old, bundle)]
    return complaints[:MOST_COMPLAINTS]


def _answer(
    client: Any, name: str, version: str, payload: Mapping[str, Any]
) -> dict[str, Any] | str:
    """Invoke one version; if its answer is unusable, return why as a string.

    A version not called for weeks is Inactive: Lambda refuses the first call, and wakes it up.
    """
    try:
        invoked = client.invoke(FunctionName=name, Qualifier=version, Payload=json.dumps(payload))
        answer: Any = json.loads(invoked["Payload"].read())
    except (BotoCoreError, ClientError, ValueError) as error:
        return f"version {version} gave no answer: {str(error)[:LONGEST]}"
    if invoked.get("FunctionError"):
        said = str(answer.get("errorMessage") if isinstance(answer, dict) else answer)
        return f"version {version} failed: {said[:LONGEST]}"
    if not isinstance(answer, dict) or not isinstance(answer.get("predictions"), list):
        return f"expected predictions from version {version}, got something else"
    predicted: dict[str, Any] = answer
    return predicted


def _against_golden(answer: Mapping[str, Any], bundle: Mapping[str, Any]) -> list[str]:
    cases, predictions = bundle["cases"], answer["predictions"]
    if len(predictions) != len(cases):
        return [f"expected {len(cases)} predictions, got {len(predictions)}"]
    return [
        f"{case['name']}: {difference}"[:LONGEST]
        for case, prediction in zip(cases, predictions, strict=True)
        if (difference := difference_of(case["answer"], prediction, bundle["tolerance"]))
    ]


def _against_old(
    new: Mapping[str, Any], old: Mapping[str, Any], bundle: Mapping[str, Any]
) -> list[str]:
    return [
        f"{case['name']}: the same model answers differently in the previous version"
        for case, ours, theirs in zip(
            bundle["cases"], new["predictions"], old["predictions"], strict=False
        )
        if difference_of(theirs, ours, 2 * bundle["tolerance"])
    ]


def difference_of(expected: Any, got: Any, tolerance: float) -> str:
    """Compare two answers, key by key.

    Args:
        expected, got: any JSON.
        tolerance: how much numbers may differ, as a share of the largest in the expected answer.

    Returns:
        The first value that differs, as "expected label = yes, got no"; empty if none does.
    """
    theirs, ours = dict(_values_in(expected)), dict(_values_in(got))
    allowed = tolerance * (max(map(abs, filter(_is_number, theirs.values())), default=0) or 1)
    for key in sorted(theirs.keys() | ours.keys()):
        one, other = theirs.get(key, _NOTHING), ours.get(key, _NOTHING)
        # Of many labels only the best are told, and which is the tenth may be chance.
        numbers = [0.0 if value is _NOTHING else value for value in (one, other)]
        of_floats = isinstance(numbers[0], float) and _is_number(numbers[1])
        # Not `>`, which NaN would pass.
        if not (abs(numbers[0] - numbers[1]) <= allowed if of_floats else one == other):
            return f"expected {key} = {one}, got {other}"
    return ""


def _values_in(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the strings, numbers and so on in some JSON, with their places: "probabilities.yes"."""
    if not isinstance(value, dict | list):
        yield where[1:], value
        return
    yield f"{where}."[1:], f"{len(value)} {type(value).__name__}"
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _values_in(inner, f"{where}.{key}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
