"""Destinations against a moto server: queue, topic, function and event bus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from infra.local.invocation import InvokeRequest, InvokeResult
from infra.local.invoke.destinations import Delivery, dead_letter_of, deliverer
from infra.settings.errors import ConfigError
from infra.settings.function import EventConfig, FunctionConfig
from tests.infra.local.invoke.calls import Caller

KEYS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "local",
    "aws_secret_access_key": "local",
}


@pytest.fixture
def queue(endpoint: str) -> Iterator[Any]:
    """A queue that tells its ARN and its messages."""
    client: Any = boto3.client("sqs", endpoint_url=endpoint, **KEYS)  # type: ignore[call-overload]
    url = client.create_queue(QueueName="results")["QueueUrl"]
    yield Queue(client, url)
    client.delete_queue(QueueUrl=url)
    client.close()


class Queue:
    """One SQS queue."""

    def __init__(self, client: Any, url: str) -> None:
        self.client, self.url = client, url
        asked = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        self.arn = str(asked["Attributes"]["QueueArn"])

    def messages(self) -> list[Any]:
        """Take what is there."""
        taken = self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return list(taken.get("Messages", []))


def send(endpoint: str, delivery: Delivery) -> None:
    """Deliver one message."""
    asyncio.run(_send(endpoint, delivery))


async def _send(endpoint: str, delivery: Delivery) -> None:
    await deliverer(FunctionConfig(handler="a.b", aws_endpoint=endpoint))(delivery)


def test_a_function_error_ends_in_the_dead_letter_queue(
    start: Callable[..., Caller], endpoint: str, queue: Queue
) -> None:
    """The whole way: boto3, the function, the queue. The body is the event as it was sent."""
    lambda_ = start(aws_endpoint=endpoint, events=EventConfig(retries=0, dead_letter=queue.arn))
    payload = b'{"do":"fail","message":"dead"}'
    answer = lambda_.client.invoke(FunctionName="tested", InvocationType="Event", Payload=payload)
    lambda_.local.drained()
    (message,) = queue.messages()
    assert message["Body"] == payload.decode()
    values = {name: item["StringValue"] for name, item in message["MessageAttributes"].items()}
    assert values == {
        "RequestID": answer["ResponseMetadata"]["RequestId"],
        "ErrorCode": "200",
        "ErrorMessage": "dead",
    }


def test_a_success_ends_in_its_destination(
    start: Callable[..., Caller], endpoint: str, queue: Queue
) -> None:
    """The record names the request and has both payloads."""
    lambda_ = start(aws_endpoint=endpoint, events=EventConfig(on_success=queue.arn))
    lambda_.client.invoke(FunctionName="tested", InvocationType="Event", Payload=b'{"x":1}')
    lambda_.local.drained()
    record = json.loads(queue.messages()[0]["Body"])
    assert record["requestContext"]["condition"] == "Success"
    assert (record["requestPayload"], record["responsePayload"]) == ({"x": 1}, {"x": 1})


def test_a_topic(endpoint: str, queue: Queue) -> None:
    """SNS gets the record as its message."""
    client: Any = boto3.client("sns", endpoint_url=endpoint, **KEYS)  # type: ignore[call-overload]
    arn = client.create_topic(Name="news")["TopicArn"]
    client.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue.arn)
    send(endpoint, Delivery(arn, '{"record":1}'))
    assert json.loads(queue.messages()[0]["Body"])["Message"] == '{"record":1}'
    client.close()


def test_an_event_bus(endpoint: str, queue: Queue) -> None:
    """EventBridge gets the record as the detail, under Lambda's own source and type."""
    client: Any = boto3.client("events", endpoint_url=endpoint, **KEYS)  # type: ignore[call-overload]
    client.put_rule(Name="all", EventPattern='{"source":["lambda"]}')
    client.put_targets(Rule="all", Targets=[{"Id": "1", "Arn": queue.arn}])
    arn = "arn:aws:events:us-east-1:123456789012:event-bus/default"
    send(endpoint, Delivery(arn, '{"record":1}', condition="RetriesExhausted"))
    event = json.loads(queue.messages()[0]["Body"])
    assert event["detail"] == {"record": 1}
    assert event["detail-type"] == "Lambda Function Invocation Result - Failure"
    client.close()


def test_another_function(start: Callable[..., Caller]) -> None:
    """Lambda is invoked asynchronously with the record."""
    lambda_ = start()
    send(lambda_.local.invoke_url, Delivery(lambda_.local.config.arn, '{"do":"talk","text":"got"}'))
    lambda_.local.drained()
    assert "got" in lambda_.local.logs


@pytest.mark.parametrize(
    "arn", ["arn:aws:s3:::bucket", "results", "arn:aws:kinesis:us-east-1:123456789012:stream/x"]
)
def test_a_target_of_another_kind_is_refused_at_the_start(arn: str) -> None:
    """Not when the first event fails."""
    config = FunctionConfig(handler="a.b", events=EventConfig(on_failure=arn))
    with pytest.raises(ConfigError) as caught:
        deliverer(config)
    assert str(caught.value) == (
        f"events.on_failure: expected the ARN of one of events, lambda, sns, sqs, got {arn!r}"
    )


def test_without_an_endpoint_nothing_is_sent() -> None:
    """The queue keeps a copy of what would have been delivered."""
    config = FunctionConfig(handler="a.b", events=EventConfig(on_success=QUEUE))

    async def work() -> None:
        await deliverer(config)(Delivery(QUEUE, "{}"))

    asyncio.run(work())


QUEUE = "arn:aws:sqs:us-east-1:123456789012:nowhere"


def test_the_error_message_of_a_dead_letter_is_cut_at_1_kb() -> None:
    """At a character's end, not in its middle."""
    payload = json.dumps({"errorMessage": "é" * 600}).encode()
    result = InvokeResult("id", payload, "Unhandled", "$LATEST", b"")
    letter = dead_letter_of(QUEUE, InvokeRequest(b"{}", request_id="id"), result)
    assert letter.attributes["ErrorMessage"]["StringValue"] == "é" * 512
    odd = json.dumps({"errorMessage": "a" + "é" * 600}).encode()
    result = InvokeResult("id", odd, "Unhandled", "$LATEST", b"")
    letter = dead_letter_of(QUEUE, InvokeRequest(b"{}", request_id="id"), result)
    assert letter.attributes["ErrorMessage"]["StringValue"] == "a" + "é" * 511
