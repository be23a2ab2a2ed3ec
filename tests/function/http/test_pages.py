"""The pages need no CDN, work below any prefix, and run no script but their own."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from urllib.parse import urljoin

import pytest

from function.http import pages
from tests.function.conftest import Answer
from tests.function.doors.fronts import FRONTS, Call, body_of, header_of, http_api_v2

GZIP = (("accept-encoding", "gzip, br"),)


def page(answer: Answer, path: str, stage: str = "") -> str:
    """Get a page."""
    reply = answer(Call(path, stage=stage))
    assert header_of(reply, "content-type") == "text/html; charset=utf-8"
    return body_of(reply).decode()


def addresses(html: str) -> list[str]:
    """List what a page links to or loads."""
    return re.findall(r'(?:href|src|action|data-openapi)="([^"]*)"', html)


@pytest.mark.parametrize("stage", ["", "prod"])
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_every_address_works(answer: Answer, path: str, stage: str) -> None:
    """Each address on a page is of this service, below the prefix, and answers."""
    found = [one for one in addresses(page(answer, path, stage)) if not one.startswith("data:")]
    found = [one for one in found if not one.startswith("#")]
    assert found
    for address in found:
        whole = urljoin("/" if not stage else f"/{stage}/", address)
        assert whole.startswith(f"/{stage}/" if stage else "/")
        reply = answer(Call(whole.removeprefix(f"/{stage}" if stage else ""), stage=stage))
        assert reply["statusCode"] == 200, address


def test_the_page_makes_no_html_of_text() -> None:
    """A model's description, a label or an error is a text node, so nothing in it is markup."""
    scripts = "".join(path.read_text("utf-8") for path in pages.PLAYGROUND.glob("*.js"))
    assert "textContent" in scripts
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser"):
        assert sink not in scripts


def test_prefixes_are_escaped() -> None:
    """Should a prefix ever hold HTML, it is text."""
    prefix = '/"><script>alert(1)</script>'
    for html in (pages.playground_page(prefix, docs=True), pages.docs_page(prefix)):
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert" in html


@pytest.mark.parametrize(("path", "styles"), [("/", ""), ("/docs", " 'unsafe-inline'")])
def test_security_headers(answer: Answer, path: str, styles: str) -> None:
    """A page may load its own files only, may not be framed, and tells nobody where one was."""
    reply = answer(Call(path))
    assert header_of(reply, "content-security-policy") == (
        "default-src 'none'; script-src 'self'; connect-src 'self'; form-action 'none'; "
        f"img-src 'self' data: blob:; style-src 'self'{styles}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert header_of(reply, "x-content-type-options") == "nosniff"
    assert header_of(reply, "referrer-policy") == "no-referrer"


def test_no_inline_script(answer: Answer) -> None:
    """No page holds a script of its own, which its policy would refuse to run."""
    for path in ("/", "/docs"):
        html = page(answer, path)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html))
        assert not re.search(r"\son\w+=", html)


@pytest.mark.parametrize("name", pages.SWAGGER_FILES)
def test_swagger_files(answer: Answer, name: str) -> None:
    """Swagger UI's files come compressed to who takes it, and the same to who does not."""
    plain = answer(Call(f"/docs/{name}", headers=(("accept-encoding", "identity"),)))
    packed = answer(Call(f"/docs/{name}", headers=GZIP))
    unnamed = answer(Call(f"/docs/{name}"))
    for reply in (plain, packed, unnamed):
        assert reply["statusCode"] == 200
        assert header_of(reply, "content-type") == pages.SWAGGER_FILES[name]
        assert header_of(reply, "vary") == "accept-encoding"
    assert header_of(plain, "content-encoding") is None
    assert header_of(packed, "content-encoding") == "gzip"
    assert gzip.decompress(body_of(packed)) == body_of(plain)
    assert body_of(unnamed) == body_of(packed)


@pytest.mark.parametrize("name", pages.SWAGGER_FILES)
def test_swagger_files_fit_a_load_balancer(name: str) -> None:
    """Compressed and in base64 a file stays below a load balancer's 1 MB."""
    assert len(b64encode(pages.swagger_file(name, compressed=True))) < 1_000_000


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("name", pages.SWAGGER_FILES)
def test_swagger_files_through_every_front(answer: Answer, front: str, name: str) -> None:
    """Each front carries the files: as text where base64 would stay so, else compressed."""
    reply = answer(FRONTS[front](Call(f"/docs/{name}", headers=GZIP)))
    assert reply["statusCode"] == 200
    text = front in ("rest-api", "http-api-1.0")
    assert (reply["isBase64Encoded"], header_of(reply, "content-encoding")) == (
        (False, None) if text else (True, "gzip")
    )
    assert len(json.dumps(reply)) < (1_000_000 if front.startswith("alb") else 6_291_556)


def test_a_missing_package(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Swagger UI's package the page's files fail, and nothing else."""
    monkeypatch.setattr(pages, "SWAGGER_PACKAGE", "no_such_package")
    pages.swagger_file.cache_clear()
    reply = answer(http_api_v2(Call("/docs/swagger-ui.css")))
    pages.swagger_file.cache_clear()
    assert reply["statusCode"] == 500
    assert answer(Call("/healthz"))["statusCode"] == 200
