"""The same request through every front gives the same answer of the real function."""

from __future__ import annotations

import http.client

import pytest

from infra.local.server import LocalLambda
from infra.settings.front import FrontConfig
from infra.settings.function import FunctionConfig
from tests import ROOT
from tests.infra.local.fronts.front_requests import FRONT_NAMES

PICTURE = ROOT / "model" / "zoo" / "digits" / "samples" / "7.png"


@pytest.mark.parametrize("front", FRONT_NAMES)
def test_same_prediction(front: str) -> None:
    """A picture sent as it is is a 7, and a query adds up, whatever stands before the function."""
    # A REST API passes pictures unharmed only if it is told which types are binary.
    options = {"binary_media_types": ["image/*"]} if front == "rest_api" else {}
    config = FunctionConfig(
        handler="function.entry.handler",
        root=ROOT,
        name="tested",
        front=front,
        front_options=FrontConfig.model_validate(options),
        memory_mb=1024,
        concurrency=1,
    )
    with LocalLambda(config) as local:
        connection = http.client.HTTPConnection(local.url.removeprefix("http://"))
        headers = {"Content-Type": "image/png"}
        connection.request("POST", "/models/digits/predict", PICTURE.read_bytes(), headers)
        answer = connection.getresponse()
        body = answer.read()
        assert (answer.status, answer.getheader("content-type")) == (200, "application/json")
        assert body.startswith(b'{"model":"digits","version":"1","predictions":[{"label":"7",')
        connection.request("GET", "/add?a=1%30&b=20")
        assert connection.getresponse().read() == b"30"
        connection.close()
