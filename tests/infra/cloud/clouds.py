"""A cloud that the tests fill: functions in it, and waiting for what they do."""

from __future__ import annotations

import contextlib
import json
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from infra.cloud.queues import queues_locked

Client = Callable[[str], Any]


REGION = "us-east-1"
URI = "123456789012.dkr.ecr.us-east-1.amazonaws.com/lambake:1"


@contextlib.contextmanager
def moto_server() -> Iterator[str]:
    """Start a cloud without the emulator; yield its address.

    Its queues are locked: moto's own lose a message that is sent while another is deleted.
    """
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with queues_locked():
            yield f"http://{host}:{port}"
    finally:
        server.stop()


def client_of(service: str, endpoint: str) -> Any:
    """Make a boto3 client of a cloud."""
    return boto3.client(service, region_name=REGION, endpoint_url=endpoint)  # type: ignore[call-overload]


def bucket(s3: Any) -> str:
    """Create a bucket of a new name."""
    name = f"b-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def created(client: Client, **options: Any) -> str:
    """Create an image function of a new name, with the role that moto wants."""
    name = f"tested-t{uuid.uuid4().hex[:8]}"
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client("lambda").create_function(
        FunctionName=name, Role=role, PackageType="Image", Code={"ImageUri": URI}, **options
    )
    return name


def told(answer: Any) -> Any:
    """Read the payload of an invocation."""
    return json.loads(answer["Payload"].read())


def until(true: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + 120
    while not true():
        if time.monotonic() > end:
            caller = traceback.extract_stack(limit=2)[0]
            raise AssertionError(f"expected in two minutes, in {caller.name}: {caller.line}")
        time.sleep(0.05)
