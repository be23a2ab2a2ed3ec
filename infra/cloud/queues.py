"""moto's queues, made safe for several clients at once.

moto changes a queue's messages without a lock, so deleted ones return or new ones get lost. Here a
queue's methods wait for each other; only a receive waits unlocked.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from moto.sqs.models import SQSBackend

from infra.cloud.replaced import replaced

_LOOK_S = 0.05

_CHANGES = (
    "send_message",
    "send_message_batch",
    "delete_message",
    "delete_message_batch",
    "change_message_visibility",
    "change_message_visibility_batch",
    "purge_queue",
)


@contextlib.contextmanager
def queues_locked() -> Iterator[None]:
    """Lock moto's queues, so that clients use them one after the other, while the block runs."""
    lock = threading.RLock()
    changed = ((SQSBackend, name, _locked(getattr(SQSBackend, name), lock)) for name in _CHANGES)
    received = _received(SQSBackend.receive_message, lock)
    with replaced(*changed, (SQSBackend, "receive_message", received)):
        yield


def _locked(original: Callable[..., Any], lock: threading.RLock) -> Callable[..., Any]:
    def change(*given: Any, **named: Any) -> Any:
        with lock:
            return original(*given, **named)

    return change


def _received(original: Callable[..., Any], lock: threading.RLock) -> Callable[..., Any]:
    def receive_message(
        self: Any, queue_name: str, count: int, wait_seconds_timeout: int, *more: Any, **named: Any
    ) -> Any:
        until = time.monotonic() + wait_seconds_timeout
        while True:
            with lock:
                messages = original(self, queue_name, count, 0, *more, **named)
            left_s = until - time.monotonic()
            if messages or left_s <= 0:
                return messages
            time.sleep(min(left_s, _LOOK_S))

    return receive_message
