"""A moto server in which image functions really run."""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.cloud.cloud import Cloud
from infra.local.sandbox.isolation import missing_for_isolation
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


@pytest.mark.parametrize(
    ("asked_for", "code", "message"),
    [
        ({"FunctionName": "absent"}, "ResourceNotFoundException", ":function:absent:$LATEST"),
        ({"FunctionName": "absent:1"}, "ResourceNotFoundException", ":function:absent:1"),
        ({"Payload": b"\xff"}, "InvalidRequestContentException", "Invalid UTF-8"),
        ({"FunctionName": "{}:1", "Qualifier": "2"}, "InvalidParameterValueException", "derived"),
    ],
)
def test_refusals(client: Client, asked_for: dict[str, Any], code: str, message: str) -> None:
    """[REC] As the emulator's own Invoke API words them."""
    name = created(client)
    for memory_mb in (192, 256):
        client("lambda").update_function_configuration(FunctionName=name, MemorySize=memory_mb)
        client("lambda").publish_version(FunctionName=name)
    named = {"FunctionName": asked_for.get("FunctionName", name).format(name)}
    with pytest.raises(ClientError) as caught:
        client("lambda").invoke(**asked_for | named)
    error: Any = caught.value.response
    assert error["Error"]["Code"] == code
    assert message in error["Error"]["Message"]
    assert error["Type"] == "User"


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


def test_a_mapping_that_moves(client: Client, echoing: Cloud) -> None:
    """[REC] What it is moved to is called from then on; a zip is polled, too, and isolated."""
    name = created(client, ImageConfig={"Command": ["records.handler"]})
    role = client("lambda").get_function(FunctionName=name)["Configuration"]["Role"]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("zipped.py", ZIPPED)
    client("lambda").create_function(
        FunctionName=f"{name}-zip", Role=role, Runtime="python3.13", Handler="zipped.handler",
        Code={"ZipFile": file.getvalue()},
    )  # fmt: skip
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    mapping = client("lambda").create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:us-east-1:123456789012:{name}", FunctionName=name
    )["UUID"]
    folder = "read-only" if missing_for_isolation() is None else "writable"
    for called, sees in ((name, ""), (f"{name}-zip", f" {folder}")):
        client("lambda").update_event_source_mapping(UUID=mapping, FunctionName=called)
        client("sqs").send_message(QueueUrl=url, MessageBody=f"for {called}")
        until(lambda: bool(seen(echoing, called)))  # noqa: B023 - it ends in this turn
        assert seen(echoing, called) == [f"for {called}{sees}"]
    client("lambda").delete_event_source_mapping(UUID=mapping)


ZIPPED = """
import os

def handler(event, context):
    for record in event["Records"]:
        print("seen:", record["body"], "writable" if os.access(".", os.W_OK) else "read-only")
"""


def test_event_bridge(client: Client, echoing: Cloud) -> None:
    """A rule's events reach its function, whole or in part; a bucket's changes are events, too."""
    name = created(client, ImageConfig={"Command": ["records.event"]})
    bus, s3 = client("events"), client("s3")
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    bus.put_rule(Name=name, EventPattern=json.dumps({"source": ["mine", "aws.s3"]}))
    part = {"Id": "2", "Arn": arn, "InputPath": "$.detail"}
    bus.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}, part])
    entry = {"Source": "mine", "DetailType": "Predict", "Detail": '{"a": 1}'}
    assert bus.put_events(Entries=[entry, {**entry, "Source": "other"}])["FailedEntryCount"] == 0
    until(lambda: len(seen(echoing, name)) == 2)
    detail, event = sorted(map(json.loads, seen(echoing, name)), key=len)
    assert detail == {"a": 1} == event["detail"]
    assert (event["detail-type"], event["account"]) == ("Predict", "123456789012")
    assert re.fullmatch(r"[\d-]+T[\d:]+Z", event["time"])
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    s3.put_object(Bucket=name, Key="in/a.png", Body=b"xyz")
    until(lambda: len(seen(echoing, name)) == 4)
    change = next(e for e in map(json.loads, seen(echoing, name)[2:]) if "detail" in e)
    assert (change["detail-type"], change["detail"]["reason"]) == ("Object Created", "PutObject")
    assert change["detail"]["object"]["size"] == 3
    topic = {"Id": "3", "Arn": "arn:aws:sns:us-east-1:123456789012:t"}
    with pytest.raises(ClientError, match="expected targets of Lambda, SQS"):
        bus.put_targets(Rule=name, Targets=[topic])


def test_a_failed_event_reaches_its_destination(client: Client) -> None:
    """By the function's own settings of asynchronous invocations."""
    name, sqs = created(client), client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    target = {"OnFailure": {"Destination": f"arn:aws:sqs:us-east-1:123456789012:{name}"}}
    client("lambda").put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig=target
    )
    client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"fail": "no"}')
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert json.loads(message["Body"])["requestPayload"] == {"fail": "no"}


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
