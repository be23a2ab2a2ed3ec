"""What Terraform asks of the simulated cloud, and moto alone cannot answer.

The rest of it is shown by tests/infra/aws: an apply ends, and the next plan changes nothing.
"""

from __future__ import annotations

import contextlib
import json

import pytest
from botocore.exceptions import ClientError

from infra.cloud.gaps import gaps_filled
from tests.infra.cloud.clouds import Client

MACHINE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
WRONG = {"StartAt": "Done", "States": {"Done": {"Type": "Dance"}}}


PATCH = gaps_filled


def test_definitions(patched: Client) -> None:
    """A definition is told to be well-formed, or why it is not."""
    validate = patched("stepfunctions").validate_state_machine_definition
    answer = validate(definition=json.dumps(MACHINE))
    assert (answer["result"], answer["diagnostics"]) == ("OK", [])
    answer = validate(definition=json.dumps(WRONG))
    (diagnostic,) = answer["diagnostics"]
    assert (answer["result"], diagnostic["severity"]) == ("FAIL", "ERROR")
    assert "Dance" in diagnostic["message"]


def test_plain_http(patched: Client) -> None:
    """A bucket that refuses plain HTTP serves the loopback interface; other refusals hold."""
    s3 = patched("s3")
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
