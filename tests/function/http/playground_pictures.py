"""Take the README's pictures of the page: python -m tests.function.http.playground_pictures"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final, Literal

from PIL import Image
from playwright.sync_api import Browser, ViewportSize

from function.http.app import create_app
from function.settings import ZOO
from tests import ROOT
from tests.function.http.browser import PREFIX, chromium, draw, served_below_prefix
from tests.function.zoos import served

SEVEN: Final = ((0.3, 0.25), (0.7, 0.25), (0.45, 0.8))
_SIZE: Final[ViewportSize] = {"width": 1280, "height": 850}
_COLOURS: Final = 64


def take(browser: Browser, address: str, scheme: Literal["light", "dark"], path: Path) -> None:
    """Draw a 7 in light, choose an iris in dark, and save what the page shows."""
    page = browser.new_page(viewport=_SIZE, color_scheme=scheme)
    if scheme == "light":
        page.goto(f"{address}{PREFIX}/#digits")
        page.locator(".sample img").last.wait_for()
        page.get_by_text("What the network sees").click()
        draw(page, *SEVEN)
    else:
        page.goto(f"{address}{PREFIX}/#iris")
        page.get_by_label("petal length, slider").fill("4.9")
        page.get_by_label("petal width, slider").fill("1.7")
    page.locator(".bars .best").wait_for()
    page.wait_for_timeout(2_000)  # milliseconds: until nothing moves any more
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    page.close()


def main() -> None:
    """Write docs/playground.png and docs/playground_dark.png."""
    with (
        served_below_prefix(create_app(served(ZOO), max_body_bytes=6_000_000)) as address,
        chromium() as browser,
    ):
        take(browser, address, "light", ROOT / "docs" / "playground.png")
        take(browser, address, "dark", ROOT / "docs" / "playground_dark.png")


if __name__ == "__main__":
    main()
