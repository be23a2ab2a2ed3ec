"""moto's image functions, run by the emulator in this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import boto3
import psutil
import pytest
from moto import mock_aws
from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse

from infra.cloud.cloud import cloud
from infra.cloud.plugin import ImageFunctions
from infra.local.errors import PortTaken, StartError
from infra.settings import Settings
from infra.settings.function import FunctionConfig
from tests.infra.cloud.clouds import REGION, client_of, created, moto_server, told

pytest_plugins = ["infra.cloud.fixture"]


@pytest.fixture
def echo(config: Settings) -> Settings:
    """The code behind every image."""
    return config.replace(handler="echo.handler")


def mocked(service: str) -> Any:
    """Make a boto3 client inside mock_aws."""
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


def test_in_process(image_functions: Callable[[FunctionConfig], Any], echo: FunctionConfig) -> None:
    """Inside mock_aws a created image function runs the real handler (getmoto/moto#5636)."""
    image_functions(echo)
    name = created(mocked, MemorySize=256, Environment={"Variables": {"COLOUR": "red"}})
    answer = mocked("lambda").invoke(FunctionName=name, Payload=b'{"a": "\xc3\xbc"}')
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert told(answer) == {
        "event": {"a": "ü"},
        "name": name,
        "memory_mb": "256",
        "arn": f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        "colour": "red",
        "endpoint": None,
    }


def test_moto_alone_does_not_run_images() -> None:
    """Without the plug-in moto does not run the handler: the test above can fail."""
    with mock_aws(config={"lambda": {"use_docker": False}}):
        answer = mocked("lambda").invoke(FunctionName=created(mocked), Payload=b"{}")
        assert "event" not in told(answer)


def test_nothing_is_left(echo: FunctionConfig) -> None:
    """Afterwards moto's methods are its own again, and no process and no thread is left."""
    before = LambdaResponse.invoke, LambdaFunction.invoke
    threads = set(threading.enumerate())
    processes = set(psutil.Process().children())
    with mock_aws(), ImageFunctions(echo):
        name = created(mocked)
        mocked("lambda").invoke(FunctionName=name, Payload=b"{}")
        assert LambdaResponse.invoke is not before[0]
        assert set(threading.enumerate()) > threads
        assert set(psutil.Process().children()) > processes
    assert (LambdaResponse.invoke, LambdaFunction.invoke) == before
    assert set(threading.enumerate()) == threads
    assert set(psutil.Process().children()) <= processes


def test_only_one(echo: FunctionConfig) -> None:
    """A second one in the process is refused: they would take each other's messages."""
    with ImageFunctions(echo):
        with pytest.raises(StartError) as caught, ImageFunctions(echo):
            pass
        expected = "expected one ImageFunctions (or cloud) in a process, got a second"
        assert str(caught.value) == expected
    with ImageFunctions(echo):
        pass


def test_taken_port(echo: FunctionConfig) -> None:
    """A port in use is said at once, with the flag that changes it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken) as caught, cloud(echo, port=port):
            pass
    assert f"port {port} on 127.0.0.1 is in use" in str(caught.value)


def test_a_cloud_begins_empty(echo: FunctionConfig) -> None:
    """What an earlier cloud of the process had is not in the next one, nor afterwards in moto."""
    for _ in range(2):
        with cloud(echo, port=0) as box:
            queues = client_of("sqs", box.url)
            assert "QueueUrls" not in queues.list_queues()
            queues.create_queue(QueueName="left")
            assert len(queues.list_queues()["QueueUrls"]) == 1
    with moto_server() as url:
        assert "QueueUrls" not in client_of("sqs", url).list_queues()
