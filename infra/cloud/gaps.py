"""
What Terraform asks of a cloud and moto lacks: without these an apply fails or waits for ever, or
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
from collections.abc import Callable, Iterator
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

_permitted = IAMPolicyStatement.is_action_permitted
_update = LambdaFunction.update_configuration
_KEPT = ("LoggingConfig", "SnapStart")


@contextlib.contextmanager
def gaps_filled() -> Iterator[None]:
    """Answer them all, while the block runs."""
    told = (
        (Queue, "attributes", property(_queue(Queue.attributes.fget))),
        (LambdaFunction, "__init__", _made(LambdaFunction.__init__)),
        (LambdaFunction, "update_configuration", _changed(_update)),
        (LambdaFunction, "get_configuration", _function(LambdaFunction.get_configuration)),
        (EventSourceMapping, "get_configuration", _mapping(EventSourceMapping)),
        (IAMPolicyStatement, "is_action_permitted", _judged(_permitted)),
    )
    answered = (
        (StepFunctionResponse, "validate_state_machine_definition", _validate),
        (StepFunctionResponse, "list_state_machine_versions", _versions),
    )
    with replaced(*told), replaced(*answered, create=True):
        yield


def _validate(self: Any) -> ActionResult:
    """Tell whether a definition is well-formed, by the grammar that runs it."""
    try:
        AmazonStateLanguageParser.parse(str(self._get_param("definition")))
    except (ASLParserException, ValueError) as error:
        problem = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": str(error)}
        return ActionResult({"result": "FAIL", "diagnostics": [problem]})
    return ActionResult({"result": "OK", "diagnostics": []})


def _versions(_self: Any) -> ActionResult:
    return ActionResult({"stateMachineVersions": []})


def _queue(original: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    def attributes(self: Any) -> dict[str, Any]:
        told = dict(original(self))
        if told.get("RedrivePolicy"):
            told["RedrivePolicy"] = json.dumps(self.redrive_policy, separators=(",", ":"))
        allowed = getattr(self, "redrive_allow_policy", None)
        return {**told, "RedriveAllowPolicy": allowed} if allowed else told

    return attributes


def _made(original: Callable[..., None]) -> Callable[..., None]:
    def make(self: Any, account_id: str, spec: dict[str, Any], *more: Any, **options: Any) -> None:
        self.kept = _kept(spec)
        original(self, account_id, spec, *more, **options)

    return make


def _changed(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def update_configuration(self: Any, config_updates: dict[str, Any]) -> dict[str, Any]:
        self.kept = {**getattr(self, "kept", {}), **_kept(config_updates)}
        return original(self, config_updates)

    return update_configuration


def _kept(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in _KEPT if settings.get(key)}


def _function(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def get_configuration(self: Any, *more: Any, **options: Any) -> dict[str, Any]:
        kept = dict(getattr(self, "kept", {}))
        if "SnapStart" in kept:
            published = str(self.version) != "$LATEST"
            status = {"OptimizationStatus": "On" if published else "Off"}
            kept["SnapStart"] = {**kept["SnapStart"], **status}
        return {**original(self, *more, **options), **kept}

    return get_configuration


def _mapping(mappings: Any) -> Callable[[Any], dict[str, Any]]:
    original = mappings.get_configuration

    def get_configuration(self: Any) -> dict[str, Any]:
        told: dict[str, Any] = original(self)
        asked_for = str(self.function_name)
        return {**told, "FunctionArn": asked_for} if asked_for.startswith("arn:") else told

    return get_configuration


def _judged(original: Callable[..., Any]) -> Callable[..., Any]:
    """Take the loopback interface for a safe way: what is said of plain HTTP is not said of it."""

    def is_action_permitted(self: Any, *request: Any, **more: Any) -> Any:
        tests = self._statement.get("Condition", {}).values()
        if any("aws:SecureTransport" in test for test in tests):
            return PermissionResult.NEUTRAL
        return original(self, *request, **more)

    return is_action_permitted
