"""A key says the model and the result's name, and what is none of ours is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.objects.bucket import ObjectRef
from function.objects.formats import Format, format_of
from function.objects.keys import KeyLayout

LAYOUT = KeyLayout("in/", "out/")


def ref(key: str, bucket: str = "pictures") -> ObjectRef:
    """Name an object."""
    return ObjectRef(bucket, key)


@pytest.mark.parametrize(
    ("key", "model", "version", "result"),
    [
        ("in/digits/7.png", "digits", None, "out/digits/7.png.json"),
        ("in/digits/a/b/7", "digits", None, "out/digits/a/b/7.json"),
        ("in/iris/rows.csv", "iris", None, "out/iris/rows.csv.jsonl"),
        ("in/iris/ROWS.CSV", "iris", None, "out/iris/ROWS.CSV.jsonl"),
        ("in/iris/a.jsonl", "iris", None, "out/iris/a.jsonl.jsonl"),
        ("in/iris/a.ndjson", "iris", None, "out/iris/a.ndjson.jsonl"),
        ("in/digits/all.keys", "digits", None, "out/digits/all.keys.jsonl"),
        ("in/digits/versions/2/7.png", "digits", "2", "out/digits/versions/2/7.png.json"),
        ("in/digits/versions/7.png", "digits", None, "out/digits/versions/7.png.json"),
        ("in/digits/../7.png", "digits", None, "out/digits/../7.png.json"),
        ("in/no such\n/7.png", "no such\n", None, "out/no such\n/7.png.json"),
    ],
)
def test_keys(key: str, model: str, version: str | None, result: str) -> None:
    """The folder below the prefix names the model; the result has the whole key in its name."""
    assert LAYOUT.reason_to_skip(ref(key)) is None
    assert LAYOUT.model_of(ref(key)) == (model, version)
    assert LAYOUT.result_of(ref(key)) == ObjectRef("pictures", result)


def test_one_model_for_all() -> None:
    """With a model given no folder is needed, and none is looked at."""
    keys = KeyLayout("", "", "results", "digits", "2")
    assert keys.reason_to_skip(ref("7.png")) is None
    assert keys.model_of(ref("iris/versions/3/7.png")) == ("digits", "2")
    assert keys.result_of(ref("7.png")) == ObjectRef("results", "7.png.json")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("out/digits/7.png.json", "a result, or another object below the output prefix"),
        ("digits/7.png", "outside of the input prefix"),
        ("IN/digits/7.png", "outside of the input prefix"),
        ("in/digits/", "a folder"),
        ("in/", "a folder"),
        ("in/7.png", "in no model's folder"),
        ("in/digits/" + "a" * 1014, "a key too long for a result beside it"),
    ],
)
def test_keys_that_are_left_alone(key: str, reason: str) -> None:
    """What is none of ours is skipped, with a reason that has no key in it."""
    assert LAYOUT.reason_to_skip(ref(key)) == reason


def test_results_in_another_bucket() -> None:
    """Only where the results are is their prefix refused: elsewhere it may be the input's."""
    keys = KeyLayout("", "", "results", "digits")
    assert keys.reason_to_skip(ref("a")) is None
    assert keys.reason_to_skip(ref("a", "results")) is not None


@given(key=st.text(min_size=1, max_size=20), prefix=st.sampled_from(["", "in/"]))
def test_no_result_is_predicted(key: str, prefix: str) -> None:
    """Whatever the key, the result of an object is never an object to predict."""
    keys = KeyLayout("in/", "out/", model="digits")
    one = ref(prefix + key)
    if keys.reason_to_skip(one) is None:
        assert keys.reason_to_skip(keys.result_of(one)) is not None


def test_a_result_can_be_predicted_by_mistake() -> None:
    """The check above can fail: with one prefix in the other it would."""
    keys = KeyLayout("in/", "in/out/", output_bucket="pictures2", model="digits")
    one = ref("in/7.png", "pictures2")
    assert keys.reason_to_skip(one) is None
    assert KeyLayout("in/", "x/", model="digits").reason_to_skip(keys.result_of(one)) is None


def test_formats() -> None:
    """The end of a key decides, and what is none of the others is a picture."""
    formats = {"a.csv": Format.CSV, "a.csv.gz": Format.PICTURE, "csv": Format.PICTURE}
    assert {key: format_of(key) for key in formats} == formats
