"""The settings of a front, as function.yaml has them."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.server import callers_of
from infra.settings.errors import ConfigError
from infra.settings.front import Cors, FrontConfig, route_of
from infra.settings.function import FunctionConfig


def front_of(options: Any) -> FrontConfig:
    """Read the settings as they stand in function.yaml."""
    return FunctionConfig(handler="a.b").replace(front_options=options).front_options


def test_defaults() -> None:
    """Nothing has to be set: one $default route on the $default stage, no CORS."""
    assert front_of({}) == FrontConfig()
    assert FrontConfig().stage_path == ""


def test_everything() -> None:
    """Every setting can be given, in the kinds that YAML has."""
    plain: dict[str, Any] = {
        "stage": "prod",
        "multi_value_headers": True,
        "timeout_s": 3,
        "stage_variables": {"a": "b"},
        "edge": True,
        "account_id": "210987654321",
        "region": "eu-west-1",
        "api_id": "abc",
        "authorization": "jwt",
        "open_routes": ("GET /",),
        "authorization_endpoint": "https://idp/a",
    }
    config = front_of(
        {
            **plain,
            "routes": ["ANY /a", "$default"],
            "cors": {"allow_origins": ["https://a"], "max_age_s": 5, "allow_credentials": True},
            "binary_media_types": ["image/*"],
        }
    )
    assert config == FrontConfig(
        **plain,
        routes=(route_of("ANY /a"), route_of("$default")),
        cors=Cors(allow_origins=("https://a",), max_age_s=5, allow_credentials=True),
        binary_media_types=("image/*",),
    )
    assert config.stage_path == "/prod"
    assert config.model_fields_set == FrontConfig.model_fields.keys()


def test_the_account_and_region() -> None:
    """The function's are the front's, unless the front has its own."""
    config = FunctionConfig(handler="a.b", account_id="210987654321", region="eu-west-1")
    there = config.front_settings
    assert (there.account_id, there.region) == ("210987654321", "eu-west-1")
    there = config.replace(front_options={"account_id": "1" * 12}).front_settings
    assert (there.account_id, there.region) == ("1" * 12, "eu-west-1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"nowhere": "x"},
            ".nowhere: expected one of account_id, api_id, authorization, authorization_endpoint, "
            "binary_media_types, cors, edge, multi_value_headers, open_routes, region, routes, "
            "stage, stage_variables, timeout_s, got 'nowhere'",
        ),
        ({"stages": "x"}, ".stages: expected stage or another known key, got 'stages'"),
        ([], ": expected a mapping, got []"),
        ({"stage": 1}, ".stage: expected a string, got 1"),
        ({"stage": ""}, ".stage: expected a string, got ''"),
        ({"routes": "x"}, ".routes: expected a list of strings, got 'x'"),
        (
            {"routes": ["GET"]},
            '.routes[0]: expected "$default" or "METHOD /path", METHOD may be ANY, got \'GET\'',
        ),
        ({"binary_media_types": [1]}, ".binary_media_types[0]: expected a string, got 1"),
        ({"edge": "yes"}, ".edge: expected true or false, got 'yes'"),
        ({"timeout_s": 0}, ".timeout_s: expected a number above 0, got 0"),
        ({"cors": "*"}, ".cors: expected a mapping, got '*'"),
        (
            {"cors": {"max_age_s": -1}},
            ".cors.max_age_s: expected a whole number, 0 or more, got -1",
        ),
        (
            {"stage_variables": ["a"]},
            ".stage_variables: expected a mapping of names to strings, got ['a']",
        ),
    ],
)
def test_wrong_settings(options: object, message: str) -> None:
    """A wrong setting says where it is, what was expected and what it got."""
    with pytest.raises(ConfigError) as caught:
        front_of(options)
    assert str(caught.value) == f"front_options{message}"


def test_no_cors() -> None:
    """CORS may be switched off by null."""
    assert front_of({"cors": None}).cors is None


def test_cors_of_the_function() -> None:
    """A front answers for the origins that the function names, unless it has its own settings."""
    environment = {"LAMBAKE_CORS_ORIGINS": "https://a, http://b:1"}
    config = FunctionConfig(handler="a.b", environment=environment)
    cors = config.front_settings.cors
    assert cors is not None
    assert cors.allow_origins == ("https://a", "http://b:1")
    assert callers_of(config, config.front_settings).origins == cors.allow_origins
    own = config.replace(front_options={"cors": {"allow_origins": ["https://c"]}})
    assert own.front_settings.cors == Cors(allow_origins=("https://c",))
    with pytest.raises(ConfigError) as caught:
        config.replace(environment={"LAMBAKE_CORS_ORIGINS": "app.example.com"})
    assert str(caught.value) == (
        "environment.LAMBAKE_CORS_ORIGINS: expected origins such as https://app.example.com, "
        "separated by commas, or *, got 'app.example.com'"
    )
