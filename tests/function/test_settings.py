"""Settings are read once, and a malformed one stops the start."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest

from function.settings import PROTOCOLS, ZOO, Settings, SettingsError
from model.predictor import DEFAULT_MAX_PIXELS
from tests import ROOT

PAGE = "https://app.example.com"
DEFAULTS = Settings(
    zoo=ZOO,
    models=(),
    max_pixels=DEFAULT_MAX_PIXELS,
    max_body_bytes=6 * 1024 * 1024,
    base_path="",
    protocols=PROTOCOLS,
    cors_origins=(),
    docs=True,
    preload_http=True,
    metrics=False,
    metrics_namespace="Lambake",
    port=5000,
    host="0.0.0.0",
    results_queue=None,
    permanent_failures="dead-letter",
    input_prefix="in/",
    output_prefix="out/",
    output_bucket=None,
    object_model=None,
    max_object_bytes=256 * 1024 * 1024,
)


def keys() -> dict[str, str]:
    """Read each field's key from its annotation."""
    hints = get_type_hints(Settings, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(Settings)}


def test_defaults() -> None:
    """Without a setting every key has its default, and the zoo is the one beside."""
    assert Settings.from_env({}) == DEFAULTS
    assert (ZOO / "digits" / "model.toml").is_file()


def test_empty_values_are_defaults() -> None:
    """A key that is empty is as good as absent."""
    assert Settings.from_env(dict.fromkeys(keys().values(), "")) == DEFAULTS


def test_metrics_are_on_in_lambda() -> None:
    """Where Lambda has named the function metrics are on, unless they are turned off."""
    named = {"AWS_LAMBDA_FUNCTION_NAME": "lambake"}
    assert Settings.from_env(named).metrics
    assert not Settings.from_env(named | {"LAMBAKE_METRICS": "off"}).metrics


def test_every_key_is_documented() -> None:
    """Each field names its key and what it does, in a sentence."""
    hints = get_type_hints(Settings, include_extras=True)
    for field in fields(Settings):
        key, sentence = hints[field.name].__metadata__
        # Cloud Run, Container Apps and others say PORT.
        assert key == ("PORT" if field.name == "port" else f"LAMBAKE_{field.name.upper()}")
        assert sentence.endswith(".")


def test_protocols() -> None:
    """Those that are named are served, in one order; every file of the folder has its name."""
    one = PROTOCOLS[0]
    assert Settings.from_env({"LAMBAKE_PROTOCOLS": f"{one},"}).protocols == (one,)
    files = (ROOT / "function" / "protocols").glob("[a-z]*.py")
    assert {file.stem for file in files} == {
        "native",
        *(one.replace("-", "_") for one in PROTOCOLS),
    }


def test_every_key_is_read() -> None:
    """Each key changes its own field."""
    values = {
        "LAMBAKE_ZOO": "/models",
        "LAMBAKE_MODELS": " iris, digits,",
        "LAMBAKE_MAX_PIXELS": "1",
        "LAMBAKE_MAX_BODY_BYTES": "1000000",
        "LAMBAKE_BASE_PATH": "/ml/v1/",
        "LAMBAKE_PROTOCOLS": "none",
        "LAMBAKE_CORS_ORIGINS": "https://app.example.com , http://[::1]:3000",
        "LAMBAKE_DOCS": "off",
        "LAMBAKE_PRELOAD_HTTP": "off",
        "LAMBAKE_METRICS": "on",
        "LAMBAKE_METRICS_NAMESPACE": "Shop/Models",
        "PORT": "8080",
        "LAMBAKE_HOST": "127.0.0.1",
        "LAMBAKE_RESULTS_QUEUE": "https://sqs.eu-central-1.amazonaws.com/1/results.fifo",
        "LAMBAKE_PERMANENT_FAILURES": "result",
        "LAMBAKE_INPUT_PREFIX": "/",
        "LAMBAKE_OUTPUT_PREFIX": "predictions/2026/",
        "LAMBAKE_OUTPUT_BUCKET": "results.example",
        "LAMBAKE_OBJECT_MODEL": "iris",
        "LAMBAKE_MAX_OBJECT_BYTES": "1000",
    }
    assert set(values) == set(keys().values())
    assert Settings.from_env(values) == Settings(
        zoo=Path("/models"),
        models=("iris", "digits"),
        max_pixels=1,
        max_body_bytes=1_000_000,
        base_path="/ml/v1",
        protocols=(),
        cors_origins=("https://app.example.com", "http://[::1]:3000"),
        docs=False,
        preload_http=False,
        metrics=True,
        metrics_namespace="Shop/Models",
        port=8080,
        host="127.0.0.1",
        results_queue="https://sqs.eu-central-1.amazonaws.com/1/results.fifo",
        permanent_failures="result",
        input_prefix="",
        output_prefix="predictions/2026/",
        output_bucket="results.example",
        object_model="iris",
        max_object_bytes=1000,
    )


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("LAMBAKE_MAX_PIXELS", "0", "a whole number from 1"),
        ("LAMBAKE_MAX_PIXELS", "-1", "a whole number from 1"),
        ("LAMBAKE_MAX_PIXELS", "1e6", "a whole number from 1"),
        ("LAMBAKE_MAX_BODY_BYTES", "9" * 16, "a whole number from 1"),
        ("LAMBAKE_MAX_BODY_BYTES", "٣", "a whole number from 1"),
        ("LAMBAKE_PROTOCOLS", "grpc", f"names of {', '.join(PROTOCOLS)}, or none"),
        *(
            ("LAMBAKE_CORS_ORIGINS", value, f"origins such as {PAGE}, separated by commas, or *")
            for value in ("app.example.com", f"{PAGE}/x", f"*, {PAGE}", "https://APP.example.com")
        ),
        ("LAMBAKE_DOCS", "true", "on or off"),
        ("LAMBAKE_PRELOAD_HTTP", "ON", "on or off"),
        ("LAMBAKE_METRICS", "emf", "on or off"),
        ("LAMBAKE_METRICS_NAMESPACE", "AWS/Lambda", "letters, digits and ._/#:-"),
        ("LAMBAKE_METRICS_NAMESPACE", ":models", "letters, digits and ._/#:-"),
        ("LAMBAKE_METRICS_NAMESPACE", "x" * 256, "letters, digits and ._/#:-"),
        ("PORT", "65536", "a port from 0 to 65535"),
        ("PORT", "http", "a port from 0 to 65535"),
        ("LAMBAKE_HOST", "localhost", "an IP address"),
        ("LAMBAKE_RESULTS_QUEUE", "results", "a queue's URL"),
        ("LAMBAKE_RESULTS_QUEUE", "arn:aws:sqs:eu-central-1:1:results", "a queue's URL"),
        ("LAMBAKE_RESULTS_QUEUE", "https://sqs/1/results.lifo", "a queue's URL"),
        ("LAMBAKE_PERMANENT_FAILURES", "dead_letter", "dead-letter or result"),
        ("LAMBAKE_INPUT_PREFIX", "in", "a prefix such as in/"),
        ("LAMBAKE_INPUT_PREFIX", "/in/a", "a prefix such as in/"),
        ("LAMBAKE_OUTPUT_PREFIX", "out//a", "a prefix such as out/"),
        ("LAMBAKE_OUTPUT_BUCKET", "s3://out", "a bucket's name"),
        ("LAMBAKE_OBJECT_MODEL", "iris,digits", "one name"),
        ("LAMBAKE_MAX_OBJECT_BYTES", "1 GB", "a whole number from 1"),
        ("LAMBAKE_BASE_PATH", "ml", "a path such as /ml"),
        ("LAMBAKE_BASE_PATH", "//ml", "a path such as /ml"),
        ("LAMBAKE_BASE_PATH", '/"><script>', "a path such as /ml"),
    ],
)
def test_malformed(key: str, value: str, expected: str) -> None:
    """A malformed value is refused with its key, itself, and the form expected."""
    message = f"{key}: expected {expected}, got {value.rstrip('/')!r}"
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        Settings.from_env({key: value})


def test_malformed_names() -> None:
    """A name that is no model's is refused by itself."""
    message = "LAMBAKE_MODELS: expected names separated by commas, got '../etc'"
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        Settings.from_env({"LAMBAKE_MODELS": "iris, ../etc"})


@pytest.mark.parametrize(
    ("places", "results"),
    [("in/", "in/"), ("in/", "in/out/"), ("in/out/", "in/"), ("/", "out/"), ("in/", "/")],
)
def test_results_below_the_input(places: str, results: str) -> None:
    """In one bucket neither prefix may hold the other: results would be predicted, and theirs."""
    environ = {"LAMBAKE_INPUT_PREFIX": places, "LAMBAKE_OUTPUT_PREFIX": results}
    message = (
        "LAMBAKE_OUTPUT_PREFIX: expected one apart from LAMBAKE_INPUT_PREFIX, since a result "
        f"below it would be predicted again, got {results!r} and {places!r}"
    )
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        Settings.from_env(environ)
    apart = Settings.from_env(environ | {"LAMBAKE_OUTPUT_BUCKET": "results"})
    assert (apart.input_prefix or "/", apart.output_prefix or "/") == (places, results)


def test_nothing_else_is_read() -> None:
    """Keys of others are not looked at."""
    assert Settings.from_env({"MAX_PIXELS": "x", "AWS_REGION": "x"}) == DEFAULTS
