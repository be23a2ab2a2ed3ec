"""What Terraform asks of a cloud and moto lacks: without these an apply fails or waits for ever, or
the next plan shows changes that nobody made.

    ValidateStateMachineDefinition   asked before a state machine is planned
    ListStateMachineVersions         asked after it is made: there are none
    RedriveAllowPolicy               accepted by moto's queues, and never reported
    RedrivePolicy                    reported with other spaces than the service's
    aws:SecureTransport              unknown, so a bucket that refuses plain HTTP refuses everybody
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

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
_permitted = IAMPolicyStatement.is_action_permitted


@contextlib.contextmanager
def gaps_filled() -> Iterator[None]:
    """Fill all the gaps while the block runs."""
    told = (
        (Queue, "attributes", property(_tell_queue)),
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


def _judge(self: Any, *request: Any, **more: Any) -> Any:
    """Treat the loopback interface as secure: rules about plain HTTP do not apply to it."""
    tests = self._statement.get("Condition", {}).values()
    if any("aws:SecureTransport" in test for test in tests):
        return PermissionResult.NEUTRAL
    return _permitted(self, *request, **more)
