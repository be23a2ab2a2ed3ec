"""
Call an emulator's Invoke API as clients do: with boto3, and with bare HTTP.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config

from infra.local.function import FunctionConfig
from infra.local.server import LocalLambda
from tests.infra.processes import note_stream


@dataclass(frozen=True)
class Reply:
    """
    Be an HTTP reply.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """
        Read the body.
        """
        return json.loads(self.body)

    @property
    def log(self) -> str:
        """
        Read the log's tail.
        """
        return base64.b64decode(self.headers["x-amz-log-result"]).decode()


class Caller:
    """
    Be a client of one emulator.
    """

    def __init__(self, local: LocalLambda) -> None:
        self.local = local
        self.name = local.config.name
        self._client: Any = None

    @property
    def client(self) -> Any:
        """
        Give a boto3 client that does not retry.
        """
        if self._client is None:
            self._client = boto3.client(
                "lambda",
                endpoint_url=self.local.invoke_url,
                region_name=self.local.config.region,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
            )
        return self._client

    def post(
        self, body: bytes, headers: dict[str, str] | None = None, *, name: str | None = None
    ) -> Reply:
        """
        Invoke with bare HTTP.
        """
        path = f"/2015-03-31/functions/{quote(name or self.name, safe='')}/invocations"
        return self.request("POST", path, body, headers)

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Reply:
        """
        Send one request.
        """
        host = self.local.invoke_url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())

    def do(self, act: str, *, tail: bool = False, **event: object) -> Reply:
        """
        Let the function do one of its acts.
        """
        headers = {"X-Amz-Log-Type": "Tail"} if tail else None
        return self.post(json.dumps({"do": act, **event}).encode(), headers)

    def close(self) -> None:
        """
        Hang up.
        """
        if self._client is not None:
            self._client.close()


@contextlib.contextmanager
def started(config: FunctionConfig) -> Iterator[Callable[..., Caller]]:
    """
    Give what starts emulators; all stop at the end of the block.
    """
    with contextlib.ExitStack() as stack:

        def start_one(options: dict[str, Any] | None = None, **changes: Any) -> Caller:
            described = LocalLambda(config.replace(**changes), **(options or {}))
            described.listen(note_stream)
            local = stack.enter_context(described)
            return stack.enter_context(contextlib.closing(Caller(local)))

        yield start_one
