"""The settings of a front, as function.yaml has them."""

from __future__ import annotations

import pytest

from infra.local.errors import ConfigError
from infra.local.fronts.routes import route_of
from infra.settings.front import Cors, FrontConfig


def test_defaults() -> None:
    """Nothing has to be set: one $default route on the $default stage, no CORS."""
    assert FrontConfig.from_mapping({}) == FrontConfig()
    assert FrontConfig().stage_path == ""


def test_everything() -> None:
    """Every setting can be given, in the kinds that YAML has."""
    config = FrontConfig.from_mapping(
        {
            "stage": "prod",
            "routes": ["ANY /a", "$default"],
            "cors": {"allow_origins": ["https://a"], "max_age_s": 5, "allow_credentials": True},
            "binary_media_types": ["image/*"],
            "multi_value_headers": True,
            "timeout_s": 3,
            "stage_variables": {"a": "b"},
            "edge": True,
            "account_id": "210987654321",
            "region": "eu-west-1",
            "api_id": "abc",
            "authorization": "jwt",
            "authorization_endpoint": "https://idp/a",
        }
    )
    assert config == FrontConfig(
        stage="prod",
        routes=(route_of("", "ANY /a"), route_of("", "$default")),
        cors=Cors(allow_origins=("https://a",), max_age_s=5, allow_credentials=True),
        binary_media_types=("image/*",),
        multi_value_headers=True,
        timeout_s=3,
        stage_variables={"a": "b"},
        edge=True,
        account_id="210987654321",
        region="eu-west-1",
        api_id="abc",
        authorization="jwt",
        authorization_endpoint="https://idp/a",
    )
    assert config.stage_path == "/prod"


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (
            {"stages": "x"},
            "front_options.stages: expected one of account_id, api_id, authorization, "
            "authorization_endpoint, binary_media_types, cors, edge, multi_value_headers, region, "
            "routes, stage, stage_variables, timeout_s, "
            "got 'an unknown key'",
        ),
        ({"stage": 1}, "front_options.stage: expected a string, got 1"),
        ({"routes": "x"}, "front_options.routes: expected a list of strings, got 'x'"),
        (
            {"routes": ["GET"]},
            'front_options.routes[0]: expected "$default" or "METHOD /path", METHOD may be ANY, '
            "got 'GET'",
        ),
        ({"edge": "yes"}, "front_options.edge: expected true or false, got 'yes'"),
        ({"timeout_s": 0}, "front_options.timeout_s: expected a number of seconds above 0, got 0"),
        ({"cors": "*"}, "front_options.cors: expected a mapping, got '*'"),
        (
            {"cors": {"max_age_s": -1}},
            "front_options.cors.max_age_s: expected a whole number of seconds, got -1",
        ),
        (
            {"stage_variables": ["a"]},
            "front_options.stage_variables: expected a mapping of strings, got ['a']",
        ),
    ],
)
def test_wrong_settings(mapping: dict[str, object], message: str) -> None:
    """A wrong setting says where it is, what was expected and what it got."""
    with pytest.raises(ConfigError) as caught:
        FrontConfig.from_mapping(mapping)
    assert str(caught.value) == message


def test_no_cors() -> None:
    """CORS may be switched off by null."""
    assert FrontConfig.from_mapping({"cors": None}).cors is None
