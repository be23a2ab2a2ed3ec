"""From a bucket's events to the objects that can be read. Pure functions.

    {"Records": [{"eventSource": "aws:s3", …}]}                 from S3 itself: `objects_in`
    {"Service": "Amazon S3", "Event": "s3:TestEvent", …}        when a notification is set up
    {"source": "aws.s3", "detail-type": "Object Created", …}    by EventBridge: `objects_on_bus`

Keys are input, any text at all: no error repeats one.

Source: S3 user guide, notification-content-structure and ev-events.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import unquote_plus

from function.errors import MalformedError
from function.objects.bucket import ObjectRef, is_bucket, is_key, require_address
from model.errors import Problem, kind_of

EVENT_MAJOR: Final = 2
"""Source: notification-content-structure: compare the major version for equality."""

READABLE: Final = ("ObjectCreated:", "ObjectRestore:Completed")
READABLE_ON_BUS: Final = ("Object Created", "Object Restore Completed")
"""The changes after which there is something to read; a removal or a tag leaves nothing."""

_VERSION: Final = re.compile(r"([0-9]{1,4})\.[0-9]{1,4}")
_DETAILS: Final = {
    "sequencer": re.compile(r"[0-9A-Fa-f]{1,64}"),
    "eTag": re.compile(r"[!-~]{1,128}"),
    "versionId": re.compile(r"[!-~]{1,1024}"),
}
"""What may stand beside a key; S3 writes no other characters."""

_PLAIN: Final = re.compile(r"[!-~]{1,1024}")


def objects_in(notification: Any) -> list[ObjectRef]:
    """List the objects that S3's own notification says can be read now.

    Returns:
        One a key, the newest by its sequencer; none for a test event, a removal or a tag.

    Raises:
        MalformedError: no notification, or one of another version; nothing of it is used.
    """
    if isinstance(notification, dict) and notification.get("Event") == "s3:TestEvent":
        return []
    records = notification.get("Records") if isinstance(notification, dict) else None
    if not isinstance(records, list):
        raise _malformed("event", "a bucket's notification", kind_of(notification))
    return newest(
        ref for index, record in enumerate(records) for ref in _ref_in(record, f"Records[{index}]")
    )


def newest(refs: Iterable[ObjectRef]) -> list[ObjectRef]:
    """Keep one object a key: of several changes the newest, in the order of the keys."""
    kept: dict[tuple[str, str], ObjectRef] = {}
    for ref in refs:
        before = kept.get((ref.bucket, ref.key))
        if before is None or not is_older(ref.sequencer, than=before.sequencer):
            kept[ref.bucket, ref.key] = ref
    return list(kept.values())


def is_older(sequencer: str | None, *, than: str | None) -> bool:
    """Compare two changes of one key; one that is unknown is not older.

    Source: notification-content-structure: pad the shorter one with zeros at its right, then
    compare as texts.
    """
    if sequencer is None or than is None:
        return False
    width = max(len(sequencer), len(than))
    return sequencer.upper().ljust(width, "0") < than.upper().ljust(width, "0")


def _ref_in(record: Any, where: str) -> Iterator[ObjectRef]:
    """Yield the object of one record, if there is something to read."""
    if not isinstance(record, dict) or record.get("eventSource") != "aws:s3":
        raise _malformed(where, "a record of aws:s3", "another")
    version = record.get("eventVersion")
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if not found or int(found[1]) != EVENT_MAJOR:
        expected = f"{EVENT_MAJOR}.0 or a later minor version"
        raise _malformed(f"{where}.eventVersion", expected, "another")
    if not _text(record, "eventName", where).startswith(READABLE):
        return
    s3 = _object(record, "s3", where)
    bucket = _object(s3, "bucket", f"{where}.s3").get("name")
    described = _object(s3, "object", f"{where}.s3")
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
    """Decode a key as S3 encodes it, like a form; empty where it is no such text."""
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


def is_of_object(event: dict[str, Any]) -> bool:
    """Whether an event of EventBridge is S3's, about an object."""
    kind = event.get("detail-type")
    return event.get("source") == "aws.s3" and isinstance(kind, str) and kind.startswith("Object ")


def objects_on_bus(event: dict[str, Any]) -> list[ObjectRef]:
    """List the object that S3's event on the bus says can be read now, or none.

    Its members have other names than a notification's, and the key is not encoded.

    Raises:
        MalformedError: names what is missing in the detail.
    """
    if event["detail-type"] not in READABLE_ON_BUS:
        return []
    detail = event.get("detail")
    bucket, described = _object(detail, "bucket", "detail"), _object(detail, "object", "detail")
    size = described.get("size")
    ref = ObjectRef(
        bucket=_text(bucket, "name", "detail.bucket"),
        key=_text(described, "key", "detail.object"),
        version_id=_plain(described, "version-id"),
        size_bytes=size if type(size) is int else None,
        etag=_plain(described, "etag"),
        sequencer=_plain(described, "sequencer"),
    )
    require_address(ref, "detail")
    return [ref]


def _plain(table: dict[str, Any], key: str) -> str | None:
    """Read what S3 writes as plain ASCII; anything else counts as absent."""
    value = table.get(key)
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else None


def _object(whole: Any, name: str, where: str) -> dict[str, Any]:
    value = whole.get(name) if isinstance(whole, dict) else None
    if not isinstance(value, dict):
        raise _malformed(f"{where}.{name}", "an object", kind_of(value))
    return value


def _text(whole: dict[str, Any], name: str, where: str) -> str:
    value = whole.get(name)
    if not isinstance(value, str):
        raise _malformed(f"{where}.{name}", "a text", kind_of(value))
    return value


def _malformed(where: str, expected: str, got: str) -> MalformedError:
    return MalformedError([Problem(where, expected, got)])
