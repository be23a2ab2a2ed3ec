"""The clients of the Invoke API: bare HTTP, boto3, the AWS CLI. All ask the same.

An answer's facts are `status`, `error` and `body`; a refusal's `status`, `type`, and either `body`
(HTTP: to the letter) or `message` (boto3 and the CLI, which does not tell the status).
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from unittest import mock
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.contract.target import NAME, Running, invoked
from tests.infra.local.plain_http import Reply

SETTINGS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_PAGER": "",
}
FRAME: Final = {"date", "content-length", "content-type", "x-amzn-requestid"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_ANY_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_REFUSAL = re.compile(
    r"(?:aws: \[ERROR\]: )?An error occurred \((\w+)\) when calling the Invoke operation"
    r"(?: \(reached max retries: \d\))?: (.*)",
    re.DOTALL,
)

Facts = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """What a caller may say to Invoke."""

    payload: bytes = b"{}"
    name: str = NAME
    qualifier: str | None = None
    kind: str | None = None  # InvocationType
    log: str | None = None  # LogType
    context: str | None = None  # ClientContext


def act(do: str, **event: object) -> bytes:
    """Spell the event for one of the acts of tests/infra/handlers/acts.py."""
    return json.dumps({"do": do, **event}).encode()


class Client(Protocol):
    """One way to invoke."""

    name: str
    untold: frozenset[str]  # facts of a refusal that this client does not tell

    def ask(self, running: Running, ask: Ask) -> Facts:
        """Invoke once and return the facts."""


class HttpClient:
    """The API by bare HTTP."""

    name = "http"
    untold = frozenset({"message"})

    def ask(self, running: Running, ask: Ask) -> Facts:
        """Send one POST."""
        headers = {
            "X-Amz-Invocation-Type": ask.kind,
            "X-Amz-Log-Type": ask.log,
            "X-Amz-Client-Context": ask.context,
        }
        name, query = quote(ask.name, safe=""), f"?Qualifier={ask.qualifier}"
        path = f"/2015-03-31/functions/{name}/invocations{query if ask.qualifier else ''}"
        if (ask.name, ask.qualifier) == (NAME, None):
            path = running.path  # RIE knows one path only
        answer = invoked(
            running,
            ask.payload,
            {name: value for name, value in headers.items() if value},
            path=path,
        )
        status, error, body = failure(answer)
        if status >= 400:
            kind = answer.headers.get("x-amzn-errortype")
            return {"status": status, "type": kind, "body": body}
        return {"status": status, "error": error, "body": body}


class Boto3Client:
    """boto3, without retries. What the library promises of every answer is asserted here."""

    name = "boto3"
    untold = frozenset({"body"})

    def ask(self, running: Running, ask: Ask) -> Facts:
        """Call `invoke`."""
        asked: dict[str, Any] = {
            "FunctionName": ask.name,
            "Payload": ask.payload,
            "Qualifier": ask.qualifier,
            "InvocationType": ask.kind,
            "LogType": ask.log,
            "ClientContext": ask.context,
        }
        client = boto3.client(
            "lambda",
            endpoint_url=running.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        with contextlib.closing(client):
            try:
                answer = client.invoke(**{key: value for key, value in asked.items() if value})
            except ClientError as error:
                return self._refusal(client, error)
            body = answer["Payload"].read()
        described = answer["ResponseMetadata"]
        self._check(described)
        assert described["HTTPStatusCode"] == answer["StatusCode"]
        return {
            "status": answer["StatusCode"],
            "error": answer.get("FunctionError"),
            "body": body_of(body),
        }

    def _check(self, described: Any) -> None:
        headers = described["HTTPHeaders"]
        assert set(headers) >= (FRAME if described["HTTPStatusCode"] != 204 else set())
        assert described["RetryAttempts"] == 0
        assert _UUID.fullmatch(described["RequestId"])
        assert headers["x-amzn-requestid"] == described["RequestId"]

    def _refusal(self, client: Any, error: ClientError) -> Facts:
        response, code = error.response, error.response["Error"]["Code"]
        described = response["ResponseMetadata"]
        self._check(described)
        assert set(described["HTTPHeaders"]) == FRAME | {"x-amzn-errortype"}
        # Only the errors that the service's model knows are classes of their own.
        modelled = (
            getattr(client.exceptions, code, ClientError) if code in MODELLED else ClientError
        )
        assert type(error) is modelled
        assert response.get("Type", "User") == "User"
        return {
            "status": described["HTTPStatusCode"],
            "type": code,
            "message": response["Error"]["Message"],
        }


MODELLED: Final = {
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "ResourceNotFoundException",
    "TooManyRequestsException",
}


class CliClient:
    """The AWS CLI, in this process: importing it takes a second."""

    name = "aws cli"
    untold = frozenset({"body", "status"})

    def ask(self, running: Running, ask: Ask) -> Facts:
        """Run `aws lambda invoke`; a payload goes through a file, for an argument has a limit."""
        with tempfile.TemporaryDirectory() as folder:
            sent, out = Path(folder, "in"), Path(folder, "out")
            sent.write_bytes(ask.payload)
            options = {
                "--function-name": ask.name,
                "--endpoint-url": running.url,
                "--payload": f"fileb://{sent}",
                "--qualifier": ask.qualifier,
                "--invocation-type": ask.kind,
                "--log-type": ask.log,
                "--client-context": ask.context,
            }
            given = [text for pair in options.items() if pair[1] for text in pair if text]
            status, told, error = run_cli("lambda", "invoke", *given, str(out))
            written = out.read_bytes() if out.exists() else None
        if status:
            found = _REFUSAL.fullmatch(error.strip())
            assert found, error
            assert (status in (254, 255), told, written) == (True, "", None)
            return {"type": found[1], "message": found[2]}
        assert written is not None
        shown = json.loads(told)
        return {
            "status": shown["StatusCode"],
            "error": shown.get("FunctionError"),
            "body": body_of(written),
        }


def run_cli(*arguments: str) -> tuple[int, str, str]:
    """Run the AWS CLI.

    Returns:
        Its exit status, and what it wrote to stdout and stderr.
    """
    told, error = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, SETTINGS, clear=True),
        contextlib.redirect_stdout(told),
        contextlib.redirect_stderr(error),
    ):
        from awscli import clidriver  # late: few processes of a run need it

        os.environ["AWS_DATA_PATH"] = str(Path(clidriver.__file__).with_name("data"))
        status: int = clidriver.create_clidriver().main(list(arguments))
    return status, told.getvalue(), error.getvalue()


def masked(text: str) -> str:
    """Replace request ids by a mark."""
    return _ANY_UUID.sub("<id>", text)


def body_of(payload: bytes) -> Any:
    """Read a payload, request ids masked; text where it is no JSON."""
    text = masked(payload.decode("utf-8", "replace"))
    try:
        return json.loads(text)
    except ValueError:
        return text


def failure(answer: Reply) -> tuple[int, str | None, Any]:
    """Return status, X-Amz-Function-Error and the body, read where it is JSON."""
    return answer.status, answer.headers.get("x-amz-function-error"), body_of(answer.body)


def client_context(data: bytes) -> str:
    """Spell a client context as its header does."""
    return base64.b64encode(data).decode()


HTTP: Final = HttpClient()
BOTO3: Final = Boto3Client()
CLI: Final = CliClient()
