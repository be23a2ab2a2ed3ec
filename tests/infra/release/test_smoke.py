"""
One prediction through the front: signed, expected, and refused to strangers.
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.release.errors import NotHealthy
from infra.release.smoke import require_closed, smoke
from infra.release.target import Target
from tests.infra.release.conftest import target_at

API = "https://api.execute-api.us-east-1.amazonaws.com"
PREDICTED = {"model": "digits", "version": "1", "predictions": [{"label": "7"}]}


class Front(ThreadingHTTPServer):
    """Be an API that answers as it is told, and keeps what came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, Any]] = [(200, PREDICTED)]
        self.came: list[tuple[str, dict[str, str], bytes]] = []

    def target(self, **aws: Any) -> Target:
        """Make a target of it."""
        return target_at(f"http://127.0.0.1:{self.server_port}", **aws)


class Handler(BaseHTTPRequestHandler):
    """Answer."""

    server: Front

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.came.append((self.path, headers, body))
        answers = self.server.answers
        status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def front() -> Iterator[Front]:
    """Be one."""
    with Front() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Time:
    """Pass by sleeping only."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def options(self) -> dict[str, Callable[..., Any]]:
        """Be what `smoke` takes."""
        return {"sleep": self._sleep, "now_s": lambda: self.at_s}

    def _sleep(self, for_s: float) -> None:
        self.at_s += for_s


def test_a_prediction(front: Front) -> None:
    """The sample of function.yaml is posted, signed for the API, to the API's own host."""
    target = front.target()
    assert smoke(target, API, **Time().options()) == "200: model digits 1 says 7"
    ((path, headers, body),) = front.came
    assert path == "/models/digits/predict"
    assert (headers["host"], headers["content-type"]) == (API.removeprefix("https://"), "image/png")
    assert "/us-east-1/execute-api/aws4_request" in headers["authorization"]
    assert body == (target.function_file.parent / target.settings["sample"]["file"]).read_bytes()


def test_an_answer_of_another_shape(front: Front) -> None:
    """A function with another sample is well if it answers."""
    front.answers = [(200, ["hello"])]
    assert smoke(front.target(), API, **Time().options()) == "200, 9 bytes"


def test_a_front_that_needs_a_while(front: Front) -> None:
    """A new address is not known at once: it is asked again."""
    front.answers = [(404, {"message": "Not Found"}), (503, {}), (200, PREDICTED)]
    time = Time()
    assert smoke(front.target(), API, **time.options()).startswith("200")
    assert time.at_s == 4.0


def test_a_front_that_stays_ill(front: Front) -> None:
    """After a minute it is said, with the last answer and the way back."""
    front.answers = [(500, {"message": "no"})]
    with pytest.raises(NotHealthy) as ill:
        smoke(front.target(), API, **Time().options())
    assert str(ill.value) == (
        f'{API}: expected 200, came 500: {{"message": "no"}}\n'
        "python -m infra rollback --stage dev goes back to the version before"
    )


def test_nobody_answers() -> None:
    """No connection is no answer."""
    with pytest.raises(NotHealthy, match=r"expected 200, came no answer: .*refused"):
        smoke(target_at("http://127.0.0.1:1"), API, **Time().options())


def test_with_tokens(front: Front) -> None:
    """We have no token: to be refused is what must come."""
    front.answers = [(401, {"message": "Unauthorized"})]
    target = front.target(api={"auth": "jwt"})
    assert smoke(target, API, **Time().options()) == "401 without a token, as it must be"
    assert "authorization" not in front.came[0][1]


def test_without_a_sample() -> None:
    """Nothing is asked, and that is said."""
    plain = target_at(None)
    target = dataclasses.replace(plain, settings={**plain.settings, "sample": None})
    assert smoke(target, API) == "not tried: function.yaml has no sample"
    require_closed(target, API)


@pytest.mark.parametrize("status", [401, 403])
def test_strangers_are_refused(front: Front, status: int) -> None:
    """An unsigned call gets nothing."""
    front.answers = [(status, {})]
    require_closed(front.target(), API)
    assert "authorization" not in front.came[0][1]


def test_strangers_are_let_in(front: Front) -> None:
    """An API that answers unsigned calls is an error, unless it was chosen to be open."""
    with pytest.raises(NotHealthy) as ill:
        require_closed(front.target(), API)
    assert str(ill.value) == f"{API}: expected 401 or 403 unsigned, came 200"
    require_closed(front.target(api={"auth": "none"}), API)
