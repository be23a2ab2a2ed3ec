"""Swagger UI in a real browser, below a prefix, with every other host out of reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page

from tests.function.http.browser import PREFIX, chromium, served_below_prefix, watched_page
from tests.function.http.form_bodies import SAMPLES


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    """Serve the application."""
    with served_below_prefix(app) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the browser."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Open a page that reaches this service only."""
    with watched_page(browser, address) as page:
        yield page


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
