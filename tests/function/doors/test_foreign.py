"""Events of other services are recognised, named by our own words, and refused clearly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.doors import foreign
from function.doors.foreign import service_of
from function.doors.sources import Source, source_of
from tests import conftest
from tests.contract.fetch_rie import FOLDER, SAMPLES
from tests.function.corpus import CASES
from tests.function.doors.foreign_events import FOREIGN
from tests.function.json_values import JSON
from tests.function.test_entry import Handler, outcome_of

SAMPLES_FILE = FOLDER / SAMPLES
SERVED = {
    "alb/ALBRequest": Source.ALB,
    "apigateway/AwsProxy": Source.REST_API,
    "apigateway/HttpApi": Source.HTTP_API_V2,
    "cloudwatch/ScheduledEvent": Source.EVENTBRIDGE,
    "rekognition/RekognitionS3Request": Source.S3,
    "s3/S3Delete": Source.S3,
    "s3/S3Put": Source.S3,
    "sqs/Sqs": Source.SQS,
}
"""Those of AWS's samples that a door takes; Rekognition's is a bucket's notification."""


def samples_in(path: Path) -> dict[str, Any]:
    """Read AWS's sample events: their templates, with something in every gap."""
    templates = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: json.loads(re.sub(r"\{\{\{?[^{}]*\}?\}\}", "0", template))
        for name, template in templates.items()
    }


@pytest.fixture(scope="module")
def samples() -> dict[str, Any]:
    """Read the samples, or skip, or fail under STRICT=1."""
    return samples_in(require_samples(SAMPLES_FILE))


def require_samples(path: Path) -> Path:
    """Find the samples, or skip the test, or fail it under STRICT=1."""
    if not path.is_file():
        conftest.absent(f"expected {path}, found none: python -m tests.contract.fetch_rie")
    return path


@pytest.mark.parametrize(
    ("strict", "outcome"), [(False, pytest.skip.Exception), (True, pytest.fail.Exception)]
)
def test_without_samples(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, strict: bool, outcome: type[BaseException]
) -> None:
    """Without the samples the tests say how to get them, and fail in CI."""
    monkeypatch.setattr(conftest, "STRICT", strict)
    with pytest.raises(outcome) as caught:
        require_samples(tmp_path / "no")
    command = "python -m tests.contract.fetch_rie"
    assert str(caught.value) == f"expected {tmp_path / 'no'}, found none: {command}"


def test_samples_of_aws(samples: dict[str, Any]) -> None:
    """Each of AWS's own samples is of another service, or of the source that it is of."""
    assert len(samples) > 60
    found = {name: source_of(event) for name, event in samples.items()}
    assert {name: found[name] for name in SERVED} == SERVED
    assert {one for name, one in found.items() if name not in SERVED} == {Source.FOREIGN}


def test_samples_are_named(samples: dict[str, Any]) -> None:
    """Each sample of another service is named, none of them vaguely."""
    named = {service_of(event) for name, event in samples.items() if name not in SERVED}
    assert None not in named
    assert "another service" not in named
    assert {"Alexa", "Cognito Sync", "DynamoDB", "Kinesis Data Analytics", "Lex"} <= named


def test_samples_through_the_handler(handler: Handler, samples: dict[str, Any]) -> None:
    """None of the samples makes the function fail: each is answered or refused."""
    for name, event in samples.items():
        outcome = outcome_of(handler, event)
        if name not in SERVED:
            assert outcome["errorType"] == "UnsupportedSourceError", name
            assert outcome["errorMessage"].endswith(f"got an event of {service_of(event)}")
        assert outcome.get("errorType") != "InternalError", name
        assert outcome.get("statusCode", 400) < 500, name


@pytest.mark.parametrize(
    ("service", "event"), FOREIGN, ids=[f"{n}-{service}" for n, (service, _) in enumerate(FOREIGN)]
)
def test_documented_shapes(handler: Handler, service: str, event: Any) -> None:
    """An event with the keys that a service documents is refused by the service's name."""
    assert source_of(event) is Source.FOREIGN
    assert outcome_of(handler, event) == {
        "errorType": "UnsupportedSourceError",
        "errorMessage": "expected an event of HTTP, SQS, S3 or EventBridge, or a payload, "
        '{"model": …, "rows" | "image" | "images" | "s3": …} or {"Items": […]}, '
        f"got an event of {service}",
        "stackTrace": [],
    }


def test_every_service_has_an_event() -> None:
    """No row of the tables is without an event that needs it."""
    events = [event for _, event in FOREIGN] + [case.event for case in CASES]
    named = {service_of(event) for event in events}
    names = {name for _, name in foreign._BY_KEYS} | set(foreign._BY_SENDER.values())
    assert names | {name for _, name in foreign._OF_REQUESTS} <= named


@pytest.mark.parametrize("event", [case.event for case in CASES if case.source == "unknown"])
def test_what_no_service_sends(event: Any) -> None:
    """What is of no service has no name."""
    assert service_of(event) is None


KEYS = st.sampled_from(
    [*{key for keys, _ in foreign._BY_KEYS for key in keys}, "Records", "eventSource"]
)
EVENTS = JSON | st.dictionaries(KEYS, JSON | st.lists(st.dictionaries(KEYS, JSON)), max_size=5)


@given(event=EVENTS | st.lists(EVENTS, max_size=2))
def test_total(handler: Callable[[Any, Any], Any], event: Any) -> None:
    """Whatever stands under those keys, naming it never fails, nor does the handler."""
    service = service_of(event)
    assert service is None or isinstance(service, str)
    if source_of(event) in (Source.FOREIGN, Source.UNKNOWN):
        assert outcome_of(handler, event)["errorType"] == "UnsupportedSourceError"
