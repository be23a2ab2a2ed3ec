"""Settings of functions and mappings: obeyed, or refused when they are set."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.awslambda.models import lambda_backends

from infra.cloud.event_configs import event_configs_kept
from infra.cloud.function_settings import emulated, settings_checked
from infra.cloud.mappings import queues_polled
from infra.cloud.patches import Answer
from tests.infra.cloud.clouds import Client, created

QUEUE = "arn:aws:sqs:us-east-1:123456789012:{}"
DEAD = QUEUE.format("dead")


@contextlib.contextmanager
def PATCH() -> Iterator[None]:  # noqa: N802 - the name that the fixture asks for
    """Check settings, and poll nothing."""

    def never(*_call: Any) -> Answer:
        raise AssertionError("expected no invocation")

    with settings_checked(), event_configs_kept(), queues_polled(never, lambda *_: None):
        yield


def refusal(call: Any, **settings: Any) -> str:
    """Return the message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**settings)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    return str(caught.value.response["Error"]["Message"])


def zipped(**settings: Any) -> dict[str, Any]:
    """Return the settings of a function that is a zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return event\n")
    code = {"ZipFile": file.getvalue()}
    return {"Runtime": "python3.13", "Handler": "app.handler", "Code": code, **settings}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"Timeout": 2400}, "Timeout: expected a number from 0.05 to"),
        ({"MemorySize": 20000}, "MemorySize: expected"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "Environment.Variables.AWS_REGION: "),
        ({"Environment": {"Variables": {"A": "x" * 5000}}}, "Environment.Variables: expected at"),
        ({"DeadLetterConfig": {"TargetArn": "arn:aws:s3:::b"}}, "DeadLetterConfig.dead_letter: "),
        ({"FileSystemConfigs": [{"Arn": "a", "LocalMountPath": "/mnt/a"}]}, "FileSystemConfigs"),
        ({"Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:l:1"]}, "no Layers"),
        ({"ImageConfig": {"EntryPoint": ["sh"]}}, "an ImageConfig of Command only"),
        ({"LoggingConfig": {"LogGroup": "/here"}}, "expected LoggingConfig with /aws/lambda/"),
        ({"Runtime": "nodejs22.x"}, "got nodejs22.x"),
        ({"Runtime": "python2.7"}, "got python2.7"),
        ({"Code": {"ZipFile": b"no zip"}}, "expected Code to be a zip file"),
    ],
)
def test_what_is_not_obeyed_is_refused(
    patched: Client, settings: dict[str, Any], named: str
) -> None:
    """At creation, with what was expected; there is no function then."""
    functions = patched("lambda")
    role = patched("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    message = refusal(functions.create_function, FunctionName="f", Role=role, **zipped(**settings))
    assert named in message
    assert functions.list_functions()["Functions"] == []


def test_a_change_that_is_refused_changes_nothing(patched: Client) -> None:
    """And one that is not is kept, also those that moto forgets."""
    name, functions = (
        created(patched, SnapStart={"ApplyOn": "PublishedVersions"}),
        patched("lambda"),
    )
    change = functions.update_function_configuration
    refusal(change, FunctionName=name, MemorySize=512, Timeout=2400)
    assert functions.get_function_configuration(FunctionName=name)["MemorySize"] == 128
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}
    change(FunctionName=name, LoggingConfig=logging, EphemeralStorage={"Size": 1024})
    told = functions.get_function_configuration(FunctionName=name)
    assert (told["LoggingConfig"], told["SnapStart"]["OptimizationStatus"]) == (logging, "Off")
    assert told["EphemeralStorage"] == {"Size": 1024}
    published = functions.publish_version(FunctionName=name)
    assert published["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}


def test_asynchronous_invocations(patched: Client) -> None:
    """Each version and alias has its own settings; a target that gets nothing is refused."""
    name, functions = created(patched, DeadLetterConfig={"TargetArn": DEAD}), patched("lambda")
    functions.publish_version(FunctionName=name)
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    put = functions.put_function_event_invoke_config
    live = {"FunctionName": name, "Qualifier": "live"}
    put(FunctionName=name, MaximumRetryAttempts=1)
    put(**live, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": DEAD}})
    functions.update_function_event_invoke_config(**live, MaximumEventAgeInSeconds=60)
    nowhere = {"OnSuccess": {"Destination": "arn:aws:s3:::b"}}
    assert "on_success" in refusal(put, FunctionName=name, DestinationConfig=nowhere)
    told = functions.get_function_event_invoke_config(**live)
    assert (told["MaximumRetryAttempts"], told["MaximumEventAgeInSeconds"]) == (0, 60)
    function = lambda_backends["123456789012"]["us-east-1"].get_function(name, "live")
    assert emulated(function)["events"] == {"retries": 1, "dead_letter": DEAD}
    assert emulated(function, "live")["events"] == {
        "retries": 0, "max_age_s": 60, "on_failure": DEAD, "dead_letter": DEAD
    }  # fmt: skip
    functions.delete_function_event_invoke_config(**live)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        functions.get_function_event_invoke_config(**live)


def test_mappings(patched: Client) -> None:
    """A mapping tells what it calls now; batches that Lambda refuses are refused, and filters."""
    name, functions = created(patched), patched("lambda")
    patched("sqs").create_queue(QueueName="q")
    first = functions.publish_version(FunctionName=name)["FunctionArn"]
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    asked_for = {"EventSourceArn": QUEUE.format("q"), "FunctionName": first}
    create = functions.create_event_source_mapping
    assert "window_s" in refusal(create, **asked_for, BatchSize=100)
    filters = {"Filters": [{"Pattern": "{}"}]}
    assert "FilterCriteria" in refusal(create, **asked_for, FilterCriteria=filters)
    made = create(**asked_for, Enabled=False)
    change = functions.update_event_source_mapping
    assert "batch_size" in refusal(change, UUID=made["UUID"], BatchSize=20000)
    for called in (f"{name}:live", name):
        arn = first.rpartition(name)[0] + called
        assert change(UUID=made["UUID"], FunctionName=called)["FunctionArn"] == arn
        assert functions.get_event_source_mapping(UUID=made["UUID"])["FunctionArn"] == arn
