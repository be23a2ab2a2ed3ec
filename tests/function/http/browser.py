"""A real browser for the tests of pages, and a service that it reaches below a prefix."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from playwright.sync_api import Browser, Page, Request, Route, sync_playwright

from tests.conftest import require_tool

FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PREFIX = "/prod"
_STATUS_LINE = "Failed to load resource: the server responded with a status of 4"


@contextmanager
def served_below_prefix(app: Any) -> Iterator[str]:
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


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_tool("chromium"), args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def watched_page(
    browser: Browser, address: str, *, refusals: bool = False, **context: Any
) -> Iterator[Page]:
    """Open a page that reaches one service only; whatever it complains of fails the test.

    Args:
        browser: the browser.
        address: the service's.
        refusals: whether the service is expected to refuse something.
        context: what Playwright takes, such as `viewport`.
    """
    page = browser.new_page(**context)
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

    def on_failure(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page's own doing
            complaints.append(request.url)

    page.on("requestfailed", on_failure)
    yield page
    page.close()
    # Chromium writes a line of its own for each status that is no success.
    unexpected = [one for one in complaints if not (refusals and one.startswith(_STATUS_LINE))]
    assert (refused, unexpected) == ([], [])


def draw(page: Page, *corners: tuple[float, float]) -> None:
    """Draw a line on the playground's pad by the mouse; corners are parts of its sides."""
    box = page.locator("canvas.pad").bounding_box()
    assert box
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
