"""
What a bucket tells of its objects: a notification, bare or as SNS wraps it, to what can be read.

    {"Records": [{"eventSource": "aws:s3", …}]}                 from S3 itself
    {"Service": "Amazon S3", "Event": "s3:TestEvent", …}        when a notification is set up
    {"Type": "Notification", "Message": "…"}                    either, through SNS

Pure functions. Keys are input, any text at all: no error repeats one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import unquote_plus

from function.errors import MalformedError
from function.objects.source import ObjectRef, is_bucket, is_key
from model.errors import Problem
from model.recipes.columns import kind_of

EVENT_MAJOR: Final = 2
"""Source: S3 user guide, notification-content-structure: compare the major version for equality."""

READABLE: Final = ("ObjectCreated:", "ObjectRestore:Completed")
"""The changes after which there is something to read; a removal has neither size nor ETag."""

_VERSION: Final = re.compile(r"([0-9]{1,4})\.[0-9]{1,4}")
_DETAILS: Final = {
    "sequencer": re.compile(r"[0-9A-Fa-f]{1,64}"),
    "eTag": re.compile(r"[!-~]{1,128}"),
    "versionId": re.compile(r"[!-~]{1,1024}"),
}
"""What may stand beside a key; S3 writes no other characters."""


def objects_in(notification: Any) -> list[ObjectRef]:
    """
    List the objects that a notification says can be read now.

    Returns:
        One a key, the newest by its sequencer; none for a test event, a removal or a tag.

    Raises:
        MalformedError: no notification, or one of another version; nothing of it is used.
    """
    value = notification
    if isinstance(value, dict) and value.get("Type") == "Notification":
        value = _parsed(value.get("Message"))
    if isinstance(value, dict) and value.get("Event") == "s3:TestEvent":
        return []
    records = value.get("Records") if isinstance(value, dict) else None
    if not isinstance(records, list):
        raise _malformed("event", "a bucket's notification", kind_of(value))
    return newest(
        ref for index, record in enumerate(records) for ref in _ref_in(record, f"Records[{index}]")
    )


def newest(refs: Iterable[ObjectRef]) -> list[ObjectRef]:
    """Keep one object a key: of several changes the newest, in the order in which the keys came."""
    kept: dict[tuple[str, str], ObjectRef] = {}
    for ref in refs:
        before = kept.get((ref.bucket, ref.key))
        if before is None or not is_older(ref.sequencer, than=before.sequencer):
            kept[ref.bucket, ref.key] = ref
    return list(kept.values())


def is_older(sequencer: str | None, *, than: str | None) -> bool:
    """
    Compare two changes of one key; one that is unknown is not older.

    Source: S3 user guide, notification-content-structure: pad the shorter one with zeros at its
    right, then compare as texts.
    """
    if sequencer is None or than is None:
        return False
    width = max(len(sequencer), len(than))
    return sequencer.upper().ljust(width, "0") < than.upper().ljust(width, "0")


def _parsed(text: Any) -> Any:
    if not isinstance(text, str):
        raise _malformed("Message", "JSON in a text", kind_of(text))
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise _malformed("Message", "JSON", "a text that is not JSON") from exc


def _ref_in(record: Any, where: str) -> Iterator[ObjectRef]:
    """Yield the object of one record, if there is something to read."""
    if not isinstance(record, dict) or record.get("eventSource") != "aws:s3":
        raise _malformed(where, "a record of aws:s3", "another")
    version, name = record.get("eventVersion"), record.get("eventName")
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if not found or int(found[1]) != EVENT_MAJOR:
        expected = f"{EVENT_MAJOR}.0 or a later minor version"
        raise _malformed(f"{where}.eventVersion", expected, "another")
    if not isinstance(name, str):
        raise _malformed(f"{where}.eventName", "a text", kind_of(name))
    if not name.startswith(READABLE):
        return
    s3 = _part(record, "s3", where)
    bucket = _part(s3, "bucket", f"{where}.s3").get("name")
    described = _part(s3, "object", f"{where}.s3")
    key, size = _decoded(described.get("key")), described.get("size")
    if not isinstance(bucket, str) or not is_bucket(bucket):
        raise _malformed(f"{where}.s3.bucket.name", "a bucket's name", "something else")
    if not is_key(key):
        expected = "a key of 1 to 1024 bytes in UTF-8, encoded as in a form"
        raise _malformed(f"{where}.s3.object.key", expected, "something else")
    if size is not None and (type(size) is not int or size < 0):
        raise _malformed(f"{where}.s3.object.size", "a number of bytes", kind_of(size))
    version_id, etag, sequencer = (
        _detail(described, detail, where) for detail in ("versionId", "eTag", "sequencer")
    )
    yield ObjectRef(bucket, key, version_id, size, etag, sequencer)


def _decoded(key: Any) -> str:
    """
    Decode a key as S3 encodes it: like a form, a blank is "+";
    empty where it is no such text.
    """
    try:
        return unquote_plus(key, errors="strict") if isinstance(key, str) else ""
    except UnicodeDecodeError:
        return ""


def _detail(described: dict[str, Any], name: str, where: str) -> str | None:
    value = described.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _DETAILS[name].fullmatch(value):
        raise _malformed(f"{where}.s3.object.{name}", "one as S3 writes it", "something else")
    return value


def _part(whole: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    part = whole.get(name)
    if not isinstance(part, dict):
        raise _malformed(f"{where}.{name}", "an object", kind_of(part))
    return part


def _malformed(where: str, expected: str, got: str) -> MalformedError:
    return MalformedError([Problem(where, expected, got)])
