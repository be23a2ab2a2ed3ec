"""The emulator behind moto's Lambda: image functions that boto3 creates there really run.

moto refuses to invoke a function of PackageType=Image (getmoto/moto#5636). While `ImageFunctions`
is entered, every function is a LocalLambda: of an image, or of a Python zip.

The cost: moto's own methods are replaced by name, so a release of moto can break it; the tests
would show that. Resource policies are not checked: every source may invoke.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import quote, urlencode

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.utils import get_backend

from infra.cloud.code import FunctionCode, Images, one_code_for_all
from infra.cloud.codedeploy.operations import codedeploy_played
from infra.cloud.concurrency import concurrency_limited
from infra.cloud.event_configs import event_configs_kept
from infra.cloud.events import events_delivered
from infra.cloud.function_settings import emulated, settings_checked
from infra.cloud.image_digests import images_resolved
from infra.cloud.logs import LogDelivery
from infra.cloud.mappings import Client, default_client, queues_polled
from infra.cloud.patches import Answer, moto_patched, refusal
from infra.cloud.versions import function_behind, named, versions_frozen
from infra.local.contract import INVOKE_API_PREFIX
from infra.local.errors import StartError
from infra.local.invoke.errors import service_failed
from infra.local.server import LocalLambda
from infra.settings.errors import InfraError
from infra.settings.function import FunctionConfig
from infra.settings.limits import LATEST

LOGGER = logging.getLogger(__name__)

_PASSED_ON = (
    "x-amz-invocation-type",
    "x-amz-log-type",
    "x-amz-client-context",
    "x-amzn-trace-id",
    "x-amz-tenant-id",  # refused there, never ignored
    "x-amz-durable-execution-name",
)


_ONLY_ONE = threading.Lock()


class ImageFunctions:
    """Runs moto's image functions in the emulator, while entered."""

    def __init__(
        self,
        config: FunctionConfig,
        *,
        variables: Mapping[str, str] | None = None,
        client: Client = default_client,
        images: Images = one_code_for_all,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """Set what runs for the images.

        Args:
            config: root and handler of images, unless an image's Command names a handler.
            variables: set for every function, unless it sets them itself.
            client: makes the boto3 client of a service in a region, for polling queues.
            images: returns the settings for each image, if they differ.
            now_s: the clock by which CodeDeploy shifts traffic, in seconds.
        """
        self._config = config
        self._variables = dict(variables or {})
        self._client = client
        self._code = FunctionCode(images)
        self._now_s = now_s
        self._logs = LogDelivery()
        self._running: dict[tuple[str, str], LocalLambda] = {}
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Replace moto's methods; a second entry is refused, as moto's state is one per process."""
        if not _ONLY_ONE.acquire(blocking=False):
            raise StartError("expected one ImageFunctions (or cloud) in a process, got a second")
        with contextlib.ExitStack() as stack:
            stack.callback(_ONLY_ONE.release)
            stack.callback(self._code.close)
            stack.enter_context(self._logs)
            stack.callback(self._stop_functions)
            stack.enter_context(versions_frozen())
            stack.enter_context(images_resolved())
            stack.enter_context(concurrency_limited())
            stack.enter_context(settings_checked())
            stack.enter_context(event_configs_kept())
            stack.enter_context(moto_patched(self))
            stack.enter_context(events_delivered(self.deliver))
            stack.enter_context(codedeploy_played(self.accept, self._now_s))
            stack.enter_context(queues_polled(self.invoke, self._client))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        """Restore moto's methods and stop every function."""
        self._stack.close()

    def local(self, function: Any, qualifier: str | None = None) -> LocalLambda:
        """Return the emulator of one of moto's functions, started on demand and after changes."""
        config = self.config_of(function, qualifier)
        key = (function.function_arn, qualifier or "")
        with self._lock:
            running = self._running.get(key)
            if running is None:
                local = LocalLambda(config)
                self._logs.follow(local, function)
                running = self._running[key] = local.__enter__()
            elif running.config != config:
                running.change(config)
            return running

    def config_of(self, function: Any, qualifier: str | None = None) -> FunctionConfig:
        """Derive an emulator's settings from moto's function."""
        settings = emulated(function, qualifier)
        aliases = {}
        if qualifier not in (None, "", LATEST):
            aliases = {str(qualifier): str(function.version)}
        return self._config.replace(
            **settings | {"environment": {**self._variables, **settings["environment"]}},
            aliases=aliases,
            aws_endpoint=self._variables.get("AWS_ENDPOINT_URL"),
            **self._code.settings_of(function),
        )

    def invoke(
        self,
        function: Any,
        body: bytes,
        headers: Mapping[str, str],
        qualifier: str | None = None,
        *,
        target: str | None = None,
    ) -> Answer:
        """Pass an invocation on to the function's Invoke API, and return its answer.

        Args:
            function: one of moto's.
            body: the payload.
            headers: those of the client's request, by any case.
            qualifier: the version or alias that was asked for.
            target: what follows /functions/ in the client's request, if there is one.
        """
        try:
            local = self.local(function, qualifier)
        except (InfraError, OSError) as error:
            return refusal(service_failed(str(error)))
        if target is None:
            query = f"?{urlencode({'Qualifier': qualifier})}" if qualifier else ""
            target = f"{quote(function.function_name)}/invocations{query}"
        passed_on = {name: text for name, text in headers.items() if name.lower() in _PASSED_ON}
        address = local.invoke_url.removeprefix("http://")
        # Not through urllib3 or requests: mock_aws intercepts them.
        with contextlib.closing(http.client.HTTPConnection(address)) as connection:
            connection.request("POST", f"{INVOKE_API_PREFIX}{target}", body, passed_on)
            answer = connection.getresponse()
            told = {name.lower(): text for name, text in answer.getheaders()}
            return answer.status, told, answer.read()

    def accept(self, function: Any, body: bytes, qualifier: str | None = None) -> None:
        """Queue an asynchronous invocation."""
        status, _, answer = self.invoke(
            function, body, {"X-Amz-Invocation-Type": "Event"}, qualifier
        )
        if status != 202:
            LOGGER.warning("%s did not take an event: %s", function.function_arn, answer.decode())

    def deliver(self, arn: str, body: bytes) -> None:
        """Queue an asynchronous invocation of the function, version or alias of an ARN."""
        _, _, _, region, account, *_ = arn.split(":")
        name, qualifier = named(arn)
        try:
            function = function_behind(get_backend(account, region), name, qualifier)
        except LambdaClientError as error:
            LOGGER.warning("an event is lost: %s", error.message)
        else:
            self.accept(function, body, qualifier)

    def logs(self, function_name: str) -> list[str]:
        """Return what a function's emulators have logged since they were started."""
        with self._lock:
            running = [one for one in self._running.values() if one.config.name == function_name]
        return [line for one in running for line in one.logs]

    def drained(self) -> None:
        """Wait until no asynchronous invocation is left."""
        with self._lock:
            running = list(self._running.values())
        for one in running:
            one.drained()

    def _stop_functions(self) -> None:
        with self._lock:
            running, self._running = self._running, {}
        for one in running.values():
            one.__exit__(None, None, None)
