"""One prediction through the front: by HTTPS, signed, expected, and refused to strangers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.cloud.cloud import cloud
from infra.release.errors import NotHealthy
from infra.release.smoke import require_closed, smoke
from infra.settings import read
from infra.settings.errors import ConfigError
from tests import ROOT
from tests.infra.cloud.clouds import Client, client_of, created
from tests.infra.cloud.test_apis import api
from tests.infra.release.fronts import API, PREDICTED, Front
from tests.infra.release.staged import FUNCTION, target_at, with_settings

SEVEN = ROOT / "model/zoo/digits/samples/7.png"


@pytest.fixture(scope="module")
def deployed() -> Iterator[tuple[Client, str]]:
    """Give clients of a cloud in which the repository's function is live, and its alias."""
    with cloud(read(FUNCTION), port=0) as box:

        def client(service: str) -> Any:
            return client_of(service, box.url)

        name = created(client, MemorySize=1024, Timeout=30)
        version = client("lambda").publish_version(FunctionName=name)["Version"]
        alias = client("lambda").create_alias(
            FunctionName=name, Name="live", FunctionVersion=version
        )
        yield client, alias["AliasArn"]


class Time:
    """Pass by sleeping only."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def options(self) -> dict[str, Callable[..., Any]]:
        """What `smoke` takes."""
        return {"sleep": self._sleep, "now_s": lambda: self.at_s}

    def _sleep(self, for_s: float) -> None:
        self.at_s += for_s


def test_a_prediction(front: Front) -> None:
    """The sample of function.yaml is posted, signed for the API, to the API's own host."""
    target = front.target()
    assert smoke(target, API, **Time().options()) == "200: model digits 1 says 7"
    ((path, headers, body),) = front.got
    assert path == "/models/digits/predict"
    assert (headers["host"], headers["content-type"]) == (API.removeprefix("https://"), "image/png")
    assert "/us-east-1/execute-api/aws4_request" in headers["authorization"]
    assert body == SEVEN.read_bytes()


@pytest.mark.parametrize(
    ("prediction", "said"),
    [
        ({"value": 1.5}, "1.5"),
        ({"labels": ["cat", "dog"], "probabilities": {}}, "cat and dog"),
        ({"embedding": [0.5, 0.25]}, "2 embedding"),
    ],
)
def test_answers_of_any_task(front: Front, prediction: Any, said: str) -> None:
    """The line tells the answer, or how much of it there is."""
    front.answers = [(200, {"model": "m", "version": "1", "predictions": [prediction]})]
    assert smoke(front.target(), API, **Time().options()) == f"200: model m 1 says {said}"


@pytest.mark.parametrize(
    "answer", [b'["hello"]', b"<p>hello", b"\xff", {"predictions": 1}, {"predictions": [{}]}]
)
def test_an_answer_of_another_shape(front: Front, answer: Any) -> None:
    """A function with another sample is well if it answers, be it JSON or not."""
    front.answers = [(200, answer)]
    size = len(answer if isinstance(answer, bytes) else json.dumps(answer))
    assert smoke(front.target(), API, **Time().options()) == f"200, {size} bytes"


def test_a_sample_with_a_query(front: Front) -> None:
    """It is sent as it stands in function.yaml, below the address's own path."""
    sample = {"path": "/models/digits/predict?top=1", "file": SEVEN}
    target = with_settings(front.target(), sample=sample)
    smoke(target, f"{API}/prod/", **Time().options())
    assert front.got[0][0] == "/prod/models/digits/predict?top=1"


def test_a_front_that_needs_a_while(front: Front) -> None:
    """A new address is not known at once: it is asked again."""
    front.answers = [(status, {}) for status in (403, 404, 429, 500, 503)] + [(200, PREDICTED)]
    time = Time()
    assert smoke(front.target(), API, **time.options()).startswith("200")
    assert time.at_s == 10.0


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (403, "may these credentials call it? They need execute-api:Invoke"),
        (429, "callers use up aws.api.rate_per_s, or aws.reserved_concurrency"),
        (500, "lambake rollback --stage dev returns to the previous version"),
    ],
)
def test_remedies(front: Front, status: int, remedy: str) -> None:
    """After a minute the last answer, as one line even of HTML, and what may help are told."""
    front.answers = [(status, b"<p>\n  no\x1b[31m \xff</p>")]
    with pytest.raises(NotHealthy) as ill:
        smoke(front.target(), API, **Time().options())
    assert str(ill.value) == (
        f"{API}: expected 200, got {status}: <p> no[31m \N{REPLACEMENT CHARACTER}</p>\n{remedy}"
    )


def test_nobody_answers() -> None:
    """No connection is no answer."""
    with pytest.raises(NotHealthy, match=r"expected 200, got no answer: .*refused"):
        smoke(target_at("http://127.0.0.1:1"), API, **Time().options())


def test_with_tokens(front: Front) -> None:
    """We have no token: to be refused is what must come; the prediction is seen by Invoke."""
    predicted = {"statusCode": 200, "body": json.dumps(PREDICTED)}
    front.answers = [(401, {"message": "Unauthorized"}), (200, predicted)]
    target = front.target(api={"auth": "jwt"})
    assert smoke(target, API, **Time().options()) == (
        "401 without a token, as expected; by Invoke 200: model digits 1 says 7"
    )
    (_, unsigned, body), (invoked, _, event) = front.got
    assert "authorization" not in unsigned
    assert invoked == "/2015-03-31/functions/lambake-dev/invocations?Qualifier=live"
    sent = json.loads(event)
    assert (sent["version"], sent["rawPath"]) == ("2.0", "/models/digits/predict")
    assert sent["headers"]["host"] == API.removeprefix("https://")
    assert base64.b64decode(sent["body"]) == body


@pytest.mark.parametrize(
    ("told", "payload", "got"),
    [
        ({}, {"statusCode": 422, "body": "no"}, "422: no"),
        ({}, {"statusCode": "no"}, '500: {"statusCode": "no"}'),
        ({"X-Amz-Function-Error": "Unhandled"}, {"errorType": "E"}, '500: {"errorType": "E"}'),
    ],
)
def test_no_prediction_behind_tokens(
    front: Front, told: dict[str, str], payload: dict[str, Any], got: str
) -> None:
    """An API that refuses rightly proves nothing of the function: its answer must be one."""
    front.told = told
    front.answers = [(401, {}), (200, payload)]
    with pytest.raises(NotHealthy) as ill:
        smoke(front.target(api={"auth": "jwt"}), API, **Time().options())
    assert str(ill.value) == (
        f"lambake-dev:live by Invoke: expected 200, got {got}\n"
        "lambake rollback --stage dev returns to the previous version"
    )


def test_a_sample_that_is_not_there() -> None:
    """The file of the sample is named."""
    sample = {"path": "/", "file": Path("none.png")}
    target = with_settings(target_at(None), sample=sample)
    with pytest.raises(ConfigError, match=r"sample\.file: expected a readable file, .*none\.png"):
        smoke(target, API)


def test_without_a_sample() -> None:
    """Nothing is asked, and that is said."""
    target = with_settings(target_at(None), sample=None)
    assert smoke(target, API) == "not tried: function.yaml has no sample"
    require_closed(target, API)


@pytest.mark.parametrize("status", [401, 403])
def test_strangers_are_refused(front: Front, status: int) -> None:
    """An unsigned call gets nothing."""
    front.answers = [(status, {})]
    require_closed(front.target(), API)
    assert "authorization" not in front.got[0][1]


def test_strangers_are_let_in(front: Front) -> None:
    """An API that answers unsigned calls is an error, unless it was chosen to be open."""
    with pytest.raises(NotHealthy) as ill:
        require_closed(front.target(), API, **Time().options())
    assert str(ill.value) == (
        f"{API}, unsigned: expected 401 or 403, got 200: {json.dumps(PREDICTED)}\n"
        "somebody changed the API's route: lambake plan shows how"
    )
    require_closed(front.target(api={"auth": "none"}), API)


def test_a_route_that_closes_in_a_while(front: Front) -> None:
    """Its authorisation is not known everywhere at once, and the front may be busy."""
    front.answers = [(200, PREDICTED), (503, {}), (403, {})]
    time = Time()
    require_closed(front.target(), API, **time.options())
    assert time.at_s == 4.0


@pytest.mark.parametrize(
    ("auth", "seen"),
    [
        ("iam", "200: model digits 1 says 7"),
        ("none", "200: model digits 1 says 7"),
        ("jwt", "401 without a token, as expected; by Invoke 200: model digits 1 says 7"),
    ],
)
def test_a_real_prediction(deployed: tuple[Client, str], auth: str, seen: str) -> None:
    """The function itself predicts behind a simulated cloud's API, which is asked by HTTPS."""
    client, alias = deployed
    kind = {"iam": "AWS_IAM", "none": "NONE", "jwt": "JWT"}[auth]
    url = f"https://{api(client, alias, kind)}"
    name, _, stage = alias.split(":")[6].rpartition("-")
    cloud_url = client("lambda").meta.endpoint_url
    target = target_at(cloud_url, name=name, stage=stage, api={"auth": auth})
    assert smoke(target, url) == seen
    require_closed(target, url)
