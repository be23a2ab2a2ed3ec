"""A real browser opens the pages below a prefix, with every other host out of reach."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.conftest import require_tool
from tests.function.http.form_bodies import SAMPLES

FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PREFIX = "/prod"


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an application below the prefix, as a stage does, on a port of its own."""

    async def below_prefix(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"root_path": PREFIX}, receive, send)

    config = uvicorn.Config(below_prefix, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    """Serve the application."""
    with served(app) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium, without a window."""
    chromium = require_tool("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Open a page that reaches this service only; whatever it complains of fails the test."""
    page = browser.new_page()
    page.set_default_timeout(20_000)  # milliseconds
    complaints: list[str] = []
    refused: list[str] = []

    def only_here(route: Route) -> None:
        if route.request.url.startswith((f"{address}{PREFIX}", "data:", "blob:")):
            route.continue_()
        else:
            refused.append(route.request.url)
            route.abort()

    page.route("**/*", only_here)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("requestfailed", lambda request: complaints.append(request.url))
    yield page
    page.close()
    assert (refused, complaints) == ([], [])


def test_swagger_ui_predicts_an_uploaded_picture(page: Page, address: str) -> None:
    """A picture chosen by Swagger UI's button for files is predicted, below the prefix."""
    page.goto(f"{address}{PREFIX}/docs")
    operation = page.locator("#operations-digits-predict_digits")
    operation.locator(".opblock-summary").click()
    upload = operation.locator("input[type=file]")
    upload.set_input_files(SAMPLES / "7.png")
    operation.locator("button.execute").click()
    answer = operation.locator(".live-responses-table .response").first
    answer.wait_for()
    assert answer.locator(".response-col_status").inner_text().strip() == "200"
    assert '"label": "7"' in answer.locator(".response-col_description").inner_text()
    request_url = operation.locator(".request-url").inner_text()
    assert request_url.strip().endswith(f"{address}{PREFIX}/models/digits/predict")


def test_swagger_ui_runs_the_example_rows(page: Page, address: str) -> None:
    """The example rows are sent as they stand, and predicted."""
    page.goto(f"{address}{PREFIX}/docs")
    operation = page.locator("#operations-iris-predict_iris")
    operation.locator(".opblock-summary").click()
    operation.locator("button.execute").click()
    answer = operation.locator(".live-responses-table .response").first
    answer.wait_for()
    assert answer.locator(".response-col_status").inner_text().strip() == "200"
    assert '"predictions"' in answer.locator(".response-col_description").inner_text()


def test_the_index_leads_everywhere(page: Page, address: str) -> None:
    """Each link of the page at / leads to a page that answers, below the prefix."""
    page.goto(f"{address}{PREFIX}/")
    assert page.title() == "Lambake"
    links = [link.get_attribute("href") or "" for link in page.locator("a").all()]
    assert f"{PREFIX}/docs" in links
    for link in links:
        # To the end: a page that is left while it loads has requests that fail.
        response = page.goto(f"{address}{link}", wait_until="networkidle")
        assert response is not None
        assert response.status == 200, link
