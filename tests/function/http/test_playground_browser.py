"""The playground in a real browser, below a prefix: each kind of model, and what may go wrong."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from function.http.app import create_app
from tests.function.conftest import MAX_BODY_BYTES
from tests.function.http.browser import (
    PREFIX,
    chromium,
    draw,
    served_below_prefix,
    watched_page,
)
from tests.function.http.form_bodies import SAMPLES
from tests.function.http.playground_zoo import PLANTED, write_playground_zoo
from tests.function.zoos import served

MODELS = ("digits", "iris", "fares", "echo", "scale")
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Build the application of a zoo that has every kind."""
    zoo = write_playground_zoo(tmp_path_factory.mktemp("zoo"))
    return create_app(served(zoo), max_body_bytes=MAX_BODY_BYTES)


@pytest.fixture(scope="module")
def address(app: Any) -> Iterator[str]:
    """Serve it."""
    with served_below_prefix(app) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the browser."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Open a page of the service."""
    screen = {"width": 1280, "height": 900}
    # The service may refuse half a stroke, which is no digit yet.
    with watched_page(browser, address, refusals=True, viewport=screen) as page:
        yield page


def show(page: Page, address: str, model: str) -> None:
    """Open the playground at a model."""
    page.goto(f"{address}{PREFIX}/#{model}")
    expect(page.get_by_role("heading", level=1)).to_have_text(model)


def headline(page: Page) -> Locator:
    """Find what is answered in large letters."""
    return page.locator(".headline .main")


def test_a_drawn_seven_is_a_seven(page: Page, address: str) -> None:
    """Bars follow the pen; the network's view, the request and the list of answers do too."""
    show(page, address, "digits")
    expect(page.get_by_text("Draw something, or take a sample.")).to_be_visible()
    draw(page, (0.3, 0.25), (0.7, 0.25), (0.45, 0.8))
    expect(headline(page)).to_have_text("7")
    expect(page.locator(".bars .best .label")).to_have_text("7")
    expect(page.locator(".times")).to_contain_text("there and back, warm")
    page.get_by_text("What the network sees").click()
    expect(page.locator("img.seen")).to_have_js_property("naturalWidth", 28)
    expect(page.locator(".history li")).to_have_count(1)
    code = page.locator(".code-card code")
    expect(code).to_contain_text(f"curl {address}{PREFIX}/models/digits/predict")
    expect(code).to_contain_text("file=@drawing.png")
    page.get_by_role("button", name="Undo").click()
    expect(headline(page)).to_be_hidden()


def test_the_keyboard_draws(page: Page, address: str) -> None:
    """A stroke downwards by the arrow keys is a one; Escape empties the pad."""
    show(page, address, "digits")
    page.locator("canvas.pad").focus()
    page.keyboard.press("Space")
    for _ in range(18):
        page.keyboard.press("ArrowDown")
    expect(headline(page)).to_have_text("1")
    page.keyboard.press("Escape")
    expect(headline(page)).to_be_hidden()


PASTE = """picture => {
    const bytes = Uint8Array.from(atob(picture), letter => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], "pasted.png", {type: "image/png"}));
    document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
}"""


def test_pictures_are_pasted_chosen_and_sampled(page: Page, address: str) -> None:
    """However a picture comes, it is predicted; an earlier one comes back by a click."""
    show(page, address, "digits")
    page.evaluate(PASTE, b64encode((SAMPLES / "3.png").read_bytes()).decode())
    expect(headline(page)).to_have_text("3")
    expect(page.locator("img.shown")).to_be_visible()
    page.locator("input[type=file]:not([capture])").set_input_files(SAMPLES / "5.png")
    expect(headline(page)).to_have_text("5")
    page.get_by_role("button", name="Sample held-out digit 0").click()
    expect(headline(page)).to_have_text("0")
    expect(page.locator(".history .main")).to_have_text(["0", "5", "3"])
    page.locator(".history button").last.click()
    expect(headline(page)).to_have_text("3")
    page.locator("input[type=file]:not([capture])").set_input_files(
        {"name": "x.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    )
    expect(page.locator(".answer-note")).to_contain_text("The picture format is not supported.")
    expect(page.locator("img.shown")).to_be_hidden()


def test_sliders_and_numbers_of_the_irises(page: Page, address: str) -> None:
    """A sample is answered at once; a slider and its field move together."""
    show(page, address, "iris")
    expect(headline(page)).to_have_text("setosa")
    page.get_by_label("petal length, slider").fill("4")
    page.get_by_label("petal width, slider").fill("1.3")
    expect(page.get_by_label("petal length cm")).to_have_value("4")
    expect(headline(page)).to_have_text("versicolor")
    page.get_by_label("petal length cm").fill("6")
    page.get_by_label("petal width cm").fill("2.3")
    expect(page.get_by_label("petal length, slider")).to_have_value("6")
    expect(headline(page)).to_have_text("virginica")
    page.get_by_role("button", name="Python").click()
    expect(page.locator(".code-card code")).to_contain_text('"petal_length_cm": 6')
    page.get_by_label("petal length cm").fill("")
    expect(page.locator(".answer-note")).to_contain_text("Petal length needs a number.")
    expect(page.get_by_label("petal length cm")).to_have_attribute("aria-invalid", "true")


def test_columns_of_every_type(page: Page, address: str) -> None:
    """Choices, texts, whole numbers and true or false; what may be missing may be left empty."""
    show(page, address, "fares")
    expect(page.locator(".headline")).to_have_text("32EUR")
    expect(page.get_by_label("from")).to_have_value('"Cherbourg"')
    page.get_by_label("return").select_option("false")
    page.get_by_label("bags").fill("3")
    expect(headline(page)).to_have_text("33")
    page.get_by_role("button", name="Python").click()
    code = page.locator(".code-card code")
    expect(code).to_contain_text('"bags": 3, "from": "Cherbourg", "return": False')
    page.get_by_label("age", exact=True).fill("")
    expect(headline(page)).to_have_text("–")
    expect(code).to_contain_text('"age": None')
    page.get_by_label("bags").fill("1.5")
    expect(page.locator(".answer-note")).to_contain_text("Bags needs a whole number.")


def test_a_text(page: Page, address: str) -> None:
    """A text is answered while one writes, whatever is in it."""
    show(page, address, "echo")
    expect(headline(page)).to_have_text("Hello.")
    page.get_by_label("Text").fill('It\'s "late" \U0001f319\n<b>$(date)</b>')
    expect(page.locator(".facts")).to_contain_text("<b>$(date)</b>")
    expect(page.locator(".code-card code")).to_contain_text("It'\\''s")


def test_tensors_as_json(browser: Browser, address: str) -> None:
    """A sample stands there; a mistake is told before it is sent, or by the service."""
    with watched_page(browser, address, refusals=True) as page:
        show(page, address, "scale")
        expect(headline(page)).to_have_text("0.5, 1")
        expect(page.locator(".facts")).to_contain_text("0.5 to 1")
        field = page.get_by_label("Inputs, as JSON")
        field.fill('{"ids": [[3, 4')
        page.get_by_role("button", name="Predict").click()
        expect(page.get_by_role("alert")).to_contain_text("This is not JSON yet.")
        field.fill(json.dumps({"ids": [[3, 4.5]], "rate": 1}))
        field.press("Control+Enter")
        expect(page.locator(".answer-note")).to_contain_text(
            "Ids: expected int64 of shape [-1, -1], but got"
        )


def test_what_a_model_says_of_itself_is_no_html(page: Page, address: str) -> None:
    """A description with a script in it is shown as it is written."""
    show(page, address, "scale")
    expect(page.locator(".lead")).to_have_text(PLANTED)
    assert page.title() == "scale · Lambake"


def test_a_phone_and_a_screen_reader(browser: Browser, address: str) -> None:
    """320 pixels are wide enough for every kind of model, and axe finds nothing, light or dark."""
    phone = {"width": 320, "height": 640}
    with watched_page(browser, address, viewport=phone, color_scheme="dark") as page:
        page.goto(f"{address}{PREFIX}/")
        for model in MODELS:
            page.get_by_role("navigation", name="Models").get_by_text(model).click()
            expect(page.get_by_role("heading", level=1)).to_have_text(model)
            assert page.evaluate("document.documentElement.scrollWidth") == 320, model
            violations = Axe().run(page).response["violations"]
            assert [(model, one["id"], one["impact"]) for one in violations] == []
            page.emulate_media(color_scheme="light")


@pytest.fixture(scope="module")
def guarded(app: Any) -> Callable[[bytes], AbstractContextManager[str]]:
    """Serve the application so that the page is open, and its calls need a token."""

    def serve(refusal: bytes) -> AbstractContextManager[str]:
        async def guard(scope: Any, receive: Any, send: Any) -> None:
            token = dict(scope["headers"]).get(b"authorization")
            if scope["path"].startswith(f"{PREFIX}/models") and token != b"Bearer a.b.c":
                start = {"type": "http.response.start", "status": int(refusal[:3]), "headers": []}
                await send(start)
                await send({"type": "http.response.body", "body": b'{"message":"Unauthorized"}'})
                return
            await app(scope, receive, send)

        return served_below_prefix(guard)

    return serve


def test_an_api_that_asks_for_a_token(browser: Browser, guarded: Any) -> None:
    """The token's field opens by itself; a wrong token is told from none, a right one works."""
    with guarded(b"401") as address, watched_page(browser, address, refusals=True) as page:
        page.goto(f"{address}{PREFIX}/#digits")
        expect(page.get_by_role("status").first).to_contain_text("This API asks for a token.")
        page.get_by_label("Bearer token").fill("x.y.z")
        page.get_by_role("button", name="Use token").click()
        expect(page.get_by_role("status").first).to_contain_text("The token was refused.")
        page.get_by_label("Bearer token").fill("Bearer a.b.c")
        page.get_by_role("button", name="Use token").click()
        page.get_by_role("button", name="Sample held-out digit 503").click()
        expect(headline(page)).to_have_text("1")
        expect(page.locator(".code-card code")).to_contain_text("Bearer $TOKEN")
        assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def test_an_api_that_only_signed_calls_reach(browser: Browser, guarded: Any) -> None:
    """403 without a token is IAM's: no field would help, and the page says what does."""
    with guarded(b"403") as address, watched_page(browser, address, refusals=True) as page:
        page.goto(f"{address}{PREFIX}/")
        expect(page.get_by_role("status").first).to_contain_text("Only signed calls get in.")
