"""The methods of moto that have to change for functions to run, and their way back."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol
from unittest.mock import patch
from urllib.parse import unquote

from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.core.responses import BaseResponse
from moto.s3 import notifications
from moto.sqs.models import Queue

from infra.cloud.aliases import function_behind, named
from infra.local.trigger_events import Change, StoredObject, s3_event

Answer = tuple[int, dict[str, str], bytes]

_OF_THE_CONNECTION = frozenset({"connection", "content-length", "date"})


class Functions(Protocol):
    """What runs functions (plugin.ImageFunctions)."""

    def runs(self, function: Any) -> bool:
        """Tell whether it is one to run."""

    def invoke(
        self, function: Any, body: bytes, headers: Mapping[str, str], qualifier: str | None = None
    ) -> Answer:
        """Pass an invocation on."""

    def accept(self, function: Any, body: bytes) -> None:
        """Queue an asynchronous invocation."""


@contextlib.contextmanager
def moto_patched(functions: Functions) -> Iterator[None]:
    """Lead every way by which moto invokes a function to the emulator, while the block runs."""
    with contextlib.ExitStack() as stack:
        for target, name, replacement in (
            (LambdaResponse, "invoke", _operation(functions, LambdaResponse.invoke)),
            (LambdaResponse, "_enrich_response", staticmethod(_enriched)),
            (LambdaFunction, "invoke", _internal(functions, LambdaFunction.invoke)),
            (notifications, "_get_s3_event", _s3_event),
        ):
            stack.enter_context(patch.object(target, name, replacement))
        # moto's queues would invoke by themselves at each message sent, past the visibility timeout
        # and with invented attributes: they must not know their mappings.
        forgetful = property(lambda _: {}, lambda _, __: None)
        stack.enter_context(
            patch.object(Queue, "lambda_event_source_mappings", forgetful, create=True)
        )
        yield


def _operation(functions: Functions, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Replace the Invoke operation, as clients call it."""

    def invoke(self: Any) -> Any:
        name, qualifier = named(unquote(self.path.rsplit("/", 2)[-2]))
        qualifier = (self.querystring or {}).get("Qualifier", [qualifier])[0]
        function = function_behind(self.backend, name, qualifier)
        if not functions.runs(function):
            return original(self)
        raw = self.raw_body if isinstance(self.raw_body, bytes) else str(self.body).encode()
        status, headers, body = functions.invoke(function, raw, dict(self.headers), qualifier)
        # moto takes the status from the headers.
        told = {name: text for name, text in headers.items() if name not in _OF_THE_CONNECTION}
        return status, {**told, "status": str(status)}, body

    return invoke


_enrich_response = BaseResponse._enrich_response


def _enriched(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
    """Let an invocation keep its own request id, the one in the function's logs."""
    request_id = headers.get("x-amzn-requestid")
    headers, body = _enrich_response(headers, body)
    if request_id is not None:
        headers["x-amzn-requestid"] = request_id
    return headers, body


def _internal(functions: Functions, original: Callable[..., Any]) -> Callable[..., Any]:
    """
    Replace the method by which S3, SNS, EventBridge and log
    groups invoke: all asynchronously.
    """

    def invoke(self: Any, body: Any, request_headers: Any, response_headers: Any) -> Any:
        if not functions.runs(self):
            return original(self, body, request_headers, response_headers)
        functions.accept(self, body if isinstance(body, bytes) else str(body or "{}").encode())
        return b""

    return invoke


def _s3_event(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
    """Make a notification in the service's full shape; moto's own lacks half of it."""
    now_ns = time.time_ns()
    stored = StoredObject(
        key=key.name,
        size=key.size,
        etag=key.etag.strip('"'),
        version_id=key.version_id if bucket.is_versioned else None,
    )
    change = Change(
        name=event_name.removeprefix("s3:"),
        at_s=now_ns / 1e9,
        sequencer=f"{now_ns:018X}",
        request_id=uuid.uuid4().hex[:16].upper(),
    )
    return s3_event(
        stored,
        change,
        bucket=bucket.name,
        region=bucket.region_name,
        configuration_id=notification_id,
    )
