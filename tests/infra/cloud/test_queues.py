"""moto's queues with several clients at the same time."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

import pytest
from moto.sqs.models import Message, SQSBackend

from infra.cloud.queues import queues_locked

ACCOUNT, REGION = "123456789012", "us-east-1"


@pytest.fixture
def backend() -> SQSBackend:
    """Moto's queues, with one of them."""
    made = SQSBackend(REGION, ACCOUNT)
    made.create_queue("q", tags=None, region=REGION)
    return made


def left_of_two(backend: SQSBackend, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Delete two messages, the second while moto is deleting the first. Give the bodies left."""
    backend.send_message("q", "one")
    backend.send_message("q", "two")
    one, two = (str(got.receipt_handle) for got in backend.receive_message("q", 2, 0, 30))
    halfway, second_done, had = threading.Event(), threading.Event(), Message.had_receipt_handle

    def slowly(self: Any, handle: str) -> bool:
        answer = bool(had(self, handle))
        if handle == one and self.body == "two":  # it is making the list anew
            halfway.set()
            second_done.wait(0.2)  # behind a lock nobody will say so
        return answer

    monkeypatch.setattr(Message, "had_receipt_handle", slowly)
    deleting = threading.Thread(target=backend.delete_message, args=("q", one))
    deleting.start()
    assert halfway.wait(10)
    backend.delete_message("q", two)
    second_done.set()
    deleting.join(10)
    return [message.body for message in backend.get_queue("q")._messages]


@pytest.mark.parametrize(
    ("lock", "left"), [(queues_locked, []), (contextlib.nullcontext, ["two"])], ids=["ours", "moto"]
)
def test_what_is_deleted_stays_deleted(
    backend: SQSBackend, monkeypatch: pytest.MonkeyPatch, lock: Any, left: list[str]
) -> None:
    """Two clients delete at the same time, and no message comes back; in moto alone one does."""
    with lock():
        assert left_of_two(backend, monkeypatch) == left


def test_a_receive_that_waits_keeps_nobody(backend: SQSBackend) -> None:
    """Who waits for a message gets the one that is sent meanwhile."""
    got: list[str] = []

    def receive() -> None:
        got.extend(message.body for message in backend.receive_message("q", 1, 20, 30))

    with queues_locked():
        waiting = threading.Thread(target=receive)
        waiting.start()
        backend.send_message("q", "one")
        waiting.join(10)
    assert got == ["one"]


def test_a_receive_waits_no_longer(backend: SQSBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a message it ends when its time does, or at once."""
    passed_s = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: passed_s[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: passed_s.append(passed_s.pop() + seconds))
    with queues_locked():
        assert backend.receive_message("q", 1, 0, 30) == []
        assert passed_s == [0.0]
        assert backend.receive_message("q", 1, 20, 30) == []
    assert passed_s == [pytest.approx(20)]
