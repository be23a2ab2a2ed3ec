"""A route added in FastAPI's ordinary way works through every front, and is documented."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, Field

from function.doors.http import HttpDoor
from function.http.app import create_app
from function.plain.app import PlainHttp
from function.plain.prometheus import PrometheusMetrics
from function.service import Service
from tests.function.conftest import CONTEXT
from tests.function.doors.fronts import FRONTS, Call, header_of, json_of, post_json
from tests.function.plain.test_app import asked, scope_of

Send = Callable[[Call], tuple[int, str | None, Any]]
TOKEN = ("x-token", "secret")


class Pet(BaseModel):
    """A pet."""

    name: str
    legs: Annotated[int, Field(ge=0)] = 4


def owner(x_token: Annotated[str, Header()]) -> str:
    """Know who asks."""
    if x_token != "secret":
        raise HTTPException(401, "no such token", {"www-authenticate": "Token"})
    return "somebody"


@pytest.fixture(scope="module")
def own(service: Service) -> FastAPI:
    """Add routes to the application: one of its own, one of a router with a prefix."""
    app = create_app(service, max_body_bytes=1_000_000)
    router = APIRouter(prefix="/shop", tags=["shop"])

    @app.post("/pets/{kind}", status_code=201)
    def add_pet(kind: str, pet: Pet, by: Annotated[str, Depends(owner)], loud: bool = False) -> Any:
        return {"kind": kind, "pet": pet, "by": by, "loud": loud}

    @router.get("/hours")
    async def hours() -> dict[str, int]:
        return {"from": 9, "to": 17}

    @app.get("/shelf/")
    async def shelf() -> str:
        return "with a slash"

    app.include_router(router)
    return app


def by_lambda(app: FastAPI, build: Any) -> Iterator[Send]:
    """Send by one of Lambda's fronts."""
    door = HttpDoor(app)

    def send(call: Call) -> tuple[int, str | None, Any]:
        reply = door.answer(build(call), CONTEXT)
        return reply["statusCode"], header_of(reply, "content-type"), json_of(reply)

    yield send
    door.close()


def by_plain_http(app: FastAPI, service: Service) -> Iterator[Send]:
    """Send without Lambda."""
    door = PlainHttp(app, PrometheusMetrics(service))

    def send(call: Call) -> tuple[int, str | None, Any]:
        headers = [(name.encode(), value.encode()) for name, value in call.headers]
        scope = scope_of(call.path, call.method, headers=headers, query_string=call.query.encode())
        reply = asyncio.run(asked(door, scope, [call.body]))
        return reply.status, reply.headers[b"content-type"].decode(), json.loads(reply.body)

    yield send


@pytest.fixture(params=[*FRONTS, "plain-http"])
def send(request: pytest.FixtureRequest, own: FastAPI, service: Service) -> Iterator[Send]:
    """Send by every front, one after the other."""
    if request.param in FRONTS:
        yield from by_lambda(own, FRONTS[request.param])
    else:
        yield from by_plain_http(own, service)


def pet(payload: Any, *headers: tuple[str, str], query: str = "") -> Call:
    """Post a pet."""
    call = post_json("/pets/cat", payload)
    return Call(call.path, "POST", query, (*call.headers, *headers), call.body)


def test_it_is_answered(send: Send) -> None:
    """Path, query, header, body and dependency arrive, and the answer goes out."""
    assert send(pet({"name": "Tom"}, TOKEN, query="loud=yes")) == (
        201,
        "application/json",
        {"kind": "cat", "pet": {"name": "Tom", "legs": 4}, "by": "somebody", "loud": True},
    )
    for path in ("/shop/hours", "/shop/hours/"):
        assert send(Call(path)) == (200, "application/json", {"from": 9, "to": 17})
    assert send(Call("/shelf/")) == (200, "application/json", "with a slash")
    assert send(Call("/shelf"))[0] == 404


def test_what_it_refuses(send: Send) -> None:
    """A refusal is a problem: of its models without the input, of its own with its own words."""
    status, media_type, problem = send(pet({"name": ["\ud800"], "legs": -1}, TOKEN))
    assert (status, media_type) == (422, "application/problem+json")
    assert [one["where"] for one in problem["problems"]] == ["body.name", "body.legs"]
    assert "ud800" not in json.dumps(problem)
    status, media_type, problem = send(pet({"name": "Tom"}, ("x-token", "guessed")))
    assert (status, media_type) == (401, "application/problem+json")
    assert (problem["title"], problem["detail"]) == ("Unauthorized", "no such token")


def test_it_is_documented(own: FastAPI, send: Send) -> None:
    """It stands in the document, which is valid, and among the paths that there are."""
    _, _, document = send(Call("/openapi.json"))
    from openapi_spec_validator import validate

    validate(document)
    operation = document["paths"]["/pets/{kind}"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Pet"}
    assert document["components"]["schemas"]["Pet"]["required"] == ["name"]
    assert {one["name"] for one in operation["parameters"]} == {"kind", "loud", "x-token"}
    assert document["paths"]["/shop/hours"]["get"]["tags"] == ["shop"]
    assert "/models/iris/predict" in document["paths"]
    _, _, problem = send(Call("/nowhere"))
    assert problem["detail"].endswith("/pets/{kind}, /shelf/, /shop/hours, got another path")
    assert own.openapi()["paths"] == document["paths"]


def test_a_fault_of_it_is_counted(service: Service, log_lines: Any) -> None:
    """An HTTPException of 5xx is a fault of ours in the log, whoever raised it."""
    app = create_app(service, max_body_bytes=1)

    @app.get("/busy")
    def busy() -> None:
        raise HTTPException(503, "later")

    log_lines()
    (send,) = [next(by_plain_http(app, service))]
    assert send(Call("/busy"))[0] == 503
    (line,) = log_lines()
    assert (line["level"], line["status"], line["error"]) == ("ERROR", 503, "HTTPException")
