"""Events are recognised by their shape, whatever they hold; foreign ones are refused by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.doors import sources
from function.doors.sources import Source, clue_in, source_of
from function.payloads import FORM
from tests import conftest
from tests.contract.fetch_rie import FOLDER, SAMPLES
from tests.function.corpus import CASES, Case
from tests.function.json_values import JSON, SCALARS
from tests.function.test_entry import Handler, outcome_of


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_corpus(case: Case) -> None:
    """Every event of the corpus is recognised as what its file says."""
    assert source_of(case.event).value == case.source


def test_the_corpus_has_every_source() -> None:
    """No source is without an event in the corpus."""
    assert {case.source for case in CASES} == {source.value for source in Source}


def test_http_sources() -> None:
    """The five HTTP fronts are HTTP sources, and nothing else is."""
    http = {"http-api-2.0", "http-api-1.0", "rest-api", "function-url", "alb"}
    assert {source.value for source in Source if source.is_http} == http


@pytest.mark.parametrize(
    ("event", "source"),
    [
        ({"requestContext": None, "model": "iris"}, Source.DIRECT),
        ({"requestContext": {}, "model": "iris"}, Source.FOREIGN),
        ({"requestContext": {"http": []}, "version": "2.0"}, Source.FOREIGN),
        ({"requestContext": {"http": {}}, "version": "2.0"}, Source.HTTP_API_V2),
        ({"requestContext": {"http": {}, "domainName": 7}, "version": "2.0"}, Source.HTTP_API_V2),
        ({"requestContext": {}, "httpMethod": None}, Source.REST_API),
        ({"requestContext": {}, "httpMethod": "GET", "version": "1.0"}, Source.HTTP_API_V1),
        ({"Records": {}}, Source.UNKNOWN),
        ({"Records": [[]]}, Source.UNKNOWN),
        ({"Records": [{"eventSource": ["aws:sqs"]}]}, Source.FOREIGN),
        ({"Event": "s3:TestEvent"}, Source.UNKNOWN),
        ({"source": "aws.events"}, Source.UNKNOWN),
        ({"model": None}, Source.DIRECT),
        ({"Items": []}, Source.MAP),
        ({"Items": [], "model": "iris"}, Source.MAP),
        ({"Items": None, "model": "iris"}, Source.DIRECT),
        ({"Items": {}, "BatchInput": {}}, Source.UNKNOWN),
        ({"detail-type": None, "source": None}, Source.EVENTBRIDGE),
        ({"detail-type": "x", "source": "y", "model": "iris"}, Source.EVENTBRIDGE),
        ({"awslogs": {}, "model": "iris"}, Source.DIRECT),
        ({"Records": []}, Source.UNKNOWN),
    ],
    ids=str,
)
def test_shapes_at_the_border(event: dict[str, Any], source: Source) -> None:
    """An event that is nearly of one shape is named by what it has, not by what it lacks."""
    assert source_of(event) is source


@pytest.mark.parametrize(
    ("event", "clue"),
    [
        ({"Records": [{"eventSource": "aws:kinesis", "kinesis": {}}]}, "an event of aws:kinesis"),
        ({"Records": [{"EventSource": "aws:sns", "Sns": None}]}, "an event of aws:sns"),
        ({"eventSource": "SelfManagedKafka", "records": {}}, "an event of SelfManagedKafka"),
        ([{"eventSource": "aws:sqs", "body": "{}"}], "an event of aws:sqs"),
        ({"Records": [{"eventSource": "aws:new"}]}, "an event with eventSource"),
        ({"Records": [{"eventSource": ["aws:sqs"]}]}, "an event with eventSource"),
        ({"Records": [{"cf": {"request": {}}}]}, "an event with cf"),
        ({"Records": [], "window": {}, "shardId": "1"}, "an event with window"),
        ({"requestContext": {"connectionId": "1"}, "body": "{}"}, "an event with requestContext"),
        ({"requestContext": {}, "routeArn": "a"}, "an event with requestContext, routeArn"),
        ({"type": "TOKEN", "methodArn": "a"}, "an event with methodArn"),
        ([{"stash": {}, "prev": None}] * 2, "an event with stash"),
    ],
    ids=str,
)
def test_foreign_events(handler: Handler, event: Any, clue: str) -> None:
    """An event of a service that no door takes is refused by its sender, or by the keys seen."""
    assert source_of(event) is Source.FOREIGN
    assert outcome_of(handler, event) == {
        "errorType": "UnsupportedSourceError",
        "errorMessage": "expected an event of HTTP, SQS, S3 or EventBridge, or a payload, "
        f'{FORM} or {{"Items": […]}}, got {clue}',
        "stackTrace": [],
    }


@pytest.mark.parametrize("event", [case.event for case in CASES if case.source == "unknown"])
def test_events_without_a_clue(event: Any) -> None:
    """An event with none of the known keys tells nothing of its sender."""
    assert clue_in(event) is None


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


def require_samples(path: Path) -> Path:
    """Find the samples, or skip the test, or fail it under STRICT=1."""
    if not path.is_file():
        conftest.absent(f"expected {path}, found none: python -m tests.contract.fetch_rie")
    return path


@pytest.fixture(scope="module")
def samples() -> dict[str, Any]:
    """Read AWS's sample events: their templates, with something in every gap."""
    templates = json.loads(require_samples(SAMPLES_FILE).read_text(encoding="utf-8"))
    return {
        name: json.loads(re.sub(r"\{\{\{?[^{}]*\}?\}\}", "0", template))
        for name, template in templates.items()
    }


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


def test_samples_through_the_handler(handler: Handler, samples: dict[str, Any]) -> None:
    """None of the samples makes the function fail: each is answered or refused."""
    for name, event in samples.items():
        outcome = outcome_of(handler, event)
        if name not in SERVED:
            assert outcome["errorType"] == "UnsupportedSourceError", name
            assert outcome["errorMessage"].endswith(f"got {clue_in(event)}")
        assert outcome.get("errorType") != "InternalError", name
        assert outcome.get("statusCode", 400) < 500, name


KEYS = st.sampled_from(
    [
        "Records", "version", "httpMethod", "http", "elb", "model", "Event", "Items", "source",
        "detail-type", *sorted(sources._KEYS),
    ]
)  # fmt: skip
PART = SCALARS | st.dictionaries(KEYS, SCALARS, max_size=2)
EVENTS = JSON | st.dictionaries(KEYS, PART | st.lists(PART, max_size=2), max_size=4)


@given(event=EVENTS | st.lists(EVENTS, max_size=2))
def test_total(handler: Callable[[Any, Any], Any], event: Any) -> None:
    """Any JSON has a source, is left as it was, and is refused by the handler if foreign."""
    before = json.dumps(event)
    if source_of(event) in (Source.FOREIGN, Source.UNKNOWN):
        assert outcome_of(handler, event)["errorType"] == "UnsupportedSourceError"
    assert json.dumps(event) == before
