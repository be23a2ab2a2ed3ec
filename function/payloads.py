"""One JSON payload to one answer, whatever door the payload came through."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from function.errors import InvalidError, MalformedError, ReplyTooLargeError, body_too_large
from function.inputs import COMMENT, instances_of
from function.limits import MAX_EVENT_BYTES
from function.service import Service
from function.telemetry.invocation import predict
from model.errors import Problem, counted, kind_of

if TYPE_CHECKING:
    from function.objects.process import Objects

FORM: Final = (
    '{"model": …, "version"?: …, "rows" | "image" | "images" | "texts" | "inputs" | "s3": …}'
)
"""What a payload looks like, for errors."""


class Payloads:
    """Answers payloads, whatever door they came through."""

    def __init__(
        self, service: Service, objects: Callable[[], Objects], *, max_body_bytes: int
    ) -> None:
        """Describe what answers.

        Args:
            service: the models.
            objects: makes what reads a bucket, once a payload names an object.
            max_body_bytes: the most that a payload has, as an HTTP body.
        """
        self._service = service
        self._objects = objects
        self._max_body_bytes = max_body_bytes

    def answer(self, payload: Any) -> dict[str, Any]:
        """Predict what a payload asks for.

        Args:
            payload: as in FORM; the version may be a label, and none, or null, is the latest. Left
                as it is.

        Returns:
            {"model", "version", "predictions"}, as over HTTP.

        Raises:
            RequestError, ModelError: as over HTTP.
        """
        require_size(payload, self._max_body_bytes)
        model, version, rest = _parts_of(payload)
        served = self._service.find(model, version)
        if "s3" in rest:
            uri = _address_in(rest)  # before boto3 is imported for it
            return self._objects().predictions_of(uri, served)
        return predict(served, instances_of(rest, served)).payload()


def require_size(payload: Any, max_bytes: int) -> None:
    """Check a parsed payload against the limit of an HTTP body.

    Raises:
        TooLargeError: it is longer, in UTF-8 without spaces.
        MalformedError: it is nested too deeply to be measured.
    """
    if max_bytes >= MAX_EVENT_BYTES:
        return  # Lambda has measured it already; spelling 6 MB once more would take 30 ms
    try:
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    except RecursionError as exc:
        raise MalformedError([Problem("body", "JSON", "one nested without end")]) from exc
    if len(text) > max_bytes or len(text.encode(errors="surrogatepass")) > max_bytes:
        raise body_too_large(max_bytes)


def require_carried(reply: Mapping[str, Any], max_bytes: int) -> None:
    """Check a reply against what Lambda, or the front before it, carries.

    Raises:
        ReplyTooLargeError: as JSON the reply is longer.
    """
    size = len(json.dumps(reply))
    if size > max_bytes:
        raise ReplyTooLargeError(
            f"expected an answer of at most {max_bytes} bytes, got {size}: "
            "ask for fewer instances at a time"
        )


def _parts_of(payload: Any) -> tuple[str, str | None, dict[str, Any]]:
    """Split a payload into the model's name, its version, and what is to be predicted."""
    if not isinstance(payload, dict):
        raise InvalidError([Problem("body", FORM, kind_of(payload))])
    rest = {key: value for key, value in payload.items() if key != COMMENT}
    model, version = rest.pop("model", None), rest.pop("version", None)
    if not isinstance(model, str):
        got = kind_of(model) if "model" in payload else "nothing"
        raise InvalidError([Problem("model", "a model's name", got)])
    if version is not None and not isinstance(version, str):
        raise InvalidError([Problem("version", "a version or a label", kind_of(version))])
    return model, version, rest


def _address_in(rest: dict[str, Any]) -> str:
    others = len(rest) - 1
    if others:
        got = f"{counted(others, 'other key')} beside it"
        raise InvalidError([Problem("body", '{"s3": …}', got)])
    address = rest["s3"]
    if not isinstance(address, str):
        raise InvalidError([Problem("s3", "an address, s3://bucket/key", kind_of(address))])
    return address
