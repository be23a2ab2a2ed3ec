"""The image as plain HTTP: no Lambda around it, on a port,
without a network, as narrow as there.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.containers import ContainerTool
from tests.contract.lambake_target import LambakeTarget
from tests.contract.target import Spec, invoked
from tests.contract.test_function import without_ids
from tests.function import corpus
from tests.function.protocols import test_clients
from tests.image.containers import ContainerRunning

# What asks of the function, not of Lambda's envelope: no stage, no broken event.
CASES = [
    case
    for case in corpus.CASES
    if case.source == "http-api-2.0"
    and case.event["requestContext"].get("stage") == "$default"
    and not case.name.endswith(("null_fields", "wrong_base64"))
]
LOOK = """
import json, os, resource, socket
def tried(work):
    try:
        work()
    except OSError as exc:
        return exc.errno
disk = os.statvfs("/tmp")
print(json.dumps({
    "user": os.getuid(),
    "root": tried(lambda: open("/var/task/x", "w")),
    "home": tried(lambda: open("/var/tmp/x", "w")),
    "tmp": tried(lambda: open("/tmp/x", "w").close()),
    "tmp_mb": disk.f_blocks * disk.f_frsize // 2**20,
    "shm": os.path.exists("/dev/shm"),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    "away": tried(lambda: socket.create_connection(("192.0.2.1", 80), timeout=1)),
    "capabilities": [l.split()[1] for l in open("/proc/self/status") if l.startswith("CapEff")][0],
}))
"""


@pytest.fixture(scope="module", params=["serve", "PORT"])
def served(request: pytest.FixtureRequest, tool: ContainerTool, image: str) -> Iterator[str]:
    """Serve by the command, on 5000, and by the variable that Cloud Run sets."""
    if request.param == "serve":
        running = ContainerRunning(tool, image, port=5000, command=["serve"], variables={})
    else:
        running = ContainerRunning(tool, image, port=8123, variables={"PORT": "8123"})
    with contextlib.closing(running):
        yield running.url


def sent(url: str, event: dict[str, Any]) -> tuple[int, str, str]:
    """Send what an event of an HTTP API was made from."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    query = event["rawQueryString"]
    body = event.get("body")
    with contextlib.closing(connection):
        connection.request(
            event["requestContext"]["http"]["method"],
            event["rawPath"] + (f"?{query}" if query else ""),
            base64.b64decode(body) if body and event["isBase64Encoded"] else body,
            event["headers"],
        )
        response = connection.getresponse()
        return response.status, response.headers["content-type"], response.read().decode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_request(served: str, case: corpus.Case) -> None:
    """Plain HTTP gives the status, the type and the body that Lambda's front gives."""
    status, kind, body = sent(served, case.event)
    reply = case.reply
    assert (status, kind) == (reply["statusCode"], reply["headers"]["content-type"])
    assert without_ids({"body": body}) == without_ids({"body": reply["body"]})


@pytest.mark.parametrize("served", ["serve"], indirect=True)
def test_a_client_of_tensors(served: str) -> None:
    """Triton's client, unmodified, finds every protocol in the image."""
    test_clients.run(
        "-c", f"ROW = {test_clients.ROW}\n{test_clients.TRITON}", served.removeprefix("http://")
    )


def test_there_is_something_to_ask() -> None:
    """Predictions and errors are among the requests."""
    assert {case.reply["statusCode"] for case in CASES} >= {200, 404, 422}


def test_the_port_is_not_heeded_on_lambda(image: str) -> None:
    """A function with a variable PORT is still a function: the Runtime API is what tells."""
    spec = Spec(handler="function.entry.handler", environment={"PORT": "8123"})
    with contextlib.closing(LambakeTarget(image).start(spec)) as running:
        case = next(case for case in CASES if case.name.endswith("add"))
        assert invoked(running, json.dumps(case.event).encode()).json["body"] == "30"


def test_a_container_is_as_narrow_as_lambda(tool: ContainerTool, image: str) -> None:
    """Not root, a read-only root, 512 MB of /tmp, no shared memory, no network, no capability."""
    running = ContainerRunning(tool, image, port=5000, command=["serve"], variables={})
    with contextlib.closing(running):
        found = json.loads(tool.ask("exec", running.name, "python", "-c", LOOK))
    assert found == {
        "user": 993,
        "root": 30,
        "home": 30,
        "tmp": None,
        "tmp_mb": 512,
        "shm": False,
        "files": 1024,
        "away": 101,
        "capabilities": "0" * 16,
    }
