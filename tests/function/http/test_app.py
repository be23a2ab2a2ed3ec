"""The routes, as any ASGI server runs them: no word of AWS, and problems in place of errors."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException

from function.http.app import create_app
from function.service import Service
from tests.function.http.form_bodies import PREDICT_DIGITS, PREDICT_IRIS, sample

Ask = Callable[..., httpx.Response]
ROW = [5.1, 3.5, 1.4, 0.2]


def asking(app: FastAPI, root_path: str = "") -> Ask:
    """Speak HTTP to an application, without a server."""

    async def asked(method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app, root_path=root_path, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **more)

    return lambda method, path, **more: asyncio.run(asked(method, path, **more))


@pytest.fixture
def ask(app: FastAPI) -> Ask:
    """Speak HTTP to the application."""
    return asking(app)


def test_models(ask: Ask, service: Service) -> None:
    """The list describes each model in a line."""
    assert ask("GET", "/models").json() == {
        "models": [
            {
                "name": manifest.name,
                "version": manifest.version,
                "kind": manifest.kind,
                "description": manifest.description,
                "versions": {manifest.version: ["latest"]},
            }
            for manifest in [one.latest.manifest for one in service.models()]
        ]
    }


def test_a_card(ask: Ask, service: Service) -> None:
    """A model's page says all that its bundle does, the card included."""
    manifest = service.find("iris").manifest
    card = ask("GET", "/models/iris").json()
    assert card == {
        "name": "iris",
        "version": manifest.version,
        "kind": "table-classification",
        "description": manifest.description,
        "versions": {manifest.version: ["latest"]},
        "licence": "Apache-2.0",
        "engine": "onnx",
        "sha256": manifest.sha256,
        "labels": ["setosa", "versicolor", "virginica"],
        "unit": "",
        "takes": "row",
        "example": manifest.recipe.describe().example,
        "columns": [{**asdict(one), "choices": []} for one in manifest.recipe.describe().columns],
        "size": None,
        "inputs": [{"name": "rows", "dtype": "float32", "shape": [-1, 4]}],
        "outputs": [{"name": "probabilities", "dtype": "float32", "shape": [-1, 3]}],
        "samples": [f"row {number}" for number in range(0, 150, 10)],
        "max_instances": 1000,
        "training": dict(manifest.training),
        "metrics": dict(manifest.metrics),
        "card": (manifest.folder / "CARD.md").read_text(encoding="utf-8"),
    }


@pytest.fixture
def ask_versions(versions: Service) -> Ask:
    """Speak HTTP to an application that serves the irises in three versions."""
    return asking(create_app(versions, max_body_bytes=10_000))


LABELLED = {"2": ["stable"], "9": [], "10": ["latest", "next"]}


def test_versions(ask_versions: Ask) -> None:
    """A model's versions are listed with their labels, wherever the model is shown."""
    answer = ask_versions("GET", "/models/iris/versions").json()
    assert answer == {"model": "iris", "versions": LABELLED}
    (listed,) = ask_versions("GET", "/models").json()["models"]
    assert (listed["version"], listed["versions"]) == ("10", LABELLED)
    assert ask_versions("GET", "/models/iris").json()["versions"] == LABELLED
    health = {"status": "ok", "models": {"iris": "10"}, "versions": {"iris": ["2", "9", "10"]}}
    assert ask_versions("GET", "/healthz").json() == health


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/models/iris", "10"),
        ("/models/iris/versions/latest", "10"),
        ("/models/iris/versions/stable", "2"),
        ("/models/iris/versions/9", "9"),
    ],
)
def test_a_version(ask_versions: Ask, path: str, version: str) -> None:
    """A version shows its card and answers, by its name or a label, and the header names it."""
    assert ask_versions("GET", path).json()["version"] == version
    response = ask_versions("POST", f"{path}/predict", json={"rows": [ROW]})
    assert response.json()["version"] == version
    assert response.headers["x-model-version"] == f"iris/{version}"


@pytest.mark.parametrize(
    ("path", "title"),
    [
        *((f"/models/iris/versions/{one}", "No such version") for one in ("1", "%2e%2e")),
        ("/models/nosuch/versions/2", "No such model"),
        *((f"/models/{one}", "No such model") for one in ("...", "%00", "iris%0d%0a", "é")),
    ],
)
def test_what_is_not_served(ask_versions: Ask, path: str, title: str) -> None:
    """A model or a version that is not served is a 404 that names those that are."""
    for response in (
        ask_versions("GET", path),
        ask_versions("POST", f"{path}/predict", json={"rows": [ROW]}),
    ):
        problem = response.json()
        assert (response.status_code, problem["title"]) == (404, title)
        known = "2, 9, 10, latest, next, stable" if "version" in title else "iris"
        assert problem["detail"].endswith(f": expected one of {known}, got another name")


def test_a_prediction_says_what_it_cost(ask: Ask) -> None:
    """An answer's header holds the time of each step."""
    response = ask("POST", PREDICT_IRIS, json={"rows": [ROW]})
    duration = r"dur=\d+\.\d{3}"
    steps = ", ".join(
        f"{step};{duration}" for step in ("preprocess", "engine", "postprocess", "total")
    )
    assert re.fullmatch(steps, response.headers["server-timing"])


def test_an_upload_by_a_client(ask: Ask) -> None:
    """A form as an HTTP client writes it is read, on a plain ASGI server as well."""
    response = ask("POST", PREDICT_DIGITS, files={"file": ("7.png", sample(7), "image/png")})
    assert response.json()["predictions"][0]["label"] == "7"


@pytest.mark.parametrize("path", ["/models/", "/healthz/", "/docs/", "/models/iris/versions/1/"])
def test_a_slash_at_the_end(ask: Ask, path: str) -> None:
    """A path is served with a slash at its end, too, and not by a redirect."""
    assert ask("GET", path).content == ask("GET", path.removesuffix("/")).content
    assert ask("POST", f"{PREDICT_IRIS}/", json={"rows": [[1, 2, 3, 4]]}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/nowhere", "/nowhere/", "/models//", "/models//predict", "/docs/nosuch.js", "/redoc"]
)
def test_unknown_paths(ask: Ask, path: str) -> None:
    """A path that does not exist is a problem that lists those that do."""
    response = ask("GET", path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert [problem["where"] for problem in response.json()["problems"]] == ["path"]


def test_the_listed_paths_are_the_routes(ask: Ask, app: FastAPI) -> None:
    """The problem names each path that there is, and no other."""
    (problem,) = ask("GET", "/nowhere").json()["problems"]
    paths = [route.path for route in app.routes]  # type: ignore[attr-defined]
    assert {"/add", "/models/{name}/predict", "/docs"} <= set(paths)
    assert problem["expected"] == f"one of {', '.join(paths)}"
    assert problem["got"] == "another path"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", PREDICT_IRIS, "POST"),
        ("GET", PREDICT_IRIS, "POST"),
        ("OPTIONS", "/add", "GET, HEAD, POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("BREW", "/models", "GET, HEAD"),
    ],
)
def test_wrong_methods(ask: Ask, method: str, path: str, allowed: str) -> None:
    """A path by another method is a 405 that says by which it goes, always in one order."""
    response = ask(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    assert response.json()["detail"] == f"method: expected one of {allowed}, got another method"


@pytest.mark.parametrize("path", ["/", "/healthz", "/models", "/models/iris", "/openapi.json"])
def test_head_answers_as_get_does(ask: Ask, path: str) -> None:
    """A watchdog that asks for the headers only gets them."""
    head, get = ask("HEAD", path), ask("GET", path)
    assert (head.status_code, head.headers) == (get.status_code, get.headers)


def test_allowed_methods_are_sorted(service: Service) -> None:
    """The order of Starlette's set, another in every process, does not show."""
    app = create_app(service, max_body_bytes=10)

    @app.get("/refused")
    async def refused() -> None:
        raise HTTPException(405, headers={"Allow": "POST, PATCH, GET"})

    assert asking(app)("GET", "/refused").headers["allow"] == "GET, PATCH, POST"


def test_without_docs(service: Service) -> None:
    """With the docs off there is no trace of them."""
    ask = asking(create_app(service, max_body_bytes=1000, docs=False))
    for path in ("/docs", "/docs/start.js", "/openapi.json"):
        assert ask("GET", path).status_code == 404
    for path in ("/", "/nowhere"):
        assert "/docs" not in ask("GET", path).text
    assert ask("GET", "/add?a=10&b=20").text == "30"


def test_the_body_limit_is_a_setting(service: Service) -> None:
    """The limit on bodies is the one that is set, and counts the bytes, not the header."""
    ask = asking(create_app(service, max_body_bytes=10))
    headers = {"content-type": "application/json"}

    async def chunks() -> Any:
        for _ in range(11):
            yield b" "

    response = ask("POST", PREDICT_IRIS, content=chunks(), headers=headers)
    assert response.status_code == 413
    assert response.json()["detail"] == (
        "body: expected at most 10 bytes, got more: resize the picture, send less at a time, "
        "or put the file into a bucket"
    )
    assert ask("POST", PREDICT_IRIS, content=b" " * 10, headers=headers).status_code == 400


def test_unexpected_errors(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is ours is a problem without its text, outside of Lambda as well."""

    def broken(*_: Any) -> None:
        raise ValueError("secret")

    monkeypatch.setattr(Service, "models", broken)
    response = ask("GET", "/healthz")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["request_id"] == ""


def test_no_word_of_aws() -> None:
    """The application's own module knows nothing of AWS."""
    source = Path(create_app.__code__.co_filename).read_text().lower()
    for word in ("lambda_", "apigateway", "mangum", "boto", "stage", "arn:"):
        assert word not in source.replace("without the stage", "")
