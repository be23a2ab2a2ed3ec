"""
The Invoke API through the real AWS CLI, where it is installed: docs/contract.md 6.2.

One call a row whose behaviour a user of the command line can tell from the others; B3, B6, B7, B18
and B19 look as B2, B5, B2, an interrupted command and B9 do.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.local import contract
from infra.settings.function import FunctionConfig
from tests.conftest import absent
from tests.infra.local.invoke.calls import Caller, started

PROGRAM = Path(sys.executable).with_name("aws")
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_PAGER": "",
}
FAILED = (254, 255)
"""What the command ends with when the service refused: version 2, version 1."""


@dataclass(frozen=True)
class Ran:
    """Be a finished command."""

    status: int
    shown: Any  # its JSON; None where it printed nothing
    error: str
    payload: bytes | None  # what it wrote into its outfile


class Cli:
    """Be the command line of one function."""

    def __init__(self, lambda_: Caller, folder: Path) -> None:
        self.lambda_ = lambda_
        self._folder = folder

    def invoke(self, payload: object = None, *options: str, name: str = "tested") -> Ran:
        """
        Run `aws lambda invoke`; a payload goes through a file, for
        an argument has a size limit.
        """
        if not PROGRAM.exists():
            absent(f"expected the AWS CLI at {PROGRAM}, found none")
        out = self._folder / "out"
        command = [sys.executable, str(PROGRAM), "lambda", "invoke", "--function-name", name]
        command += ["--endpoint-url", self.lambda_.local.invoke_url, *options]
        if payload is not None:
            sent = self._folder / "in"
            sent.write_bytes(
                payload if isinstance(payload, bytes) else json.dumps(payload).encode()
            )
            command += ["--payload", f"fileb://{sent}"]
        finished = subprocess.run(
            [*command, str(out)], env=SETTINGS, capture_output=True, check=False, text=True
        )
        shown = json.loads(finished.stdout) if finished.stdout.strip() else None
        written = out.read_bytes() if out.exists() else None
        return Ran(finished.returncode, shown, finished.stderr.strip(), written)


@pytest.fixture(scope="module")
def function(config: FunctionConfig) -> Iterator[Caller]:
    """Be a function with one environment and an alias."""
    with started(config) as start_one:
        yield start_one(concurrency=1, reserved_concurrency=1, aliases={"live": "7"})


@pytest.fixture
def aws(function: Caller, tmp_path: Path) -> Cli:
    """Be its command line."""
    return Cli(function, tmp_path)


def test_b1_success(aws: Cli) -> None:
    """
    B1: the payload in the outfile, byte for byte; the version
    and the client context on the way.
    """
    context = base64.b64encode(b'{"custom": {"k": 1}}').decode()
    ran = aws.invoke({"do": "who"}, "--qualifier", "live", "--client-context", context)
    assert (ran.status, ran.error) == (0, "")
    assert ran.shown == {"StatusCode": 200, "ExecutedVersion": "7"}
    assert ran.payload is not None
    seen = json.loads(ran.payload)
    assert (seen["client"], seen["arn"].endswith(":live")) == ({"k": 1}, True)


def test_b2_and_b8_function_error_with_its_tail(aws: Cli) -> None:
    """B2 and B8: the command itself succeeds; FunctionError and the log's end are shown."""
    ran = aws.invoke({"do": "fail", "message": "näh"}, "--log-type", "Tail")
    assert (ran.status, ran.error) == (0, "")
    log = base64.b64decode(ran.shown.pop("LogResult")).decode()
    assert ran.shown == {
        "StatusCode": 200,
        "FunctionError": "Unhandled",
        "ExecutedVersion": "$LATEST",
    }
    assert log.splitlines()[-1].startswith("REPORT RequestId: ")
    assert ran.payload is not None
    assert json.loads(ran.payload)["errorMessage"] == "näh"


def test_b4_timeout(start: Callable[..., Caller], tmp_path: Path) -> None:
    """B4: a function error that says how long it took."""
    ran = Cli(start(timeout_s=1), tmp_path).invoke({"do": "wait", "seconds": 30})
    assert (ran.status, ran.shown["FunctionError"]) == (0, "Unhandled")
    assert ran.payload is not None
    error = json.loads(ran.payload)
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith(" Error: Task timed out after 1.00 seconds")


def test_b5_exit(aws: Cli) -> None:
    """B5: a function error that names the runtime's end."""
    ran = aws.invoke({"do": "leave", "status": 0})
    assert (ran.status, ran.shown["FunctionError"]) == (0, "Unhandled")
    assert ran.payload is not None
    assert json.loads(ran.payload)["errorType"] == "Runtime.ExitError"


@pytest.mark.parametrize(("kind", "status"), [("Event", 202), ("DryRun", 204)])
def test_b9_and_b10_without_a_result(aws: Cli, kind: str, status: int) -> None:
    """B9 and B10: nothing but a status is shown, and the outfile is empty."""
    ran = aws.invoke({"do": "who"}, "--invocation-type", kind)
    assert (ran.status, ran.error) == (0, "")
    assert (ran.shown, ran.payload) == ({"StatusCode": status}, b"")
    aws.lambda_.local.drained()


def refusal(ran: Ran) -> str:
    """Give what the command says of a refusal by the service, without its own words."""
    assert ran.status in FAILED
    assert (ran.shown, ran.payload) == (None, None)
    before, found, text = ran.error.partition("An error occurred ")
    assert (before.removeprefix("aws: [ERROR]: "), found != "") == ("", True), ran.error
    return text


def test_b11_unknown_function(aws: Cli) -> None:
    """B11: the class and the ARN."""
    assert refusal(aws.invoke({}, name="other")) == (
        "(ResourceNotFoundException) when calling the Invoke operation: Function not found: "
        "arn:aws:lambda:us-east-1:123456789012:function:other:$LATEST"
    )


def test_b12_not_json(aws: Cli) -> None:
    """B12: the class and the service's words."""
    begin = (
        "(InvalidRequestContentException) when calling the Invoke operation: "
        "Could not parse request body into json: Could not parse payload into json: "
    )
    assert refusal(aws.invoke(b"nope")).startswith(begin)


@pytest.mark.parametrize(
    ("kind", "limit", "message"),
    [
        (
            "RequestResponse",
            contract.SYNC_REQUEST_LIMIT_BYTES,
            "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
        ),
        (
            "Event",
            contract.EVENT_REQUEST_LIMIT_BYTES,
            "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
        ),
    ],
)
def test_b13_and_b14_too_large(aws: Cli, kind: str, limit: int, message: str) -> None:
    """B13 and B14: 413 in the service's words."""
    body = b'"' + b"x" * (limit - 1) + b'"'
    begin = "(RequestEntityTooLargeException) when calling the Invoke operation: "
    assert refusal(aws.invoke(body, "--invocation-type", kind)) == begin + message


def test_b15_no_free_environment(aws: Cli, tmp_path: Path) -> None:
    """B15: throttled while the only environment works."""
    with aws.lambda_.busy(tmp_path) as answers:
        shown = refusal(aws.invoke({}))
    assert [answer.result().status for answer in answers] == [200]
    # Between the two it says how often it tried.
    assert shown.startswith("(TooManyRequestsException) when calling the Invoke operation")
    assert shown.endswith(": Rate Exceeded.")


def test_b16_not_valid(aws: Cli) -> None:
    """B16: a name that is none; the command itself checks only the enumerations of its options."""
    shown = refusal(aws.invoke({}, name="sp ace"))
    begin = "(ValidationException) when calling the Invoke operation: 1 validation error detected: "
    assert shown.startswith(begin + "Value 'sp ace' at 'functionName' failed to satisfy")


def test_b17_client_context(aws: Cli) -> None:
    """B17: refused, with a status that is not recorded [?]."""
    assert refusal(aws.invoke({}, "--client-context", "!!!")) == (
        "(InvalidRequestContentException) when calling the Invoke operation: "
        "Client context must be a valid Base64-encoded JSON object"
    )
