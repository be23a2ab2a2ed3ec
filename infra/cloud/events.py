"""EventBridge: a rule's events reach its functions, and those of buckets are in full form.

moto delivers to queues, log groups and other buses only; for any other target PutEvents fails.
Rules that only have a schedule never fire here, so they take no function.
"""

from __future__ import annotations

import contextlib
import copy
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jsonpath_ng.ext.parser import parse
from moto.core.utils import iso_8601_datetime_without_milliseconds, utcfromtimestamp
from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend, Rule, events_backends
from moto.events.utils import EventTemplateParser
from moto.s3 import notifications
from moto.s3.notifications import S3NotificationEvent

from infra.cloud.replaced import replaced

Deliver = Callable[[str, bytes], None]  # accepts an event for a function, by its ARN

_ELSEWHERE: Final = ("events", "logs", "sqs")  # where moto delivers by itself
_REASONS: Final = {
    "ObjectCreated:Put": "PutObject",
    "ObjectCreated:Post": "POST Object",
    "ObjectCreated:Copy": "CopyObject",
    "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "ObjectRemoved:Delete": "DeleteObject",
    "ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
}
_send = Rule.send_to_targets
_put_targets = EventsBackend.put_targets


@contextlib.contextmanager
def events_delivered(deliver: Deliver) -> Iterator[None]:
    """Deliver events to functions while the block runs."""

    def send(self: Any, original_event: dict[str, Any], transform_input: bool = True) -> None:
        if self.state != "ENABLED" or not self.event_pattern.get_pattern():
            return
        event = {**original_event, "time": _iso(original_event["time"])}
        arrived = event.pop("ingestion-time", None) or time.time()
        functions = [target for target in self.targets if _service(target) == "lambda"]
        if functions and self.event_pattern.matches_event(event):
            for target in functions:
                deliver(target["Arn"], _input_of(target, event, arrived))
        others = copy.copy(self)
        others.targets = [target for target in self.targets if target not in functions]
        _send(others, original_event, transform_input)

    with replaced(
        (Rule, "send_to_targets", send),
        (EventsBackend, "put_targets", _put),
        (notifications, "_send_event_bridge_message", _send_change),
    ):
        yield


def _put(self: Any, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> Any:
    known = [target for target in targets if _service(target) in ("lambda", *_ELSEWHERE)]
    if len(known) < len(targets):
        raise ValidationException(
            "The simulated cloud expected targets of Lambda, SQS, CloudWatch Logs or EventBridge."
        )
    rule = self.describe_rule(name, event_bus_arn)
    if not rule.event_pattern.get_pattern():
        raise ValidationException("The simulated cloud expected a rule with an EventPattern.")
    return _put_targets(self, name, event_bus_arn, targets)


def _service(target: Mapping[str, Any]) -> str:
    return str(target["Arn"]).split(":")[2]


def _input_of(target: Mapping[str, Any], event: dict[str, Any], arrived: float) -> bytes:
    """Return what a target gets of an event: all of it, a part, or something made of it."""
    if "Input" in target:
        return str(target["Input"]).encode()
    told: Any = event
    if "InputPath" in target:
        found = parse(target["InputPath"]).find(event)
        told = found[0].value if found else None
    elif "InputTransformer" in target:
        transformer = target["InputTransformer"]
        told = EventTemplateParser.parse(
            input_template=transformer["InputTemplate"],
            input_paths_map=transformer.get("InputPathsMap", {}),
            event={**event, "ingestion-time": arrived},
        )
    return json.dumps(told).encode()


def _iso(moment: Any) -> str:
    if isinstance(moment, str):
        return moment
    told: str = iso_8601_datetime_without_milliseconds(utcfromtimestamp(float(moment)))
    return told


def _send_change(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
    """Tell the default bus of an object. Source: S3 user guide, EventBridge event structure."""
    name = S3NotificationEvent(event_name).value.removeprefix("s3:")
    if name not in _REASONS:  # moto tells of tags at each object that is put
        return
    now_ns = time.time_ns()
    stored = {"key": key.name, "sequencer": f"{now_ns:018X}"}
    if name.startswith("ObjectCreated"):
        stored |= {"size": key.size, "etag": key.etag.strip('"')}
    if bucket.is_versioned:
        stored["version-id"] = key.version_id
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": stored,
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": account_id,
        "source-ip-address": "127.0.0.1",
        "reason": _REASONS[name],
    }
    if name.startswith("ObjectRemoved"):
        marker = name.endswith("DeleteMarkerCreated")
        detail["deletion-type"] = "Delete Marker Created" if marker else "Permanently Deleted"
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": notifications._detail_type(event_name),
        "source": "aws.s3",
        "account": account_id,
        "time": now_ns / 1e9,
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": detail,
    }
    bus = events_backends[account_id][bucket.region_name].event_buses["default"]
    for rule in list(bus.rules.values()):
        rule.send_to_targets(event, transform_input=False)
