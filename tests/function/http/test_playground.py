"""The playground's routes: its files, the samples of a bundle, and what a model sees."""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode, b64encode
from typing import Any

import numpy as np
import pytest
from PIL import Image

from function.http import pages
from tests.function.conftest import Answer
from tests.function.doors.fronts import Call, body_of, header_of
from tests.function.http.form_bodies import SAMPLES

JSON = (("content-type", "application/json"),)


def asked(answer: Answer, path: str, status: int = 200, **more: Any) -> Any:
    """Ask for JSON."""
    reply = answer(Call(path, **more))
    assert reply["statusCode"] == status
    return json.loads(body_of(reply))


def test_the_files_are_kept_for_as_long_as_they_are_these(answer: Answer) -> None:
    """The files' addresses hold their digest; a file asked by another digest is not kept."""
    digest, files = pages.playground_files()
    assert {"app.js", "style.css"} < set(files)
    for name, content in files.items():
        for asked_by, kept in ((digest, "public, max-age=31536000, immutable"), ("0", "no-store")):
            reply = answer(Call(f"/playground/{asked_by}/{name}"))
            assert body_of(reply) == content
            assert header_of(reply, "cache-control") == kept
        kind = "css" if name.endswith(".css") else "javascript"
        assert header_of(reply, "content-type") == f"text/{kind}; charset=utf-8"


@pytest.mark.parametrize("name", ["index.html", "nothing.js", "..%2fpages.py", ".."])
def test_other_files_are_not_served(answer: Answer, name: str) -> None:
    """Only the scripts and styles have an address."""
    assert answer(Call(f"/playground/0/{name}"))["statusCode"] in (400, 404)


def test_no_file_is_large() -> None:
    """The playground costs the image, and who opens it, little."""
    assert sum(map(len, pages.playground_files()[1].values())) < 100_000


def test_scripts_ask_each_other_by_relative_addresses() -> None:
    """A prefix that the function does not know of breaks no import."""
    for name, content in pages.playground_files()[1].items():
        for address in re.findall(r"""(?:from |import\()["']([^"']+)""", content.decode()):
            assert address.startswith("./"), name


def test_every_sample_is_a_payload_that_is_answered(answer: Answer) -> None:
    """A card names the samples of its bundle; each can be had, and sent as it is."""
    for model, count in (("digits", 10), ("iris", 15)):
        names = asked(answer, f"/models/{model}")["samples"]
        assert len(names) >= count
        for number in range(3):
            payload = asked(answer, f"/models/{model}/samples/{number}")
            body = json.dumps(payload).encode()
            asked(answer, f"/models/{model}/predict", method="POST", headers=JSON, body=body)


@pytest.mark.parametrize(
    "number", ["-1", "10", "9" * 5000, "0" * 5000, "0.png", "..", "model.toml", "²"]
)
def test_a_sample_is_a_number(answer: Answer, number: str) -> None:
    """Anything but the place of a sample is refused, whatever file there is."""
    problem = asked(answer, f"/models/digits/samples/{number}", status=404)
    assert problem["detail"] == "sample: expected 0 to 9, got another"


def test_a_preview_shows_what_the_network_sees(answer: Answer) -> None:
    """A digit in MNIST's own form passes unchanged: its preview is the file itself."""
    picture = (SAMPLES / "7.png").read_bytes()
    body = json.dumps({"image": b64encode(picture).decode()}).encode()
    preview = asked(answer, "/models/digits/preview", method="POST", headers=JSON, body=body)
    seen = np.asarray(Image.open(io.BytesIO(b64decode(preview["image"]))))
    assert np.array_equal(seen, np.asarray(Image.open(io.BytesIO(picture))))


def test_a_preview_of_a_row_is_refused(answer: Answer) -> None:
    """A model of rows sees no picture."""
    body = json.dumps({"rows": [[1, 2, 3, 4]]}).encode()
    problem = asked(
        answer, "/models/iris/preview", status=422, method="POST", headers=JSON, body=body
    )
    assert problem["detail"] == "model: expected one that sees pictures, got another"
