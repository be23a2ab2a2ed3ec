"""Events are recognised by their shape, whatever they hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.doors.sources import Source, source_of
from tests.function.corpus import CASES, Case
from tests.function.json_values import JSON


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


KEYS = st.sampled_from(
    [
        "requestContext",
        "Records",
        "version",
        "httpMethod",
        "http",
        "elb",
        "model",
        "Event",
        "Items",
        "source",
        "detail-type",
        "eventSource",
    ]
)


@given(JSON | st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON)))
def test_total(event: Any) -> None:
    """Any JSON has a source, and the event is left as it was."""
    before = json.dumps(event)
    assert isinstance(source_of(event), Source)
    assert json.dumps(event) == before
