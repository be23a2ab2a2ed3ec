"""The OpenAPI document is valid, its examples work, and the service answers as it says."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import asdict
from typing import Any

import pytest

from function.http.app import create_app
from function.http.routes import SERVICE
from function.service import Service
from model.recipes.base import Column
from tests.function.conftest import Answer
from tests.function.doors.fronts import Call, header_of, json_of, post_json
from tests.function.http.form_bodies import PREDICT_DIGITS, PREDICT_IRIS, sample

SEVEN = b64encode(sample(7)).decode()
ROW = [5.1, 3.5, 1.4, 0.2]


@pytest.fixture(scope="session")
def document(answer: Answer) -> dict[str, Any]:
    """Get the document as a client does."""
    reply = answer(Call("/openapi.json"))
    assert header_of(reply, "content-type") == "application/json"
    document: dict[str, Any] = json_of(reply)
    return document


def errors_in(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    """Hold a value against a schema of the document."""
    whole = schema | {"components": document["components"]}
    from openapi_schema_validator import OAS31Validator

    return [error.message for error in OAS31Validator(whole).iter_errors(value)]


def body_schema(document: dict[str, Any], path: str, media_type: str = "application/json") -> Any:
    """Take the schema of an operation's body."""
    return document["paths"][path]["post"]["requestBody"]["content"][media_type]["schema"]


def answer_schema(document: dict[str, Any], method: str, path: str) -> Any:
    """Take the schema of an operation's answer."""
    responses = document["paths"][path][method]["responses"]
    return responses["200"]["content"]["application/json"]["schema"]


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    """The document is OpenAPI 3.1 to the letter."""
    from openapi_spec_validator import validate

    validate(document)
    assert document["openapi"] == "3.1.0"


def test_the_server_is_the_prefix(answer: Answer) -> None:
    """The document names the service by its prefix, so that Swagger UI asks below it."""
    assert json_of(answer(Call("/openapi.json", stage="prod")))["servers"] == [{"url": "/prod"}]
    assert json_of(answer(Call("/openapi.json")))["servers"] == [{"url": "/"}]


def test_no_foreign_host(document: dict[str, Any]) -> None:
    """Nothing in the document points anywhere else."""
    assert "//" not in json.dumps(document)


def test_every_path_is_a_route(answer: Answer, document: dict[str, Any]) -> None:
    """Each operation of the document is there, and goes by its method."""
    for path, operations in document["paths"].items():
        for method in operations:
            reply = answer(
                Call(path.replace("{name}", "iris").replace("{sample}", "0"), method.upper())
            )
            assert reply["statusCode"] not in (404, 405), (method, path)


def test_every_model_has_its_operation(document: dict[str, Any], service: Service) -> None:
    """Each model has a predict path of its own, with its own inputs and limits."""
    for model in service.models():
        operation = document["paths"][f"/models/{model.name}/predict"]["post"]
        assert operation["operationId"] == f"predict_{model.name}"
        assert operation["description"] == model.latest.manifest.description
    rows = body_schema(document, PREDICT_IRIS)["oneOf"][0]["properties"]["rows"]
    assert rows["items"] == service.find("iris").description.schema
    assert rows["maxItems"] == 1000
    answers = answer_schema(document, "post", PREDICT_IRIS)["properties"]["predictions"]["items"]
    assert answers["properties"]["label"]["enum"] == ["setosa", "versicolor", "virginica"]


def test_every_version_has_its_operations(versions: Service) -> None:
    """Each version has its card and its predict path, titled by the labels that stand for it."""
    document = create_app(versions, max_body_bytes=1).openapi()
    from openapi_spec_validator import validate

    validate(document)
    titles = {"2": "version 2, stable", "9": "version 9", "10": "version 10, latest, next"}
    for version, title in titles.items():
        path = f"/models/iris/versions/{version}"
        card, predict = document["paths"][path], document["paths"][f"{path}/predict"]
        assert card["get"]["summary"] == f"Show the card of iris, {title}"
        assert predict["post"]["summary"] == f"Predict with iris, {title}"
        assert predict["post"]["operationId"] == f"predict_iris:{version}"
    predicts = [path for path in document["paths"] if path.endswith("/predict")]
    assert len(predicts) == 4
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(ids) == len(set(ids))


def test_operations_are_in_groups(versions: Service) -> None:
    """Each model's are one, in the order of the models; the last has those of no single model."""
    document = create_app(versions, max_body_bytes=1).openapi()
    groups = [tag["name"] for tag in document["tags"]]
    assert groups == [*(one.name for one in versions.models()), SERVICE]
    found = {
        path: operation["tags"]
        for path, operations in document["paths"].items()
        for operation in operations.values()
    }
    assert found["/healthz"] == found["/models/{name}"] == [SERVICE]
    for name in groups[:-1]:
        assert found[f"/models/{name}/predict"] == [name]
        version = next(one.latest.manifest.version for one in versions.models() if one.name == name)
        assert found[f"/models/{name}/versions/{version}/predict"] == [name]


@pytest.mark.parametrize("path", [PREDICT_IRIS, PREDICT_DIGITS])
def test_the_examples_work(answer: Answer, document: dict[str, Any], path: str) -> None:
    """The examples in the document fit its own schema, and are answered alike."""
    content = document["paths"][path]["post"]["requestBody"]["content"]
    examples = [one["value"] for one in content["application/json"]["examples"].values()]
    for example in examples:
        assert errors_in(document, body_schema(document, path), example) == []
        (prediction,) = json_of(answer(post_json(path, example)))["predictions"]
        assert prediction == json_of(answer(post_json(path, examples[0])))["predictions"][0]


def test_the_examples_of_a_query_work(answer: Answer, document: dict[str, Any]) -> None:
    """The numbers in the document are added."""
    parameters = document["paths"]["/add"]["get"]["parameters"]
    query = "&".join(f"{one['name']}={one['example']}" for one in parameters)
    assert json_of(answer(Call("/add", query=query))) == 30


def test_uploads(document: dict[str, Any]) -> None:
    """A picture is described so that Swagger UI draws a button for a file."""
    form = body_schema(document, PREDICT_DIGITS, "multipart/form-data")
    assert form["properties"]["file"] == {"type": "string", "format": "binary"}
    assert form["required"] == ["file"]


@pytest.mark.parametrize(
    ("path", "payload", "fits"),
    [
        (PREDICT_IRIS, {"rows": [ROW]}, True),
        (PREDICT_IRIS, {"rows": []}, False),
        (PREDICT_IRIS, {"rows": [ROW] * 1001}, False),
        (PREDICT_IRIS, {"rows": [["5.1", 3.5, 1.4, 0.2]]}, False),
        (PREDICT_IRIS, {"rows": [[True, 3.5, 1.4, 0.2]]}, False),
        (PREDICT_IRIS, {"rows": [ROW], "more": 1}, False),
        (PREDICT_IRIS, {"rows": None}, False),
        (PREDICT_IRIS, {}, False),
        (PREDICT_IRIS, [ROW], False),
        (PREDICT_DIGITS, {"image": SEVEN}, True),
        (PREDICT_DIGITS, {"images": [SEVEN, SEVEN]}, True),
        (PREDICT_DIGITS, {"images": []}, False),
        (PREDICT_DIGITS, {"images": [SEVEN] * 257}, False),
        (PREDICT_DIGITS, {"image": SEVEN, "images": [SEVEN]}, False),
        (PREDICT_DIGITS, {"image": 7}, False),
    ],
    ids=range(15),
)
def test_the_document_and_the_service_agree(
    answer: Answer, document: dict[str, Any], path: str, payload: Any, fits: bool
) -> None:
    """What the document allows is answered, and what it forbids is a 422."""
    assert (errors_in(document, body_schema(document, path), payload) == []) is fits
    assert answer(post_json(path, payload))["statusCode"] == (200 if fits else 422)


@pytest.mark.parametrize(
    ("method", "path", "call"),
    [
        ("get", "/add", Call("/add", query="a=1&b=2.5")),
        ("get", "/healthz", Call("/healthz")),
        ("get", "/models", Call("/models")),
        ("get", "/models/{name}/versions", Call("/models/iris/versions")),
        ("get", "/models/iris/versions/1", Call("/models/iris/versions/1")),
        ("get", "/models/{name}", Call("/models/digits")),
        ("get", "/models/{name}", Call("/models/iris")),
        ("post", PREDICT_IRIS, post_json(PREDICT_IRIS, {"rows": [ROW]})),
        ("post", PREDICT_DIGITS, post_json(PREDICT_DIGITS, {"image": SEVEN})),
    ],
    ids=str,
)
def test_answers_are_as_documented(
    answer: Answer, document: dict[str, Any], method: str, path: str, call: Call
) -> None:
    """Each answer fits the schema that the document states, and has no field beyond it."""
    schema = answer_schema(document, method, path)
    content = json_of(answer(call))
    assert errors_in(document, schema, content) == []
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        assert set(content) == set(document["components"]["schemas"][name]["properties"])


def test_a_column_of_unknown_range_is_as_documented(document: dict[str, Any]) -> None:
    """A card's column may lack its unit and its range."""
    columns = document["components"]["schemas"]["ModelAnswer"]["properties"]["columns"]
    card = json.loads(json.dumps([asdict(Column("length"))]))
    assert errors_in(document, columns, card) == []


def test_problems_are_as_documented(answer: Answer, document: dict[str, Any]) -> None:
    """A problem fits the schema that the document states."""
    schema = {"$ref": "#/components/schemas/ProblemAnswer"}
    for call in (Call("/nowhere"), Call("/add"), post_json(PREDICT_IRIS, {"rows": []})):
        assert errors_in(document, schema, json_of(answer(call))) == []


def test_numbers_too_large_to_compute_with(answer: Answer) -> None:
    """Tensors past the recipe from which the outputs overflow are the caller's, not a fault."""
    picture = [
        [[3.4e38 if (row + column) % 2 else -3.4e38] for column in range(28)] for row in range(28)
    ]
    assert answer(post_json(PREDICT_DIGITS, {"inputs": {"image": [picture]}}))["statusCode"] == 422
    assert answer(post_json(PREDICT_IRIS, {"inputs": {"rows": [ROW, 0]}}))["statusCode"] == 422
