"""JSON payloads become instances; counting comes before decoding."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest

from function import inputs
from function.errors import InvalidError, MalformedError
from function.inputs import decoded_base64, instances_of
from function.service import Service

BOTH = "image and images"
IRIS = '{"rows": …} or {"inputs": …}'
DIGITS = '{"image": …} or {"images": …} or {"inputs": …}'


def refusal(service: Service, model: str, payload: Any) -> str:
    """Name the reason for which a payload is refused."""
    with pytest.raises(InvalidError) as caught:
        instances_of(payload, service.find(model))
    return str(caught.value)


@pytest.mark.parametrize(
    ("model", "payload", "reason"),
    [
        ("iris", None, f"body: expected {IRIS}, got null"),
        ("iris", [], f"body: expected {IRIS}, got a list"),
        ("iris", "rows", f"body: expected {IRIS}, got a string"),
        ("iris", 1.5, f"body: expected {IRIS}, got a number"),
        ("iris", False, f"body: expected {IRIS}, got true or false"),
        ("iris", {}, f"body: expected {IRIS}, got an empty object"),
        ("iris", {"row": []}, f"body: expected {IRIS}, got 1 other key"),
        ("iris", {"rows": [], "a": 1}, f"body: expected {IRIS}, got 1 other key beside it"),
        ("iris", {"a": 1, "b": 1}, f"body: expected {IRIS}, got 2 other keys"),
        ("iris", {"image": ""}, f"body: expected {IRIS}, got 1 other key"),
        ("digits", {"rows": [[1]]}, f"body: expected {DIGITS}, got 1 other key"),
        ("digits", {"image": "", "images": []}, f"body: expected {DIGITS}, got {BOTH}"),
        ("iris", {"rows": [], "inputs": {}}, f"body: expected {IRIS}, got rows and inputs"),
        ("iris", {"inputs": [[1]]}, "inputs: expected an object with rows, got a list"),
        ("iris", {"rows": None}, "rows: expected a list of 1 to 1000, got null"),
        ("iris", {"rows": {}}, "rows: expected a list of 1 to 1000, got an object"),
        ("iris", {"rows": []}, "rows: expected 1 to 1000 rows, got none"),
        ("iris", {"rows": [[]] * 1001}, "rows: expected 1 to 1000 rows, got 1001"),
        ("digits", {"images": []}, "images: expected 1 to 256 images, got none"),
        ("digits", {"images": [""] * 257}, "images: expected 1 to 256 images, got 257"),
        ("digits", {"images": "e30="}, "images: expected a list of 1 to 256, got a string"),
        ("digits", {"image": None}, "image: expected base64 in a text, got null"),
        ("digits", {"image": ["e30="]}, "image: expected base64 in a text, got a list"),
        ("digits", {"image": "e30!"}, "image: expected base64, got a text that is not base64: "
            "U+0021 after 3 characters"),
        (
            "digits",
            {"images": ["e30=", "é", 7]},
            "images[1]: expected base64, got a text that is not base64: U+00E9 after 0 characters; "
            "images[2]: expected base64 in a text, got a number",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_wrong_payloads(service: Service, model: str, payload: Any, reason: str) -> None:
    """A payload of another form is refused, and what came is described, not repeated."""
    assert refusal(service, model, payload) == reason


def test_ten_problems_at_most(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many broken texts ten are named, and no more are decoded."""
    tried: list[str] = []

    def counted(text: Any, where: str) -> bytes:
        tried.append(where)
        return decoded_base64(text, where)

    monkeypatch.setattr(inputs, "decoded_base64", counted)
    reason = refusal(service, "digits", {"images": ["!"] * 256})
    assert tried == [f"images[{index}]" for index in range(10)]
    assert reason.count(";") == 9


def test_counting_comes_before_decoding(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many pictures are refused before one of them is decoded."""
    monkeypatch.setattr(inputs, "decoded_base64", pytest.fail)
    refusal(service, "digits", {"images": ["e30="] * 257})


def test_the_most_instances(service: Service) -> None:
    """As many instances as the manifest allows are let through."""
    assert instances_of({"rows": [[]] * 1000}, service.find("iris")) == [[]] * 1000
    assert instances_of({"images": ["e30="] * 256}, service.find("digits")) == [b"{}"] * 256


@pytest.mark.parametrize(
    "text",
    [
        "AAEC/w==",
        "data:image/png;base64,AAEC/w==",
        "data:,AAEC/w==",
        "AAEC\n/w==",
        "AA\r\nEC\r\n/w==\r\n",
        " AA EC\t/w == ",
        "AAEC/w",
        "AAEC_w==",
        "AAEC_w",
        "DATA:image/png;base64,AAEC/w==",
        "data:image/png;base64, AAEC%2Fw%3D%3D",
    ],
)
def test_base64(text: str) -> None:
    """Base64 is decoded as browsers and their libraries write it, of both alphabets."""
    assert decoded_base64(text, "image") == b"\x00\x01\x02\xff"


def test_base64_whose_plus_became_a_blank() -> None:
    """A web form that is decoded once too often makes blanks of +."""
    assert decoded_base64("data:,AA C/w== ", "image") == b64decode("AA+C/w==")


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("AAEC/w=", "6 characters and 1 ="),
        ("AAEC/", "5 characters and 0 ="),
        ("=", "0 characters and 1 ="),
        ("AAEC/w==AAEC", "U+003D after 6 characters"),
        ("AA!C", "U+0021 after 2 characters"),
        ("\ud800", "U+D800 after 0 characters"),
    ],
)
def test_wrong_base64(text: str, got: str) -> None:
    """What is not base64 is refused: the error says where, or how many characters there are."""
    with pytest.raises(MalformedError) as caught:
        decoded_base64(text, "image")
    assert str(caught.value).endswith(f", got a text that is not base64: {got}")


def test_an_empty_text(service: Service) -> None:
    """An empty text is a picture of no bytes, which the model refuses."""
    assert instances_of({"image": ""}, service.find("digits")) == [b""]
    assert b64encode(b"") == b""
