"""The queue's door: a batch of messages in, a list of those that SQS must deliver again out.

A message is done once its result is sent. The reply lists the messages that are not done. SQS
reads a reply like this (docs/contract.md 6.6):

- It deletes what is not listed, so every message that is not done is listed.
- An empty identifier makes it keep the whole batch, as a message without an id requires.
- After an error or timeout it keeps the whole batch, finished messages too: neither may happen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from function.deadline import Context, Deadline
from function.doors.results_queue import MAX_TOGETHER, Outbox, Result, ResultsLog, Send
from function.doors.sources import Source, source_of
from function.errors import (
    InvalidError,
    MalformedError,
    ReplyTooLargeError,
    item_error_of,
    outcome_of,
)
from function.objects.events import is_of_object, objects_in, objects_on_bus
from function.payloads import FORM, Payloads
from function.telemetry.invocation import log_failure
from model.errors import Problem, kind_of

if TYPE_CHECKING:
    from function.objects.bucket import ObjectRef
    from function.objects.process import Objects

MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""Source: SQS, queue and message identifiers: "The maximum length of a message ID is 100"."""


@dataclass(frozen=True, slots=True)
class Message:
    """The fields of a record that the door reads, whatever the record is.

    The group is set for FIFO queues only: groups have no order in a standard queue.
    """

    id: str | None
    body: object
    group: str | None

    @classmethod
    def of(cls, record: object) -> Message:
        """Read a record; a field that is missing or of another type is None."""
        fields = record if isinstance(record, dict) else {}
        given, attributes = fields.get("messageId"), fields.get("attributes")
        named = isinstance(given, str) and MESSAGE_ID.fullmatch(given)
        attributes = attributes if isinstance(attributes, dict) else {}
        of_fifo = str(fields.get("eventSourceARN")).endswith(".fifo")
        in_order = of_fifo or "SequenceNumber" in attributes
        group = str(attributes.get("MessageGroupId", "")) if in_order else None
        return cls(given if named else None, fields.get("body"), group)


class SqsDoor:
    """Answers batches of messages: predicts, sends the results, lists what is not done."""

    def __init__(
        self,
        payloads: Payloads,
        objects: Callable[[], Objects],
        *,
        send: Send | None,
        permanent: str,
    ) -> None:
        """Describe the door.

        Args:
            payloads: answers the messages that are payloads.
            objects: makes the reader of buckets when a message first names an object.
            send: takes the results; by default they are logged.
            permanent: how to treat a failure that a retry would repeat: `dead-letter`, so that SQS
                delivers the message until its queue's redrive policy takes it, or `result`, an
                error as the result.
        """
        self._payloads = payloads
        self._objects = objects
        self._send = send or ResultsLog()
        self._permanent = permanent

    def answer(self, event: Any, context: Context) -> dict[str, Any]:
        """Answer as much of a batch as time allows.

        Returns:
            {"batchItemFailures": [{"itemIdentifier": …}]}: every message that is not done.
        """
        messages = [Message.of(record) for record in event["Records"]]
        deadline = Deadline(context.get_remaining_time_in_millis)
        in_order = any(message.group is not None for message in messages)
        outbox = Outbox(self._send, together=1 if in_order else MAX_TOGETHER)
        done: set[int] = set()
        stopped: set[str] = set()
        for position, message in enumerate(messages):
            if not deadline.allows_another():
                break
            # A FIFO queue keeps order within a group: later messages of a group wait for one that
            # failed, messages of other groups do not.
            if message.group in stopped:
                continue
            result = self._result_of(message, deadline)
            if result:
                done |= outbox.put(position, result)
            if message.group is not None and position not in done:
                stopped.add(message.group)
        done |= outbox.flush()
        ids = [one.id or "" for position, one in enumerate(messages) if position not in done]
        return {"batchItemFailures": [{"itemIdentifier": one} for one in dict.fromkeys(ids)]}

    def _result_of(self, message: Message, deadline: Deadline) -> Result | None:
        """Answer one message; None if SQS must deliver it again."""
        try:
            result = Result(message.id, message.group, self._answer_to(message.body, deadline))
            if len(result.body) > self._send.max_bytes:
                raise ReplyTooLargeError(
                    f"expected a result of at most {self._send.max_bytes} bytes, "
                    f"got one of {len(result.body)}"
                )
            return result
        except Exception as error:  # noqa: BLE001 -- one message's failure is not its neighbours'
            log_failure("message failed", error, message_id=message.id)
            # A message without an id cannot be listed alone; the whole batch is kept for it.
            ends_here = self._permanent == "result" or message.id is None
            if outcome_of(error).retry or not ends_here:
                return None
            return Result(message.id, message.group, {"error": item_error_of(error)})

    def _answer_to(self, body: object, deadline: Deadline) -> Mapping[str, Any]:
        payload = _unwrapped(body)
        source = source_of(payload)
        if source is Source.S3:
            return {"objects": self._summaries_of(objects_in(payload), deadline)}
        if source is Source.EVENTBRIDGE and is_of_object(payload):
            return {"objects": self._summaries_of(objects_on_bus(payload), deadline)}
        if source is Source.EVENTBRIDGE and source_of(payload.get("detail")) is Source.DIRECT:
            return self._payloads.answer(payload["detail"])
        if source is Source.DIRECT:
            return self._payloads.answer(payload)
        expected = f"{FORM} or a bucket's notification, as it is, of SNS or of EventBridge"
        raise InvalidError([Problem("body", expected, kind_of(payload))])

    def _summaries_of(self, refs: list[ObjectRef], deadline: Deadline) -> list[dict[str, Any]]:
        if not refs:
            return []  # no bucket is opened
        settle = self._permanent == "result"
        return self._objects().predict_all(refs, remaining_ms=deadline.remaining_ms, settle=settle)


def _unwrapped(body: object) -> Any:
    """Parse a message's body, and the message inside it if SNS sent it.

    Raises:
        MalformedError: not a string, or not JSON.
    """
    payload = _parsed(body, "body")
    if isinstance(payload, dict) and payload.get("Type") == "Notification" and "Message" in payload:
        return _parsed(payload["Message"], "body.Message")
    return payload


def _parsed(text: object, where: str) -> Any:
    if not isinstance(text, str):
        raise MalformedError([Problem(where, "JSON in a text", kind_of(text))])
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as exc:
        raise MalformedError([Problem(where, "JSON", "a text that is not JSON")]) from exc
