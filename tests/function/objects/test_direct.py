"""A direct event's "s3" is answered inline, within the limits of a request."""

from __future__ import annotations

from typing import Any

import pytest

from function.errors import (
    ForbiddenError,
    GoneError,
    InvalidError,
    MalformedError,
    MediaTypeError,
    TooLargeError,
)
from function.service import Service
from model.errors import FormatError, InputError
from tests.function.http.form_bodies import sample
from tests.function.objects.buckets import MEBIBYTE, PREDICTION, ROW, Failing, objects_by, refused
from tests.infra.cloud.clouds import bucket


@pytest.fixture(scope="module")
def pictures(s3: Any) -> str:
    """Make a bucket with one object of each kind."""
    name = bucket(s3)
    bodies = {
        "7.png": sample(7),
        "none.png": b"none",
        "large.png": b"x" * (MEBIBYTE + 1),
        "rows.csv": ROW * 2,
        "large.csv": ROW * 80_000,
        "many.csv": ROW * 1001,
        "bad.csv": ROW + b"1,2,3,x\n",
        "broken.jsonl": b"[1]\n\n{",
        "pictures.jsonl": b'{"image":"QUJD"}\n{"image":"!"}',
        "empty.csv": b"\n",
        "all.keys": b"7.png",
    }
    for key, body in bodies.items():
        s3.put_object(Bucket=name, Key=key, Body=body)
    return name


def test_a_picture(s3: Any, service: Service, pictures: str) -> None:
    """A picture is answered as over HTTP; no prefix and no folder matters."""
    answer = objects_by(service, s3).predictions_of(
        f"s3://{pictures}/7.png", service.find("digits")
    )
    assert answer == service.find("digits").predict([sample(7)]).payload()


def test_a_table(s3: Any, service: Service, pictures: str) -> None:
    """A table is answered in one piece."""
    client = Failing(s3)
    objects = objects_by(service, client)
    answer = objects.predictions_of(f"s3://{pictures}/rows.csv", service.find("iris"))
    assert answer == {"model": "iris", "version": "1", "predictions": [PREDICTION] * 2}
    assert client.called == ["get_object"]


@pytest.mark.parametrize(
    ("key", "model", "kind", "message"),
    [
        ("gone.png", "digits", GoneError, "object: expected an object that exists, got none"),
        ("none.png", "digits", FormatError, "image: expected a PNG, JPEG, WEBP, GIF or BMP "
         "picture, got 4 bytes of another kind"),
        ("large.png", "digits", TooLargeError,
         "object: expected at most 1048576 bytes, got 1048577: split the table, or resize "
         "the picture"),
        ("large.csv", "iris", TooLargeError,
         "object: expected at most 1048576 bytes, got 1280000: split the table, or resize "
         "the picture"),
        ("many.csv", "iris", InputError, "rows: expected 1 to 1000 rows, got 1001"),
        ("empty.csv", "iris", InputError, "rows: expected 1 to 1000 rows, got none"),
        ("bad.csv", "iris", InputError,
         "rows[1].petal_width_cm: expected a finite number, got a string"),
        ("broken.jsonl", "iris", MalformedError, "line 3: expected JSON, got something else"),
        ("pictures.jsonl", "digits", MalformedError,
         "line 2.image: expected base64, got a text that is not base64: U+0021 after 0 characters"),
        ("all.keys", "digits", MediaTypeError,
         "s3: expected a picture or a table, got a listing"),
    ],
)  # fmt: skip
def test_objects_at_fault(
    s3: Any, service: Service, pictures: str, key: str, model: str, kind: type, message: str
) -> None:
    """What is wrong with an object is said as over HTTP: all of it is answered, or nothing."""
    with pytest.raises(kind) as caught:
        objects_by(service, s3).predictions_of(f"s3://{pictures}/{key}", service.find(model))
    assert str(caught.value) == message


def test_no_permission(service: Service) -> None:
    """What the function's role may not read is told so."""
    objects = objects_by(service, Failing(None, get_object=refused("AccessDenied", 403)))
    with pytest.raises(ForbiddenError, match="role may read and decrypt, got no permission"):
        objects.predictions_of("s3://secrets/7.png", service.find("digits"))


@pytest.mark.parametrize("uri", [None, "7.png", "https://pictures/7.png", "s3://pictures"])
def test_what_is_no_address(service: Service, uri: Any) -> None:
    """An address that is none is refused before S3 is asked."""
    with pytest.raises((MalformedError, InvalidError)):
        objects_by(service, Failing(None)).predictions_of(uri, service.find("digits"))
