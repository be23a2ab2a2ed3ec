"""
What EventBridge tells of a bucket's objects: an event -> what can be read.

Other names than S3's own notifications have, and a key that is not encoded. Pure functions.

Source: S3 user guide, ev-events.
"""

from __future__ import annotations

import re
from typing import Any, Final

from function.errors import MalformedError
from function.objects.source import ObjectRef, require_address
from model.errors import Problem
from model.recipes.columns import kind_of

READABLE: Final = ("Object Created", "Object Restore Completed")
"""The changes after which there is something to read; a removal or a tag leaves nothing."""

_PLAIN: Final = re.compile(r"[!-~]{1,1024}")


def is_of_object(event: dict[str, Any]) -> bool:
    """Tell whether an event of the bus is what S3 tells of an object."""
    kind = event.get("detail-type")
    return event.get("source") == "aws.s3" and isinstance(kind, str) and kind.startswith("Object ")


def objects_on_bus(event: dict[str, Any]) -> list[ObjectRef]:
    """
    List the object that an event says can be read now, or none.

    Raises:
        MalformedError: names what is missing in the detail.
    """
    if event["detail-type"] not in READABLE:
        return []
    detail = event.get("detail")
    bucket, found = _object(detail, "bucket"), _object(detail, "object")
    size = found.get("size")
    reference = ObjectRef(
        bucket=_text(bucket, "bucket.name"),
        key=_text(found, "object.key"),
        version_id=_optional(found, "version-id"),
        size_bytes=size if type(size) is int else None,
        etag=_optional(found, "etag"),
        sequencer=_optional(found, "sequencer"),
    )
    require_address(reference, "detail")
    return [reference]


def _object(detail: Any, key: str) -> dict[str, Any]:
    value = detail.get(key) if isinstance(detail, dict) else None
    if not isinstance(value, dict):
        raise MalformedError([Problem(f"detail.{key}", "an object", kind_of(value))])
    return value


def _text(table: dict[str, Any], where: str) -> str:
    value = table.get(where.rpartition(".")[2])
    if not isinstance(value, str):
        raise MalformedError([Problem(f"detail.{where}", "a text", kind_of(value))])
    return value


def _optional(table: dict[str, Any], key: str) -> str | None:
    """Take what S3 writes as plain ASCII; anything else is taken for absent."""
    value = table.get(key)
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else None
