"""moto's event source mappings: each enabled one of a queue gets a poller."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import lambda_backends
from moto.awslambda_simple.models import lambda_simple_backends

from infra.cloud.patches import Answer
from infra.cloud.versions import function_behind
from infra.local.errors import Throttled
from infra.local.invocation import InvokeResult
from infra.local.triggers import QueueMapping, SqsPoller
from infra.settings.errors import ConfigError

LOGGER = logging.getLogger(__name__)

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
    """One mapping in its current form; after a change it is another wish."""

    identifier: str
    queue_arn: str
    function_arn: str
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
            try:
                url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
                mapping = QueueMapping(
                    queue_url=url,
                    queue_arn=wish.queue_arn,
                    batch_size=wish.batch_size,
                    window_s=wish.window_s,
                    report_failures=wish.report_failures,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in NO_QUEUE:
                    raise
                return  # the queue was removed before its mapping
            except ConfigError as error:
                LOGGER.warning("%s is not polled: %s", wish.queue_arn, error)
                return
            SqsPoller(sqs, lambda payload: self._result(wish, payload), mapping).run(stop)

    def _result(self, wish: _Wish, payload: bytes) -> InvokeResult:
        find = self._functions.get(wish)
        function, qualifier = find() if find else (None, None)
        if function is None:
            raise Throttled("the mapping has just been removed")
        status, headers, body = self._invoke(function, payload, {}, qualifier)
        if status == 429:
            raise Throttled(body.decode("utf-8", errors="replace"))
        # Any status but 200 keeps the messages, as a function error does.
        error = headers.get("x-amz-function-error") if status == 200 else f"HTTP {status}"
        return InvokeResult(headers.get("x-amzn-requestid", ""), body, error, "", b"")


def _wishes() -> dict[_Wish, Find]:
    """Return the enabled mappings from queues to image functions, in all accounts and regions."""
    wishes: dict[_Wish, Find] = {}
    accounts = [*lambda_backends.values(), *lambda_simple_backends.values()]
    for backend in [backend for regions in accounts for backend in list(regions.values())]:
        for mapping in backend.list_event_source_mappings("", ""):
            find = functools.partial(_function_of, mapping, backend)
            function, _ = find()
            polled = mapping.enabled and ":sqs:" in mapping.event_source_arn
            if polled and function is not None and function.package_type == "Image":
                wishes[_wish(mapping)] = find
    return wishes


def _function_of(mapping: Any, backend: Any) -> tuple[Any, str | None]:
    """Return the function of a mapping, by its alias's current version, and the alias."""
    function = backend.get_function_by_arn(mapping.function_arn)
    alias = next(iter(str(mapping.function_name).split(":")[7:]), None)
    if function is None or alias is None:
        return function, None
    try:
        return function_behind(backend, function.function_name, alias), alias
    except LambdaClientError:  # the alias is already gone, its mapping is not
        return None, alias


def _wish(mapping: Any) -> _Wish:
    return _Wish(
        identifier=mapping.uuid,
        queue_arn=mapping.event_source_arn,
        function_arn=mapping.function_arn,
        batch_size=int(mapping.batch_size),
        window_s=int(mapping.max_batch_window or 0),
        report_failures="ReportBatchItemFailures" in (mapping.function_response_types or []),
    )
