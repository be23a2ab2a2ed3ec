"""moto's event source mappings: each enabled one of a queue gets a poller."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import EventSourceMapping, LambdaBackend, lambda_backends
from moto.awslambda_simple.models import lambda_simple_backends

from infra.cloud.patches import Answer
from infra.cloud.replaced import replaced
from infra.cloud.versions import function_behind, named
from infra.local.errors import Throttled
from infra.local.invocation import InvokeResult
from infra.local.triggers import QueueMapping, SqsPoller
from infra.settings.errors import ConfigError

# Makes a boto3 client of a service in a region.
Client = Callable[[str, str], Any]
InvokeFunction = Callable[[Any, bytes, Mapping[str, str], str | None], Answer]

Find = Callable[[], tuple[Any, str | None]]  # the function of a mapping, and its alias

NO_QUEUE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
_PAUSE_S = 0.1


def default_client(service: str, region: str) -> Any:
    """Return a client that finds endpoint and credentials as boto3 does, or moto's in mock_aws."""
    # A session of its own: boto3's default session is not thread-safe.
    return boto3.session.Session().client(service, region_name=region)  # type: ignore[call-overload]


@dataclass(frozen=True)
class _Wish:
    """One mapping in its current form; another batch is another wish, another function is not."""

    identifier: str
    queue_arn: str
    batch_size: int
    window_s: int
    report_failures: bool


@dataclass
class _Poll:
    stop: threading.Event
    thread: threading.Thread


@contextlib.contextmanager
def queues_polled(invoke: InvokeFunction, client: Client) -> Iterator[None]:
    """Poll the queues of all mappings, including new ones, while the block runs."""
    keeper = _Keeper(invoke, client)
    stop = threading.Event()
    thread = threading.Thread(target=keeper.run, args=(stop,), name="lambake-mappings")
    with replaced(
        (LambdaBackend, "create_event_source_mapping", _create),
        (LambdaBackend, "update_event_source_mapping", _change),
        (EventSourceMapping, "get_configuration", _tell),
    ):
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


class _Keeper:
    """Keeps one poller per mapping."""

    def __init__(self, invoke: InvokeFunction, client: Client) -> None:
        self._invoke = invoke
        self._client = client
        self._polls: dict[_Wish, _Poll] = {}
        self._functions: dict[_Wish, Find] = {}

    def run(self, stop: threading.Event) -> None:
        """Look for mappings until told to stop, then stop the pollers."""
        while not stop.wait(_PAUSE_S):
            # Read anew each time: a function that is deleted and created again has the same ARN.
            self._functions = wishes = _wishes()
            self._end([wish for wish in self._polls if wish not in wishes])
            for wish in wishes:
                if wish not in self._polls:
                    self._polls[wish] = self._start(wish)
        self._end(list(self._polls))

    def _start(self, wish: _Wish) -> _Poll:
        stop = threading.Event()
        thread = threading.Thread(
            target=self._poll, args=(wish, stop), name=f"lambake-{wish.queue_arn}"
        )
        thread.start()
        return _Poll(stop, thread)

    def _end(self, wishes: list[_Wish]) -> None:
        ended = [self._polls.pop(wish) for wish in wishes]
        for poll in ended:
            poll.stop.set()
        for poll in ended:
            poll.thread.join()

    def _poll(self, wish: _Wish, stop: threading.Event) -> None:
        _, _, _, region, account, name = wish.queue_arn.split(":")
        with contextlib.closing(self._client("sqs", region)) as sqs:
            mapping = QueueMapping(
                queue_url=f"{sqs.meta.endpoint_url}/{account}/{name}",
                queue_arn=wish.queue_arn,
                batch_size=wish.batch_size,
                window_s=wish.window_s,
                report_failures=wish.report_failures,
            )
            SqsPoller(sqs, lambda payload: self._result(wish, payload), mapping).run(stop)

    def _result(self, wish: _Wish, payload: bytes) -> InvokeResult:
        find = self._functions.get(wish)
        function, qualifier = find() if find else (None, None)
        if function is None:
            raise Throttled("the mapping or its function has just been removed")
        status, headers, body = self._invoke(function, payload, {}, qualifier)
        if status == 429:
            raise Throttled(body.decode("utf-8", errors="replace"))
        # Any status but 200 keeps the messages, as a function error does.
        error = headers.get("x-amz-function-error") if status == 200 else f"HTTP {status}"
        return InvokeResult(headers.get("x-amzn-requestid", ""), body, error, "", b"")


def _wishes() -> dict[_Wish, Find]:
    """Return the enabled mappings from queues to functions, in all accounts and regions."""
    wishes: dict[_Wish, Find] = {}
    accounts = [*lambda_backends.values(), *lambda_simple_backends.values()]
    for backend in [backend for regions in accounts for backend in list(regions.values())]:
        for mapping in backend.list_event_source_mappings("", ""):
            find = functools.partial(_function_of, mapping, backend)
            if mapping.enabled and _is_queue(mapping.event_source_arn) and find()[0] is not None:
                wishes[_wish(mapping)] = find
    return wishes


def _function_of(mapping: Any, backend: Any) -> tuple[Any, str | None]:
    """Return the function that a mapping calls now, and its version or alias."""
    name, qualifier = named(str(mapping.function_name))
    try:
        return function_behind(backend, name, qualifier), qualifier
    except LambdaClientError:  # it is already gone, its mapping is not
        return None, qualifier


def _wish(mapping: Any) -> _Wish:
    return _Wish(
        identifier=mapping.uuid,
        queue_arn=mapping.event_source_arn,
        batch_size=int(mapping.batch_size),
        window_s=int(mapping.max_batch_window or 0),
        report_failures="ReportBatchItemFailures" in (mapping.function_response_types or []),
    )


def _is_queue(arn: str) -> bool:
    return ":sqs:" in arn


_created = LambdaBackend.create_event_source_mapping
_changed = LambdaBackend.update_event_source_mapping
_told = EventSourceMapping.get_configuration


def _create(self: Any, spec: dict[str, Any]) -> Any:
    _check(spec, str(spec.get("EventSourceArn")), 10, 0)
    return _created(self, spec)


def _change(self: Any, uuid: str, spec: dict[str, Any]) -> Any:
    mapping = self.get_event_source_mapping(uuid)
    if mapping is None:
        return None
    _check(spec, mapping.event_source_arn, mapping.batch_size, mapping.max_batch_window or 0)
    changed = _changed(self, uuid, spec)
    changed.function_name = spec.get("FunctionName", changed.function_name)  # moto keeps the old
    return changed


def _check(spec: dict[str, Any], arn: str, batch_size: int, window_s: int) -> None:
    if not _is_queue(arn):
        return
    if (spec.get("FilterCriteria") or {}).get("Filters"):
        raise InvalidParameterValueException(
            "The simulated cloud expected no FilterCriteria: it polls every message."
        )
    size = int(spec.get("BatchSize") or batch_size)
    try:
        QueueMapping("", arn, size, int(spec.get("MaximumBatchingWindowInSeconds", window_s) or 0))
    except ConfigError as error:
        raise InvalidParameterValueException(str(error)) from error


def _tell(self: Any) -> dict[str, Any]:
    """Tell the function's ARN with the version or alias that was asked for."""
    _, qualifier = named(str(self.function_name))
    arn = ":".join(str(self.function_arn).split(":")[:7])
    told: dict[str, Any] = _told(self)
    return {**told, "FunctionArn": f"{arn}:{qualifier}" if qualifier else arn}
