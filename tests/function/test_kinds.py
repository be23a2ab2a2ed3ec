"""Models of every kind are answered as documented: the examples work, at every door."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from function.doors.http import HttpDoor
from function.http.app import create_app
from function.http.examples import MOST_NUMBERS, examples_of
from function.inputs import instances_of
from function.payloads import Payloads
from function.plain.prometheus import PrometheusMetrics
from function.service import Service
from function.telemetry.cloudwatch import metrics_of
from function.telemetry.invocation import Invocation, predict, under_way
from tests.function.conftest import CONTEXT, MAX_BODY_BYTES
from tests.function.doors.fronts import Call, http_api_v2, json_of, post_json
from tests.function.kinds import KINDS, kinds_service
from tests.function.objects.buckets import an_hour, made, no_objects, objects_by, read
from tests.infra.cloud.clouds import bucket

Ask = Callable[[Call], Any]
ANSWERS = {name: case["answer"] for name, (_, _, case) in KINDS.items()}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Load one model of each kind."""
    return kinds_service(tmp_path_factory.mktemp("kinds") / "zoo")


@pytest.fixture(scope="module")
def ask(kinds: Service) -> Iterator[Ask]:
    """Ask over HTTP, and take a 200's JSON."""
    door = HttpDoor(create_app(kinds, max_body_bytes=MAX_BODY_BYTES))

    def asked(call: Call) -> Any:
        reply = door.answer(http_api_v2(call), CONTEXT)
        assert reply["statusCode"] == 200, reply["body"]
        return json_of(reply)

    yield asked
    door.close()


@pytest.fixture(scope="module")
def document(ask: Ask) -> dict[str, Any]:
    """Get the OpenAPI document, valid."""
    document: dict[str, Any] = ask(Call("/openapi.json"))
    from openapi_spec_validator import validate

    validate(document)
    return document


def fits(document: dict[str, Any], schema: dict[str, Any], value: Any) -> bool:
    """Hold a value against a schema of the document."""
    whole = schema | {"components": document["components"]}
    from openapi_schema_validator import OAS31Validator

    return not list(OAS31Validator(whole).iter_errors(value))


@pytest.mark.parametrize("name", KINDS)
def test_the_examples_work(kinds: Service, ask: Ask, document: dict[str, Any], name: str) -> None:
    """Each documented payload fits its schema, and so does its answer, at the direct door too."""
    path = f"/models/{name}/predict"
    operation = document["paths"][path]["post"]
    body = operation["requestBody"]["content"]["application/json"]
    answers = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert "inputs" in body["examples"]
    payloads = Payloads(kinds, no_objects, max_body_bytes=MAX_BODY_BYTES)
    for example in body["examples"].values():
        payload = example["value"]
        assert fits(document, body["schema"], payload)
        answer = ask(post_json(path, payload))
        assert fits(document, answers, answer)
        assert not fits(document, answers, answer | {"predictions": [{}]})
        assert payloads.answer({"model": name} | payload) == answer


@pytest.mark.parametrize("name", KINDS)
def test_the_card(ask: Ask, document: dict[str, Any], name: str) -> None:
    """A card says what a model takes and gives, by its tensors, with an example."""
    card = ask(Call(f"/models/{name}"))
    assert fits(document, {"$ref": "#/components/schemas/ModelAnswer"}, card)
    part = KINDS[name][0]
    assert (card["inputs"], card["outputs"]) == (part["inputs"], part["outputs"])
    assert card["example"]


@pytest.mark.parametrize("name", KINDS)
def test_objects_of_every_kind(kinds: Service, s3: Any, name: str) -> None:
    """A line of a bucket's object gets the answer, by instance or by inputs, or its own error."""
    case = {key: value for key, value in KINDS[name][2].items() if key != "answer"}
    example = examples_of(kinds.versions(name).latest)["inputs"]
    lines = [case, example, {"inputs": {}}, case]
    body = "\n".join(map(json.dumps, lines)).encode()
    ref = made(s3, bucket(s3), f"in/{name}/a.jsonl", body)
    objects = objects_by(kinds, s3)
    summary = objects.process(ref, remaining_ms=an_hour)
    assert (summary["count"], summary["failed"]) == (4, 1)
    first, second, third, last = read(s3, ref.bucket, f"out/{name}/a.jsonl.jsonl")
    assert first == {"line": 1, **ANSWERS[name]}
    assert second.keys() == first.keys()
    assert third["error"]["problems"][0]["where"].startswith("inputs.")
    assert last == {"line": 4, **ANSWERS[name]}
    s3.put_object(Bucket=ref.bucket, Key="two.jsonl", Body="\n".join(map(json.dumps, [case, case])))
    inline = objects.predictions_of(f"s3://{ref.bucket}/two.jsonl", kinds.find(name))
    assert inline["predictions"] == [ANSWERS[name]] * 2


def test_values_are_metrics(kinds: Service) -> None:
    """A regression's values are counted where a classifier's confidences would be."""
    metrics, invocation = PrometheusMetrics(kinds), Invocation("id", "test", cold=False)
    with under_way(invocation):
        for name in KINDS:
            served = kinds.find(name)
            (example, *_) = examples_of(kinds.versions(name).latest).values()
            predict(served, instances_of(example, served))
        predict(kinds.find("mean"), [[1, 3], [2, 4]])
    usage = invocation.usages["mean", "1"]
    assert usage.values[1:] == [2.0, 3.0]
    assert metrics_of(usage)["Value"] == usage.values
    assert "Confidence" not in metrics_of(usage)
    assert [name for (name, _), one in invocation.usages.items() if one.values] == ["mean", "shade"]
    metrics.observe(invocation, "POST", None)
    assert b'lambake_value_count{model="mean",version="1"} 3.0' in metrics.text()


def test_large_examples_are_left_out(service: Service) -> None:
    """Of a picture's tensor no example is shown; of a row's there is one."""
    digits, iris = (service.versions(name).latest for name in ("digits", "iris"))
    assert MOST_NUMBERS < 28 * 28
    assert list(examples_of(digits)) == ["image"]
    assert list(examples_of(iris)) == ["rows", "inputs"]
