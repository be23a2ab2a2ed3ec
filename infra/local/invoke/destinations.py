"""Where results of asynchronous invocations go: destinations and the dead-letter queue.

Source: docs/contract.md 6.6 (Async) for both shapes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.local import contract
from infra.local.errors import ToolMissing
from infra.local.invocation import InvokeRequest, InvokeResult
from infra.local.log_lines import iso
from infra.settings import limits
from infra.settings.errors import ConfigError
from infra.settings.function import FunctionConfig


@dataclass(frozen=True)
class Delivery:
    """One message to a queue, topic, function or event bus."""

    target_arn: str
    body: str
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    condition: str = ""


Deliver = Callable[[Delivery], Awaitable[None]]


def record_of(
    config: FunctionConfig,
    event: InvokeRequest,
    result: InvokeResult | None,
    *,
    condition: str,
    attempts: int,
    now_s: float,
) -> str:
    """Return the record for a destination. Without any attempt it has no response."""
    record: dict[str, object] = {
        "version": "1.0",
        "timestamp": iso(now_s),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": f"{config.arn}:{event.qualifier or limits.LATEST}",
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": _json_or_text(event.payload),
    }
    if result is not None:
        context: dict[str, object] = {
            "statusCode": 200,
            "executedVersion": result.executed_version,
        }
        if result.function_error is not None:
            context["functionError"] = result.function_error
        record["responseContext"] = context
        record["responsePayload"] = _json_or_text(result.payload)
    return json.dumps(record, separators=(",", ":"))


def dead_letter_of(target_arn: str, event: InvokeRequest, result: InvokeResult | None) -> Delivery:
    """Return the message for a dead-letter queue: the event unchanged, and why it failed."""
    message = ""
    if result is not None:
        response = _json_or_text(result.payload)
        if isinstance(response, dict):
            message = str(response.get("errorMessage", ""))
    limit = contract.DEAD_LETTER_MESSAGE_LIMIT_BYTES
    message = message.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
    # [REC] 200 after a function error. For an event that never ran: 429, a guess [?].
    code = "200" if result else "429"
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": event.request_id or ""},
        "ErrorCode": {"DataType": "Number", "StringValue": code},
    }
    if message:
        # An attribute must not be empty: SQS would refuse the whole message.
        attributes["ErrorMessage"] = {"DataType": "String", "StringValue": message}
    return Delivery(target_arn, event.payload.decode("utf-8", "replace"), attributes)


def deliverer(config: FunctionConfig) -> Deliver:
    """Return the deliverer that uses `aws_endpoint`; if none is set, the queue only keeps a copy.

    Raises:
        ConfigError: a target's service is not supported.
    """
    events = config.events
    for name in ("on_success", "on_failure", "dead_letter"):
        target = getattr(events, name)
        if target is not None and _service(target) not in _SENDERS:
            known = ", ".join(sorted(_SENDERS))
            raise ConfigError(f"events.{name}", f"the ARN of one of {known}", target)

    async def deliver(delivery: Delivery) -> None:
        if config.aws_endpoint is not None:
            await asyncio.to_thread(_send, config, delivery)

    return deliver


def _send(config: FunctionConfig, delivery: Delivery) -> None:
    try:
        # Late: needed only for deliveries, and it takes a third of a second.
        import boto3
    except ImportError as exc:
        raise ToolMissing("boto3", "a destination") from exc
    service = _service(delivery.target_arn)
    clients: Any = boto3
    client = clients.client(
        "events" if service == "events" else service,
        endpoint_url=config.aws_endpoint,
        region_name=config.region,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - a dummy: the endpoint is local
    )
    try:
        _SENDERS[service](client, delivery, config)
    finally:
        client.close()


def _to_queue(client: Any, delivery: Delivery, _config: FunctionConfig) -> None:
    *_, account, name = delivery.target_arn.split(":")
    url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    client.send_message(
        QueueUrl=url, MessageBody=delivery.body, MessageAttributes=dict(delivery.attributes)
    )


def _to_topic(client: Any, delivery: Delivery, _config: FunctionConfig) -> None:
    client.publish(
        TopicArn=delivery.target_arn,
        Message=delivery.body,
        MessageAttributes=dict(delivery.attributes),
    )


def _to_function(client: Any, delivery: Delivery, _config: FunctionConfig) -> None:
    client.invoke(
        FunctionName=delivery.target_arn, InvocationType="Event", Payload=delivery.body.encode()
    )


def _to_bus(client: Any, delivery: Delivery, config: FunctionConfig) -> None:
    outcome = "Success" if delivery.condition == "Success" else "Failure"
    client.put_events(
        Entries=[
            {
                "Source": "lambda",
                "DetailType": f"Lambda Function Invocation Result - {outcome}",
                "Detail": delivery.body,
                "EventBusName": delivery.target_arn,
                "Resources": [delivery.target_arn, f"{config.arn}:{limits.LATEST}"],
            }
        ]
    )


_SENDERS: dict[str, Callable[[Any, Delivery, FunctionConfig], None]] = {
    "sqs": _to_queue,
    "sns": _to_topic,
    "lambda": _to_function,
    "events": _to_bus,
}


def _service(arn: str) -> str:
    parts = arn.split(":")
    return parts[2] if len(parts) >= 6 and parts[0] == "arn" else ""


def _json_or_text(data: bytes) -> object:
    text = data.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
