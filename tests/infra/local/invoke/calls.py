"""Call an emulator's Invoke API as clients do: with boto3, and with bare HTTP."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config

from infra.local.server import LocalLambda
from infra.settings.function import FunctionConfig
from tests.infra.local.plain_http import Reply, asked
from tests.infra.local.processes import note_stream


class Caller:
    """A client of one emulator."""

    def __init__(self, local: LocalLambda) -> None:
        self.local = local
        self.name = local.config.name
        self._client: Any = None

    @property
    def client(self) -> Any:
        """Return a boto3 client that does not retry."""
        if self._client is None:
            self._client = self.impatient(read_timeout_s=60)
        return self._client

    def impatient(self, *, read_timeout_s: float) -> Any:
        """Make another client, which gives up after a while; the caller closes it."""
        return boto3.client(
            "lambda",
            endpoint_url=self.local.invoke_url,
            region_name=self.local.config.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout_s),
        )

    def post(
        self, body: bytes, headers: dict[str, str] | None = None, *, name: str | None = None
    ) -> Reply:
        """Invoke with bare HTTP."""
        path = f"/2015-03-31/functions/{quote(name or self.name, safe='')}/invocations"
        return self.request("POST", path, body, headers)

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Reply:
        """Send one request."""
        return asked(self.local.invoke_url, method, path, body, headers)

    def do(self, act: str, *, tail: bool = False, **event: object) -> Reply:
        """Let the function do one of its acts."""
        headers = {"X-Amz-Log-Type": "Tail"} if tail else None
        return self.post(json.dumps({"do": act, **event}).encode(), headers)

    @contextlib.contextmanager
    def busy(self, folder: Path, count: int = 1) -> Iterator[list[Future[Reply]]]:
        """Keep environments busy for the length of a block; gives their answers to come."""
        release = folder / "release"
        with ThreadPoolExecutor(count) as pool:
            answers = [pool.submit(self.do, "hold", until=str(release)) for _ in range(count)]
            try:
                while self.local.under_way < count:
                    time.sleep(0.005)
                yield answers
            finally:
                release.touch()

    def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.close()


@contextlib.contextmanager
def started(config: FunctionConfig) -> Iterator[Callable[..., Caller]]:
    """Return what starts emulators; all stop at the end of the block."""
    with contextlib.ExitStack() as stack:

        def start_one(options: dict[str, Any] | None = None, **changes: Any) -> Caller:
            described = LocalLambda(config.replace(**changes), **(options or {}))
            described.listen(note_stream)
            local = stack.enter_context(described)
            return stack.enter_context(contextlib.closing(Caller(local)))

        yield start_one
