"""The whole way: a client, the local Lambda, the real awslambdaric, the baked models, and back."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import numpy as np
import pytest
from botocore.config import Config
from PIL import Image, ImageOps

from infra.local.server import LocalLambda
from infra.settings import FUNCTION_FILE, read
from model.predictor import Predictor
from tests import ROOT
from tests.model.pictures import pictures

SAMPLES = ROOT / "model" / "zoo" / "digits" / "samples"
SEVEN = (SAMPLES / "7.png").read_bytes()
REQUESTS = 500


@pytest.fixture(scope="module")
def local() -> Iterator[LocalLambda]:
    """Start the function as `make run` does, on free ports."""
    config = read(ROOT / FUNCTION_FILE)
    with LocalLambda(config, port=0, invoke_port=0) as running:
        yield running


def predicted(local: LocalLambda, model: str = "digits", **request: Any) -> dict[str, Any]:
    """Ask the native door."""
    response = httpx.post(f"{local.url}/models/{model}/predict", timeout=60, **request)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_a_picture_answers_the_same_in_every_form(local: LocalLambda) -> None:
    """A form, raw bytes, base64 alone and in a list are one picture."""
    text = base64.b64encode(SEVEN).decode()
    answers = [
        predicted(local, files={"file": ("7.png", SEVEN, "image/png")}),
        predicted(local, content=SEVEN, headers={"content-type": "image/png"}),
        predicted(local, json={"image": text}),
        predicted(local, json={"images": [text]}),
    ]
    assert answers[0]["predictions"][0]["label"] == "7"
    assert all(answer == answers[0] for answer in answers)


def test_an_inverted_seven_is_a_seven(local: LocalLambda) -> None:
    """Dark on light means the same as light on dark."""
    out = io.BytesIO()
    ImageOps.invert(Image.open(io.BytesIO(SEVEN)).convert("L")).save(out, "PNG")
    answer = predicted(local, files={"file": ("7.png", out.getvalue(), "image/png")})
    assert answer["predictions"][0]["label"] == "7"


@pytest.mark.parametrize("kind", ["photo", "turned_by_exif", "transparent", "cmyk", "tiny"])
def test_a_seven_as_people_send_it_is_a_seven(local: LocalLambda, kind: str) -> None:
    """Photographed, turned, cut out, separated for print, or far too small."""
    digit = np.asarray(Image.open(io.BytesIO(SEVEN)).convert("L"))
    picture = pictures.KINDS[kind](digit, np.random.default_rng(7))
    answer = predicted(local, files={"file": ("picture", picture, "application/octet-stream")})
    assert answer["predictions"][0]["label"] == "7"


def test_iris_rows_answer_as_the_model_does(local: LocalLambda) -> None:
    """Lists and objects, in the order in which they were sent."""
    rows = json.loads((ROOT / "model/zoo/iris/samples/rows.json").read_text())["rows"]
    direct, _ = Predictor.load(ROOT / "model" / "zoo" / "iris").predict(rows)
    answer = predicted(local, "iris", json={"rows": rows})
    assert [one["label"] for one in answer["predictions"]] == [one["label"] for one in direct]


def test_boto3_invokes_the_function(local: LocalLambda) -> None:
    """A direct event through the Invoke API, and an error as a function error without a trace."""
    client = boto3.client(
        "lambda", endpoint_url=local.invoke_url, config=Config(retries={"total_max_attempts": 1})
    )
    event = {"model": "digits", "image": base64.b64encode(SEVEN).decode()}
    reply = client.invoke(FunctionName="lambake", Payload=json.dumps(event))
    assert "FunctionError" not in reply
    assert json.loads(reply["Payload"].read())["predictions"][0]["label"] == "7"

    reply = client.invoke(FunctionName="lambake", Payload=b'{"model": "none"}')
    failure = json.loads(reply["Payload"].read())
    assert reply["FunctionError"] == "Unhandled"
    assert failure["errorType"] == "UnknownModelError"
    names = "digits, iris, progression"
    assert failure["errorMessage"] == f"model: expected one of {names}, got another name"
    assert not failure["stackTrace"]


def test_500_requests_at_once_lose_none_and_mix_none_up(local: LocalLambda) -> None:
    """Every request has a row of its own, and gets the answer to that row."""
    random = np.random.default_rng(11)
    rows = random.uniform(0.5, 8, size=(REQUESTS, 4)).round(2).tolist()
    expected, _ = Predictor.load(ROOT / "model" / "zoo" / "iris").predict(rows)

    async def ask(client: httpx.AsyncClient, row: list[float]) -> Any:
        response = await client.post(f"{local.url}/models/iris/predict", json={"rows": [row]})
        return response.json()["predictions"][0]["probabilities"]

    async def ask_all() -> list[Any]:
        limits = httpx.Limits(max_connections=REQUESTS)
        async with httpx.AsyncClient(limits=limits, timeout=120) as client:
            return await asyncio.gather(*(ask(client, row) for row in rows))

    answers = asyncio.run(ask_all())
    assert len({tuple(answer.values()) for answer in answers}) > REQUESTS // 10
    assert answers == [one["probabilities"] for one in expected]


def test_the_log_has_one_line_of_ours_an_invocation(local: LocalLambda) -> None:
    """Each START is followed by one JSON line with its request id."""
    predicted(local, content=SEVEN, headers={"content-type": "image/png"})
    started = [line.split()[2] for line in local.logs if line.startswith("START ")]
    ours = [json.loads(line)["request_id"] for line in local.logs if line.startswith("{")]
    assert sorted(started) == sorted(ours)
