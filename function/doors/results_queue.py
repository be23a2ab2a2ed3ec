"""Where the answers to a queue's messages go: a results queue, or the log.

A message that SQS delivers twice is answered twice; a FIFO results queue drops the second answer
within five minutes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final, Protocol

from function.limits import MAX_MESSAGE_BYTES
from function.telemetry.invocation import log, log_failure

MAX_TOGETHER: Final = 10
"""Source: SQS, SendMessageBatch: "up to 10 messages"."""

MAX_TOGETHER_BYTES: Final = 262_144
"""A larger batch fails as a whole; every queue takes this many bytes."""


@dataclass(frozen=True)
class Result:
    """The answer to one message, with the message's group if its queue is FIFO."""

    message_id: str | None
    group: str | None
    answer: Mapping[str, Any]

    @cached_property
    def body(self) -> str:
        """The result as JSON in ASCII: one byte per character."""
        fields = {"message_id": self.message_id, **self.answer}
        return json.dumps(fields, allow_nan=False, separators=(",", ":"))

    @property
    def count(self) -> int:
        """The number of instances predicted."""
        counts = [int(one.get("count", 0)) for one in self.answer.get("objects", ())]
        return len(self.answer.get("predictions", ())) + sum(counts)


class Send(Protocol):
    """Takes results: a ResultsQueue or a ResultsLog."""

    max_bytes: int

    def __call__(self, results: Sequence[Result]) -> set[int]:
        """Send results, at most MAX_TOGETHER.

        Returns:
            The positions of the results that were not taken.
        """
        ...


class Outbox:
    """Results waiting to be sent together; those of a FIFO queue go one by one, in their order."""

    def __init__(self, send: Send, *, together: int) -> None:
        self._send = send
        self._together = together
        self._waiting: dict[int, Result] = {}
        self._bytes = 0

    def put(self, position: int, result: Result) -> set[int]:
        """Add a message's result. Return the positions of the messages that are now done."""
        size = len(result.body)
        done = self.flush() if self._bytes + size > MAX_TOGETHER_BYTES else set()
        self._waiting[position] = result
        self._bytes += size
        return done | self.flush() if len(self._waiting) >= self._together else done

    def flush(self) -> set[int]:
        """Send what is waiting. Return the positions of the messages that are now done."""
        waiting, self._waiting, self._bytes = self._waiting, {}, 0
        if not waiting:
            return set()
        try:
            untaken = self._send(list(waiting.values()))
        except Exception as error:  # noqa: BLE001 -- a result that is not sent is not lost: all again
            log_failure("results not sent", error)
            return set()
        if untaken:
            log("WARN", "results not taken", count=len(untaken))
        return {position for index, position in enumerate(waiting) if index not in untaken}


class ResultsQueue:
    """A queue of results; they are sent together."""

    max_bytes = MAX_MESSAGE_BYTES
    """A queue may be configured to take less."""

    def __init__(self, client: Any, url: str) -> None:
        """Describe the queue.

        Args:
            client: boto3's for SQS.
            url: the queue's.
        """
        self._client = client
        self._url = url

    def __call__(self, results: Sequence[Result]) -> set[int]:
        """Send results, at most MAX_TOGETHER.

        Returns:
            The positions of the results that the queue did not take.
        """
        entries = [self._entry(position, result) for position, result in enumerate(results)]
        reply = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        taken = {int(entry["Id"]) for entry in reply.get("Successful", [])}
        return set(range(len(results))) - taken

    def _entry(self, position: int, result: Result) -> dict[str, str]:
        body = result.body
        entry = {"Id": str(position), "MessageBody": body}
        if self._url.endswith(".fifo"):
            # The same message gives the same id, so SQS keeps only one of its results.
            once = result.message_id or sha256(body.encode()).hexdigest()
            entry["MessageDeduplicationId"] = once
            entry["MessageGroupId"] = result.group or once
        return entry


class ResultsLog:
    """The log as a place for results, one line each."""

    max_bytes = 250_000
    """Source: CloudWatch Logs, quotas: "256 KB" an event; the rest is for the line's other keys."""

    def __call__(self, results: Sequence[Result]) -> set[int]:
        """Write the results; the log takes all of them."""
        for result in results:
            answer = _without_names(result.answer)
            log("INFO", "result", message_id=result.message_id, **answer)
        return set()


def _without_names(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out the names of objects: callers choose them, so they do not belong in the log."""
    if "objects" not in answer:
        return answer
    return {**answer, "objects": [_outcome_in(one) for one in answer["objects"]]}


def _outcome_in(summary: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: summary[key] for key in ("model", "version", "count") if key in summary}
    return kept | ({"error": summary["error"]["type"]} if "error" in summary else {})
