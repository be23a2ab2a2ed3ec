"""Programs of this machine may call, and its own pages; others only where the settings say so."""

from __future__ import annotations

import http.client
from collections.abc import Iterable
from typing import Any

import pytest

from infra.cloud.guard import guarded
from infra.local.http.callers import Callers
from infra.local.server import LocalLambda, callers_of
from infra.settings.front import Cors, FrontConfig
from infra.settings.function import FunctionConfig
from tests.infra.conftest import HANDLERS

LOCAL = "127.0.0.1:8080"
ALLOWED: dict[str, dict[str, str]] = {
    "no Host, as HTTP/1.0": {},
    "a program": {"host": LOCAL},
    "localhost": {"host": "LocalHost:8080"},
    "a bucket's own name": {"host": "bucket.localhost:5000"},
    "IPv6": {"host": "[::1]:8080"},
    "an address of the network": {"host": "192.168.1.7:8080"},
    "an API of the simulated cloud": {"host": "abc.execute-api.eu-central-1.amazonaws.com"},
    "its own page": {
        "host": LOCAL,
        "origin": "http://127.0.0.1:8080",
        "sec-fetch-site": "same-origin",
    },
    "a page of another port": {"host": LOCAL, "origin": "http://localhost:3000"},
    "a link": {
        "host": LOCAL,
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    },
    "an address that was typed": {"host": LOCAL, "sec-fetch-site": "none"},
}
REFUSED: dict[str, dict[str, str]] = {
    "Host, of a rebound name": {"host": "evil.example:8080", "origin": "http://evil.example:8080"},
    "Host, a name that ends alike": {"host": "notlocalhost"},
    "Origin, of another page": {"host": LOCAL, "origin": "https://evil.example"},
    "Origin, of a sandboxed frame": {"host": LOCAL, "origin": "null"},
    "Origin, whose name starts alike": {"host": LOCAL, "origin": "http://127.0.0.1.evil.example"},
    "Sec-Fetch-Site, of a frame": {
        "host": LOCAL,
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "iframe",
    },
    "Sec-Fetch-Site, of a picture": {"host": LOCAL, "sec-fetch-site": "cross-site"},
}


@pytest.mark.parametrize("name", ALLOWED)
def test_programs_and_own_pages_may_call(name: str) -> None:
    """What does not come from another site's page is answered."""
    assert Callers().refusal("GET", ALLOWED[name]) is None


@pytest.mark.parametrize("name", REFUSED)
def test_other_pages_may_not(name: str) -> None:
    """The reason starts with the header that was refused."""
    assert (Callers().refusal("GET", REFUSED[name]) or "").startswith(f"{name.split(',')[0]}: ")


def test_a_form_of_another_page_is_no_link() -> None:
    """A navigation may only read."""
    assert Callers().refusal("POST", ALLOWED["a link"])


def test_settings_allow_more() -> None:
    """Names and pages are allowed one by one, below a name, or all; CORS settings count."""
    allowing = Callers(("ml.local", "*.lan"), ("https://evil.example",))
    assert allowing.refusal("POST", {"host": "ml.local"}) is None
    assert allowing.refusal("POST", {"host": "box.lan:1"}) is None
    assert allowing.refusal("POST", {"host": "lan.example"})
    assert allowing.refusal("POST", {"host": "evillan"})
    page = {"host": LOCAL, "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert allowing.refusal("POST", page) is None
    assert Callers(origins=("*",)).refusal("POST", page) is None
    config = FunctionConfig(
        handler="a.b",
        allowed_origins=("http://a",),
        front_options=FrontConfig(cors=Cors(allow_origins=("http://b",))),
    )
    assert callers_of(config, config.front_settings) == Callers((), ("http://a", "http://b"))


def test_the_front_and_the_invoke_api_refuse_other_pages() -> None:
    """Both listeners of the emulator answer 403, in a sentence, and run nothing."""
    config = FunctionConfig(handler="echo.handler", root=HANDLERS)
    with LocalLambda(config) as local:
        for url, path in (
            (local.url, "/"),
            (local.invoke_url, "/2015-03-31/functions/function/invocations"),
        ):
            connection = http.client.HTTPConnection(url.removeprefix("http://"))
            connection.request("POST", path, b"{}", {"Origin": "http://evil.example"})
            answer = connection.getresponse()
            assert (answer.status, answer.read()[:8]) == (403, b"Origin: ")
            connection.close()


def test_the_simulated_cloud_refuses_other_pages() -> None:
    """Moto never sees the request."""
    told: list[str] = []

    def app(_environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        start("200 OK", [])
        return [b"moto"]

    call = guarded(app, Callers())
    environ = {"REQUEST_METHOD": "POST", "HTTP_HOST": "localhost:5000"}
    assert call(environ, lambda status, _: told.append(status)) == [b"moto"]
    call(environ | {"HTTP_ORIGIN": "http://evil.example"}, lambda status, _: told.append(status))
    call(environ | {"HTTP_HOST": "evil.example"}, lambda status, _: told.append(status))
    assert told == ["200 OK", "403 Forbidden", "403 Forbidden"]
