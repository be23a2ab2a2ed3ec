"""The notifier of a bucket, against a moto server."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.local.triggers import BucketNotification, S3Notifier
from tests.infra.cloud.clouds import bucket, until


@dataclass
class Inbox:
    """Take events for later."""

    events: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, payload: bytes) -> None:
        """Keep one event."""
        self.events.append(json.loads(payload))

    @property
    def told(self) -> list[tuple[str, str]]:
        """List what happened to which key."""
        records = [event["Records"][0] for event in self.events]
        return [(record["eventName"], record["s3"]["object"]["key"]) for record in records]


def test_notifier(s3: Any) -> None:
    """What is written, written again or removed after the first look is told, once each."""
    name = bucket(s3)
    s3.put_object(Bucket=name, Key="old", Body=b"1")
    inbox = Inbox()
    events = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    notifier = S3Notifier(s3, inbox, BucketNotification(name, events), clock=lambda: 5.0)
    assert notifier.poll() == 0
    s3.put_object(Bucket=name, Key="red flower@ü.jpg", Body=b"abc")
    assert notifier.poll() == 1
    s3.put_object(Bucket=name, Key="old", Body=b"22")
    assert notifier.poll() == 1
    s3.delete_object(Bucket=name, Key="old")
    assert notifier.poll() == 1
    assert notifier.poll() == 0
    assert inbox.told == [
        ("ObjectCreated:Put", "red+flower%40%C3%BC.jpg"),
        ("ObjectCreated:Put", "old"),
        ("ObjectRemoved:Delete", "old"),
    ]
    stored = inbox.events[0]["Records"][0]["s3"]
    assert stored["bucket"]["name"] == name
    assert stored["object"]["size"] == 3
    assert stored["object"]["eTag"] == "900150983cd24fb0d6963f7d28e17f72"
    order = [event["Records"][0]["s3"]["object"]["sequencer"] for event in inbox.events]
    assert order == sorted(set(order))


def test_prefix_and_suffix(s3: Any) -> None:
    """Only keys with the prefix and the suffix are told, compared before they are encoded."""
    name = bucket(s3)
    inbox = Inbox()
    wanted = BucketNotification(name, prefix="in box/", suffix=".jpg")
    notifier = S3Notifier(s3, inbox, wanted)
    notifier.poll()
    for key in ("in box/a.jpg", "in box/a.png", "out/a.jpg", "in box/.jpg"):
        s3.put_object(Bucket=name, Key=key, Body=b"")
    s3.delete_object(Bucket=name, Key="in box/a.jpg")
    s3.put_object(Bucket=name, Key="in box/b.jpg", Body=b"")
    notifier.poll()
    assert inbox.told == [
        ("ObjectCreated:Put", "in+box%2F.jpg"),
        ("ObjectCreated:Put", "in+box%2Fb.jpg"),
    ]


def test_unwanted_events(s3: Any) -> None:
    """Events nobody asked for are not told."""
    name = bucket(s3)
    s3.put_object(Bucket=name, Key="k", Body=b"")
    inbox = Inbox()
    notifier = S3Notifier(s3, inbox, BucketNotification(name))
    notifier.poll()
    s3.delete_object(Bucket=name, Key="k")
    assert notifier.poll() == 0
    assert inbox.told == []


def test_multipart(s3: Any) -> None:
    """An object written in parts is told as such."""
    name = bucket(s3)
    inbox = Inbox()
    notifier = S3Notifier(s3, inbox, BucketNotification(name))
    notifier.poll()
    upload = s3.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=name, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=name, Key="k", UploadId=upload, MultipartUpload=parts)
    notifier.poll()
    assert inbox.told == [("ObjectCreated:CompleteMultipartUpload", "k")]


def test_notifier_runs(s3: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A notifier in a thread looks until stopped, past a bucket that is not there."""
    name = bucket(s3)
    inbox, stop = Inbox(), threading.Event()
    notifiers = [S3Notifier(s3, inbox, BucketNotification(n)) for n in (name, name + "x")]
    threads = [
        threading.Thread(target=notifier.run, args=(stop,), kwargs={"pause_s": 0.01})
        for notifier in notifiers
    ]
    with caplog.at_level(logging.WARNING):
        notifiers[0].poll()
        for thread in threads:
            thread.start()
        s3.put_object(Bucket=name, Key="k", Body=b"")
        until(lambda: inbox.told == [("ObjectCreated:Put", "k")])
        until(lambda: "NoSuchBucket" in caplog.text)
        stop.set()
        for thread in threads:
            thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
