"""moto's methods that are replaced so that functions run, and restored afterwards."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.core.responses import BaseResponse
from moto.s3 import notifications
from moto.sqs.models import Queue

from infra.cloud.replaced import replaced
from infra.cloud.versions import function_behind, named
from infra.local.invoke.errors import InvokeError, function_not_found
from infra.local.trigger_events import Change, StoredObject, s3_event
from infra.settings.limits import LATEST

if TYPE_CHECKING:
    from infra.cloud.plugin import ImageFunctions

Answer = tuple[int, dict[str, str], bytes]

_OF_THE_CONNECTION = frozenset({"connection", "content-length", "date"})


@contextlib.contextmanager
def moto_patched(functions: ImageFunctions) -> Iterator[None]:
    """Route every way in which moto invokes a function to the emulator, while the block runs."""
    # moto's queues must not know their mappings: they would invoke by themselves at each message
    # sent, ignoring the visibility timeout and with invented attributes.
    forgetful = property(lambda _: {}, lambda _, __: None)
    with (
        replaced(
            (LambdaResponse, "setup_class", _set_up),
            (LambdaResponse, "invoke", _operation(functions)),
            (LambdaResponse, "_enrich_response", staticmethod(_enriched)),
            (LambdaFunction, "invoke", _internal(functions)),
            (notifications, "_invoke_awslambda", _notification(functions)),
            (notifications, "_get_s3_event", _s3_event),
        ),
        replaced((Queue, "lambda_event_source_mappings", forgetful), create=True),
    ):
        yield


_setup_class = BaseResponse.setup_class


def _set_up(self: Any, request: Any, *given: Any, **options: Any) -> None:
    """Leave a payload as it came: moto fails at bytes that are no UTF-8."""
    if request.path.endswith("/invocations"):
        options["use_raw_body"] = True
    _setup_class(self, request, *given, **options)


def _operation(functions: ImageFunctions) -> Callable[[Any], Any]:
    """Replace the Invoke operation that clients call."""

    def invoke(self: Any) -> Any:
        asked_for = unquote(self.path.rsplit("/", 2)[-2])
        name, cut_off = named(asked_for)
        query = (self.querystring or {}).get("Qualifier", [])
        qualifier = query[0] if query else cut_off
        try:
            function = function_behind(self.backend, name, qualifier)
        except UnknownFunctionException as error:
            arn = ":".join(error.message.partition(": ")[2].split(":")[:7])
            status, headers, body = refusal(function_not_found(f"{arn}:{qualifier or LATEST}"))
        else:
            # As it was asked for: the emulator itself answers qualifiers that contradict.
            told_by = urlencode({"Qualifier": query}, doseq=True)
            target = f"{quote(asked_for, safe='')}/invocations?{told_by}"
            status, headers, body = functions.invoke(
                function, self.raw_body, dict(self.headers), qualifier, target=target
            )
        # moto takes the status from the headers.
        told = {name: text for name, text in headers.items() if name not in _OF_THE_CONNECTION}
        return status, {**told, "status": str(status)}, body

    return invoke


def refusal(error: InvokeError) -> Answer:
    """Return an error as the Invoke API's answer."""
    told = {"content-type": "application/json", "x-amzn-errortype": error.error_type}
    return error.status, told, error.body


_enrich_response = BaseResponse._enrich_response


def _enriched(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
    """Let an invocation keep its own request id, the one in the function's logs."""
    request_id = headers.get("x-amzn-requestid")
    headers, body = _enrich_response(headers, body)
    if request_id is not None:
        headers["x-amzn-requestid"] = request_id
    return headers, body


def _internal(functions: ImageFunctions) -> Callable[..., Any]:
    """Replace the method by which SNS and log groups invoke asynchronously."""

    def invoke(self: Any, body: Any, _request_headers: Any, _response_headers: Any) -> Any:
        functions.accept(self, body if isinstance(body, bytes) else str(body or "{}").encode())
        return b""

    return invoke


def _notification(functions: ImageFunctions) -> Callable[..., None]:
    """Replace the function by which a bucket invokes."""

    def invoke(_account_id: str, event: Any, arn: str, _region: str) -> None:
        functions.deliver(arn, json.dumps(event).encode())

    return invoke


def _s3_event(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
    """Return a notification in the service's full form; moto's own lacks half of it."""
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
