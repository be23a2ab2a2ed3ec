"""Buckets that the tests fill: moto's behind the real boto3, made to fail where a test wants it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote_plus

from botocore.exceptions import ClientError

from function.objects.bucket import ObjectRef
from function.objects.events import objects_in
from function.objects.keys import KeyLayout
from function.objects.process import Objects
from function.service import Service

MEBIBYTE: Final = 1024 * 1024
HOUR_MS: Final = 3_600_000
HEADER = b"sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm\n"
ROW: Final = b"5.1,3.5,1.4,0.2\n"
SETOSA: Final = {"setosa": 1.0, "versicolor": 0.0, "virginica": 0.0}
PREDICTION: Final = {"label": "setosa", "confidence": 1.0, "probabilities": SETOSA}


def an_hour() -> int:
    """Say how much time is left: plenty."""
    return HOUR_MS


def objects_by(service: Service, client: Any, *, max_object_bytes: int = 16 * MEBIBYTE) -> Objects:
    """Build what the settings' defaults build."""
    return Objects(
        service,
        client,
        KeyLayout("in/", "out/"),
        max_object_bytes=max_object_bytes,
        max_body_bytes=MEBIBYTE,
    )


def no_objects() -> Any:
    """Open no bucket."""
    raise AssertionError


def record(bucket: str, key: str, **described: Any) -> dict[str, Any]:
    """Spell a new object as S3 does; the key is encoded here."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": quote_plus(key), **described},
        },
    }


def event(*records: Any) -> dict[str, Any]:
    """Wrap records."""
    return {"Records": list(records)}


def put(client: Any, bucket: str, key: str, body: bytes, sequencer: str = "01") -> dict[str, Any]:
    """Write an object, and spell the record of it."""
    reply = client.put_object(Bucket=bucket, Key=key, Body=body)
    described = {"size": len(body), "eTag": reply["ETag"].strip('"'), "sequencer": sequencer}
    if "VersionId" in reply:
        described["versionId"] = reply["VersionId"]
    return record(bucket, key, **described)


def read(client: Any, bucket: str, key: str) -> Any:
    """Read a result: one document, or one a line."""
    body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    lines = [json.loads(line) for line in body.splitlines()]
    return lines if key.endswith(".jsonl") else lines[0]


def keys(client: Any, bucket: str) -> list[str]:
    """List what is in a bucket."""
    found = client.list_objects_v2(Bucket=bucket).get("Contents", [])
    return [one["Key"] for one in found]


def refused(code: str, status: int = 400) -> ClientError:
    """Make the error that boto3 raises on a refusal."""
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")


class Failing:
    """A client whose operations fail: each an error, or what is called in its place."""

    def __init__(self, client: Any, **failures: Exception | Callable[..., Any]) -> None:
        self._client = client
        self._failures = failures
        self.called: list[str] = []

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            self.called.append(operation)
            failure = self._failures.get(operation)
            if isinstance(failure, Exception):
                raise failure
            real: Any = getattr(self._client, operation, None)
            return failure(real, **parameters) if failure else real(**parameters)

        return call


class Stream:
    """A body that is made while it is read: pieces, and an error in the end if there is one."""

    def __init__(self, pieces: Iterator[bytes], error: Exception | None = None) -> None:
        self._pieces = pieces
        self._rest = b""
        self._error = error
        self.closed = False

    def read(self, size: int) -> bytes:
        """Read what is there, `size` bytes at the most."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        if not self._rest and self._error:
            raise self._error
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


def made(client: Any, name: str, key: str, body: bytes, sequencer: str = "01") -> ObjectRef:
    """Write an object, and read the notification of it."""
    (ref,) = objects_in(event(put(client, name, key, body, sequencer)))
    return ref
