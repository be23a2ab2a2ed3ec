"""A moto server in which image functions really run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.cloud.cloud import Cloud
from tests.infra.cloud.clouds import REGION, Client, created, told, until


@pytest.fixture
def client(echoing: Cloud) -> Iterator[Client]:
    """Make boto3 clients of the cloud that repeat nothing."""
    made: list[Any] = []
    box_client: Any = echoing.client  # by options, too
    once = Config(retries={"total_max_attempts": 1})

    def make(service: str) -> Any:
        made.append(box_client(service, REGION, config=once))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_server(client: Client, echoing: Cloud) -> None:
    """In a moto server an image function runs, and is told where its cloud is."""
    answer = told(client("lambda").invoke(FunctionName=created(client), Payload=b"[1]"))
    assert (answer["event"], answer["endpoint"]) == ([1], echoing.url)


def test_request_id(client: Client, echoing: Cloud) -> None:
    """The request id of the answer is the one in the function's log."""
    name = created(client)
    answer = client("lambda").invoke(FunctionName=name, Payload=b"{}")
    request_id = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    assert any(f"START RequestId: {request_id} " in line for line in echoing.functions.logs(name))


def test_errors(client: Client) -> None:
    """Errors and logs come as from the service: the Invoke API's answer is passed on."""
    name = created(client)
    answer = client("lambda").invoke(FunctionName=name, Payload=b'{"fail": "no"}', LogType="Tail")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert "LogResult" in answer
    error = told(answer)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no")
    with pytest.raises(ClientError) as caught:
        client("lambda").invoke(FunctionName=name, Payload=b"not JSON")
    assert caught.value.response["Error"]["Code"] == "InvalidRequestContentException"
    with pytest.raises(ClientError) as caught:
        client("lambda").invoke(FunctionName="absent")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_types(client: Client, echoing: Cloud) -> None:
    """DryRun runs nothing, and Event answers before the function runs."""
    name = created(client)
    dry = client("lambda").invoke(FunctionName=name, InvocationType="DryRun", Payload=b"{}")
    assert dry["StatusCode"] == 204
    event = client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    assert event["StatusCode"] == 202
    echoing.functions.drained()
    assert sum(line.startswith("START ") for line in echoing.functions.logs(name)) == 1


def test_reserved_concurrency(client: Client) -> None:
    """A function without any concurrency is throttled, as the service does."""
    name = created(client)
    client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as caught:
        client("lambda").invoke(FunctionName=name, Payload=b"{}")
    assert caught.value.response["Error"]["Code"] == "TooManyRequestsException"


def test_changes(client: Client) -> None:
    """A changed configuration is in force at the next call; a Command names another handler."""
    name = created(client, ImageConfig={"Command": ["echo.other"]})
    assert told(client("lambda").invoke(FunctionName=name, Payload=b"1")) == {"other": 1}
    name = created(client, MemorySize=256)
    for memory_mb in (256, 512):
        client("lambda").update_function_configuration(FunctionName=name, MemorySize=memory_mb)
        answer = told(client("lambda").invoke(FunctionName=name, Payload=b"{}"))
        assert answer["memory_mb"] == str(memory_mb)


def test_alias(client: Client) -> None:
    """An alias is invoked as such: the version it stands for answers."""
    name = created(client)
    version = client("lambda").publish_version(FunctionName=name)["Version"]
    client("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    answer = client("lambda").invoke(FunctionName=name, Qualifier="live", Payload=b"{}")
    assert answer["ExecutedVersion"] == version
    assert told(answer)["arn"].endswith(f":function:{name}:live")


def seen(echoing: Cloud, name: str) -> list[str]:
    """List what a function has seen, by its log."""
    lines = [line.partition("seen: ") for line in echoing.functions.logs(name)]
    return [what.strip() for _, said, what in lines if said]


def test_event_source_mapping(client: Client, echoing: Cloud) -> None:
    """A mapping really invokes: good messages go, a failed one stays, a disabled mapping rests."""
    name = created(client, ImageConfig={"Command": ["records.handler"]})
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    mapping = client("lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName=name, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    for body in ("good", "bad", "fine"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    until(lambda: sorted(seen(echoing, name)) == ["bad", "fine", "good"])
    until(lambda: _counts(sqs, url) == (0, 1))
    client("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    until(lambda: not [t for t in threading.enumerate() if t.name == f"lambake-{arn}"])
    sqs.send_message(QueueUrl=url, MessageBody="later")
    assert _counts(sqs, url) == (1, 1)
    client("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    until(lambda: "later" in seen(echoing, name))
    client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])


def _counts(sqs: Any, url: str) -> tuple[int, int]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(told[names[0]]), int(told[names[1]])


def test_s3_notification(client: Client, echoing: Cloud) -> None:
    """A bucket's notification really invokes, for the keys it names, url-encoded."""
    name = created(client, ImageConfig={"Command": ["records.handler"]})
    s3 = client("s3")
    s3.create_bucket(Bucket=name)
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]
    notification = {
        "LambdaFunctionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"LambdaFunctionConfigurations": [notification]}
    )
    for key in ("in/a b.jpg", "in/a.png", "out/a.jpg"):
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    until(lambda: seen(echoing, name) == ["ObjectCreated:Put in/a+b.jpg"])
