"""The service against its own document, all protocols in it: whatever is sent, nothing else comes.

Bodies that the document allows may still be refused, since a schema cannot say what a picture is,
or what the model takes that a path names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from function.doors.http import HttpDoor
from function.http.app import create_app
from function.service import Service
from function.settings import PROTOCOLS
from tests.function.conftest import CONTEXT, MAX_BODY_BYTES
from tests.function.doors.fronts import Call, http_api_v2, post_json

EXAMPLES = 2
"""For each operation and kind of body: CI is to stay short."""

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
SPARING = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def whole(service: Service) -> FastAPI:
    """Build the application with all protocols."""
    return create_app(service, max_body_bytes=MAX_BODY_BYTES, protocols=PROTOCOLS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_service_answers_as_the_document_says(whole: FastAPI, mode: GenerationMode) -> None:
    """No 5xx, no status, media type or answer beside the document."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", whole)
    asked = 0

    def hold(case: Any) -> None:
        nonlocal asked
        asked += 1
        case.validate_response(case.call(), checks=CHECKS)

    for found in schema.get_all_operations():
        operation: Any = cast("Any", found).ok()
        if mode is GenerationMode.POSITIVE or operation.body or operation.query:
            SPARING(given(operation.as_strategy(generation_mode=mode))(hold))()  # type: ignore[no-untyped-call]
    assert asked > 30


def test_examples_of_other_protocols_work(whole: FastAPI) -> None:
    """Each example of a request, in the document of each model, is answered 200."""
    asked, door = 0, HttpDoor(whole)
    for path, operations in whole.openapi()["paths"].items():
        content = operations.get("post", {}).get("requestBody", {}).get("content", {})
        for name, example in content.get("application/json", {}).get("examples", {}).items():
            if not path.startswith("/models"):
                asked += 1
                at = path.replace("{name}", name).replace("labels/{version}", "labels/latest")
                call = post_json(at.replace("{version}", "1"), example["value"])
                named = ("x-amzn-sagemaker-target-model", name)
                reply = door.answer(
                    http_api_v2(replace(call, headers=(*call.headers, named))), CONTEXT
                )
                assert reply["statusCode"] == 200, (path, name, reply["body"])
    door.close()
    assert asked > 10


def test_a_405_names_the_methods(whole: FastAPI) -> None:
    """RFC 9110, 15.5.6: `Allow` is in the answer, whichever protocol words it."""
    door = HttpDoor(whole)
    for path in ("/models", "/v2/models/iris", "/v1/models"):
        reply = door.answer(http_api_v2(Call(path, "POST")), CONTEXT)
        assert (reply["statusCode"], reply["headers"]["allow"]) == (405, "GET, HEAD")
    door.close()
