"""Objects in a bucket, a notification of each to the function, and what came out."""

from __future__ import annotations

import contextlib
import json
import random
import time
import uuid
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import boto3
from botocore.config import Config

from infra.local.server import LocalLambda
from infra.local.trigger_events import Change, StoredObject, s3_event
from tests.infra.cloud.clouds import REGION, client_of
from tests.infra.local.fakes import HastyClock
from tests.load import accounts
from tests.load.killer import Load, loaded
from tests.load.samples import pictures

IN, OUT = "in/digits/", "out/digits/"


@dataclass(frozen=True)
class Object:
    """An object, and the label that is the answer; None: it is no picture."""

    key: str
    data: bytes
    answer: Hashable


def objects(count: int, seed: int = 5) -> Iterator[Object]:
    """Mix pictures and, one in a hundred, what is none."""
    chance = random.Random(seed)
    bad = set(chance.sample(range(count), count // 100))
    for number in range(count):
        data, label = chance.choice(pictures())
        if number in bad:
            yield Object(f"{IN}{number:04}.png", data[: len(data) // 2], None)
        else:
            yield Object(f"{IN}{number:04}.png", data, label)


@dataclass
class Ended(accounts.Ended):
    """What became of the objects, by their keys."""

    uploads: list[Any] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)


class BucketRun:
    """A bucket that keeps every version, in a moto server."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._s3 = client_of("s3", endpoint)
        self._name = f"b-{uuid.uuid4().hex}"
        self._s3.create_bucket(Bucket=self._name)
        versions = {"Status": "Enabled"}
        self._s3.put_bucket_versioning(Bucket=self._name, VersioningConfiguration=versions)

    def close(self) -> None:
        """Close the connection."""
        self._s3.close()

    def run(self, put: list[Object], load: Load) -> Ended:
        """Put all and tell the function of each, wait until every event is done, and collect."""
        ended = Ended({one.key: one.answer for one in put})
        clock = HastyClock()
        variables = {"AWS_ENDPOINT_URL": self._endpoint}
        with loaded(load, "bucket-load", variables, clock) as (local, killer):
            begun = time.monotonic()
            with _accepting(local) as accept:
                for number, one in enumerate(put):
                    put_one = self._s3.put_object(Bucket=self._name, Key=one.key, Body=one.data)
                    accept(self._notification(one, put_one["ETag"].strip('"'), number))
                local.drained()
            ended.seconds = time.monotonic() - begun
            ended.killed, ended.waits_s = killer.killed, clock.skipped
        self._collect(ended)
        return ended

    def _notification(self, one: Object, etag: str, number: int) -> bytes:
        """Build the event of an object that was put."""
        change = Change("ObjectCreated:Put", time.time(), f"{number:018X}", "R")
        stored = StoredObject(one.key, len(one.data), etag)
        event = s3_event(stored, change, bucket=self._name, region=REGION, configuration_id="c")
        return json.dumps(event).encode()

    def _collect(self, ended: Ended) -> None:
        """Find every version of every result: one written twice is there twice."""
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._name)
        for found in [one for page in pages for one in page.get("Versions", [])]:
            key, version = found["Key"], found["VersionId"]
            if key in ended.expected:
                continue
            read = self._s3.get_object(Bucket=self._name, Key=key, VersionId=version)
            told = json.loads(read["Body"].read())
            source = IN + PurePosixPath(key).name.removesuffix(".json")
            source = source if key == f"{OUT}{PurePosixPath(source).name}.json" else key
            if "error" in told:
                ended.given_up.append(source)
            else:
                (one,) = told["predictions"]
                ended.answers.append((source, one["label"]))
        ended.uploads = self._s3.list_multipart_uploads(Bucket=self._name).get("Uploads", [])


@contextlib.contextmanager
def _accepting(local: LocalLambda) -> Iterator[Callable[[bytes], None]]:
    """Hand events to the function's Invoke API, as S3 does."""
    client = boto3.client(
        "lambda",
        region_name=REGION,
        endpoint_url=local.invoke_url,
        config=Config(retries={"total_max_attempts": 1}),
    )

    def accept(payload: bytes) -> None:
        client.invoke(FunctionName=local.config.name, InvocationType="Event", Payload=payload)

    with contextlib.closing(client):
        yield accept
