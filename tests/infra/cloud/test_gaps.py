"""
What Terraform asks of the simulated cloud, and moto alone cannot answer.

The rest of it is shown by tests/infra/aws: an apply ends, and the next plan changes nothing.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from moto.sqs.models import Queue

from infra.cloud.gaps import gaps_filled
from tests.infra.cloud.clouds import Client, client_of, created, moto_server

MACHINE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
WRONG = {"StartAt": "Done", "States": {"Done": {"Type": "Dance"}}}


@pytest.fixture
def client() -> Iterator[Client]:
    """Make clients of a cloud with its gaps filled."""
    with moto_server() as url, gaps_filled():
        yield lambda service: client_of(service, url)


def test_definitions(client: Client) -> None:
    """A definition is told to be well-formed, or why it is not."""
    validate = client("stepfunctions").validate_state_machine_definition
    answer = validate(definition=json.dumps(MACHINE))
    assert (answer["result"], answer["diagnostics"]) == ("OK", [])
    answer = validate(definition=json.dumps(WRONG))
    (diagnostic,) = answer["diagnostics"]
    assert (answer["result"], diagnostic["severity"]) == ("FAIL", "ERROR")
    assert "Dance" in diagnostic["message"]


def test_function_settings(client: Client) -> None:
    """How a function logs, and whether it is a snapshot, is kept through an update."""
    name = created(client, SnapStart={"ApplyOn": "PublishedVersions"})
    logging = {"LogFormat": "JSON", "LogGroup": "/here"}
    client("lambda").update_function_configuration(FunctionName=name, LoggingConfig=logging)
    told = client("lambda").get_function_configuration(FunctionName=name)
    assert (told["LoggingConfig"], told["SnapStart"]["OptimizationStatus"]) == (logging, "Off")
    published = client("lambda").publish_version(FunctionName=name)
    assert published["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}


def test_plain_http(client: Client) -> None:
    """A bucket that refuses plain HTTP serves the loopback interface; other refusals hold."""
    s3 = client("s3")
    s3.create_bucket(Bucket="safe")
    everything = {"Effect": "Deny", "Principal": "*", "Resource": "arn:aws:s3:::safe/*"}
    plain = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}, "Action": "s3:*"}
    for more, refused in ((plain, False), ({"Action": "s3:PutObject"}, True)):
        s3.put_bucket_policy(
            Bucket="safe",
            Policy=json.dumps({"Version": "2012-10-17", "Statement": [{**everything, **more}]}),
        )
        with pytest.raises(ClientError) if refused else contextlib.nullcontext():
            s3.put_object(Bucket="safe", Key="a", Body=b"")


def test_moto_is_itself_again() -> None:
    """Afterwards nothing is left of it."""
    original = Queue.attributes
    with gaps_filled():
        assert Queue.attributes is not original
    assert Queue.attributes is original


def test_the_gaps_are_still_there() -> None:
    """Should moto learn one of them, it can go from here."""
    with moto_server() as url, pytest.raises(ClientError):
        client_of("stepfunctions", url).validate_state_machine_definition(definition="{}")
