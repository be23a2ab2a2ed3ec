"""What Terraform asks of a cloud and moto lacks: without these an apply fails or waits for ever, or
the next plan shows changes that nobody made.

    ValidateStateMachineDefinition   asked before a state machine is planned
    ListStateMachineVersions         asked after it is made: there are none
    RedriveAllowPolicy               taken by moto's queues, and never told again
    RedrivePolicy                    told with other spaces than the service writes
    LoggingConfig, SnapStart         taken by moto's functions, and never told again
    a mapping's FunctionArn          told as the version behind the alias
    aws:SecureTransport              unknown, so a bucket that refuses plain HTTP refuses everybody
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from moto.awslambda.models import EventSourceMapping, LambdaFunction
from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.sqs.models import Queue
from moto.stepfunctions.parser.asl.parse.asl_parser import (
    AmazonStateLanguageParser,
    ASLParserException,
)
from moto.stepfunctions.responses import StepFunctionResponse

from infra.cloud.replaced import replaced

_attributes = Queue.attributes.fget
_make = LambdaFunction.__init__
_update = LambdaFunction.update_configuration
_configuration = LambdaFunction.get_configuration
_mapping = EventSourceMapping.get_configuration
_permitted = IAMPolicyStatement.is_action_permitted
_KEPT = ("LoggingConfig", "SnapStart")


@contextlib.contextmanager
def gaps_filled() -> Iterator[None]:
    """Fill all the gaps while the block runs."""
    told = (
        (Queue, "attributes", property(_tell_queue)),
        (LambdaFunction, "__init__", _make_function),
        (LambdaFunction, "update_configuration", _update_function),
        (LambdaFunction, "get_configuration", _tell_function),
        (EventSourceMapping, "get_configuration", _tell_mapping),
        (IAMPolicyStatement, "is_action_permitted", _judge),
    )
    answered = (
        (StepFunctionResponse, "validate_state_machine_definition", _validate),
        (StepFunctionResponse, "list_state_machine_versions", _versions),
    )
    with replaced(*told), replaced(*answered, create=True):
        yield


def _validate(self: Any) -> ActionResult:
    """Return whether a definition is well-formed, by the grammar that runs it."""
    try:
        AmazonStateLanguageParser.parse(str(self._get_param("definition")))
    except (ASLParserException, ValueError) as error:
        problem = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": str(error)}
        return ActionResult({"result": "FAIL", "diagnostics": [problem]})
    return ActionResult({"result": "OK", "diagnostics": []})


def _versions(_self: Any) -> ActionResult:
    return ActionResult({"stateMachineVersions": []})


def _tell_queue(self: Any) -> dict[str, Any]:
    told = dict(_attributes(self))
    if told.get("RedrivePolicy"):
        told["RedrivePolicy"] = json.dumps(self.redrive_policy, separators=(",", ":"))
    allowed = getattr(self, "redrive_allow_policy", None)
    return {**told, "RedriveAllowPolicy": allowed} if allowed else told


def _make_function(
    self: Any, account_id: str, spec: dict[str, Any], *more: Any, **options: Any
) -> None:
    self.kept = _kept(spec)
    _make(self, account_id, spec, *more, **options)


def _update_function(self: Any, config_updates: dict[str, Any]) -> Any:
    self.kept = {**getattr(self, "kept", {}), **_kept(config_updates)}
    return _update(self, config_updates)


def _kept(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in _KEPT if settings.get(key)}


def _tell_function(self: Any, *more: Any, **options: Any) -> dict[str, Any]:
    kept = dict(getattr(self, "kept", {}))
    if "SnapStart" in kept:
        published = str(self.version) != "$LATEST"
        status = {"OptimizationStatus": "On" if published else "Off"}
        kept["SnapStart"] = {**kept["SnapStart"], **status}
    return {**_configuration(self, *more, **options), **kept}


def _tell_mapping(self: Any) -> dict[str, Any]:
    told: dict[str, Any] = _mapping(self)
    asked_for = str(self.function_name)
    return {**told, "FunctionArn": asked_for} if asked_for.startswith("arn:") else told


def _judge(self: Any, *request: Any, **more: Any) -> Any:
    """Treat the loopback interface as secure: rules about plain HTTP do not apply to it."""
    tests = self._statement.get("Condition", {}).values()
    if any("aws:SecureTransport" in test for test in tests):
        return PermissionResult.NEUTRAL
    return _permitted(self, *request, **more)
