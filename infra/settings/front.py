"""How a front is set up: the part of function.yaml that a gateway would be told."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from infra.local.errors import ConfigError
from infra.local.fronts.routes import DEFAULT_ROUTE, Route, route_of

DEFAULT_STAGE = "$default"


@dataclass(frozen=True)
class Cors:
    """Cross-origin access, as HTTP APIs and Function URLs are told it."""

    allow_origins: tuple[str, ...] = ("*",)
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age_s: int | None = None
    allow_credentials: bool = False


@dataclass(frozen=True)
class FrontConfig:
    """
    One front's settings.

    Args:
        stage: "$default", or a name that then begins every path. A REST API cannot have "$default":
            here it stands for a custom domain that is mapped to the stage "prod".
        routes: "$default", or "METHOD /path/{name}/{rest+}" each, METHOD may be ANY.
        binary_media_types: of a REST API.
        multi_value_headers: of an ALB's target group.
        timeout_s: of the integration, instead of the front's own.
        edge: a REST API's endpoint is behind CloudFront.
        authorization: "none", "iam" (HTTP API, REST API, Function URL), "jwt" (HTTP API; REST API:
            Cognito) or "oidc" (ALB). Requests that carry nothing to be let in by are refused;
            nothing that they carry is verified (authorization.py).
        authorization_endpoint: of the identity provider, where an ALB's `oidc` redirects to.
    """

    stage: str = DEFAULT_STAGE
    routes: tuple[Route, ...] = (DEFAULT_ROUTE,)
    cors: Cors | None = None
    binary_media_types: tuple[str, ...] = ()
    multi_value_headers: bool = False
    timeout_s: float | None = None
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    edge: bool = False
    account_id: str = "123456789012"
    region: str = "us-east-1"
    api_id: str = "local"
    authorization: str = "none"
    authorization_endpoint: str = "https://idp.example.com/authorize"

    @property
    def stage_path(self) -> str:
        """Give what the stage puts before every path."""
        return "" if self.stage == DEFAULT_STAGE else f"/{self.stage}"

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> Self:
        """
        Read the settings as function.yaml has them, in lists and mappings.

        Raises:
            ConfigError: a key is unknown or its value of the wrong kind.
        """
        return cls(**_read(mapping, _READERS, "front_options"))


def _read(
    mapping: Mapping[str, object], readers: Mapping[str, Callable[[str, object], Any]], where: str
) -> dict[str, Any]:
    unknown = sorted(set(mapping) - set(readers))
    if unknown:
        expected = f"one of {', '.join(sorted(readers))}"
        raise ConfigError(f"{where}.{unknown[0]}", expected, "an unknown key")
    return {key: readers[key](f"{where}.{key}", value) for key, value in mapping.items()}


def _text(where: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(where, "a string", value)
    return value


def _texts(where: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(where, "a list of strings", value)
    return tuple(_text(f"{where}[{i}]", item) for i, item in enumerate(value))


def _flag(where: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(where, "true or false", value)
    return value


def _seconds(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ConfigError(where, "a number of seconds above 0", value)
    return value


def _whole_seconds(where: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(where, "a whole number of seconds", value)
    return value


def _routes(where: str, value: object) -> tuple[Route, ...]:
    return tuple(route_of(f"{where}[{i}]", key) for i, key in enumerate(_texts(where, value)))


def _variables(where: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ConfigError(where, "a mapping of strings", value)
    return {_text(where, key): _text(f"{where}.{key}", text) for key, text in value.items()}


def _cors(where: str, value: object) -> Cors | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ConfigError(where, "a mapping", value)
    return Cors(**_read(value, _CORS_READERS, where))


_CORS_READERS: dict[str, Callable[[str, object], Any]] = {
    "allow_origins": _texts,
    "allow_methods": _texts,
    "allow_headers": _texts,
    "expose_headers": _texts,
    "max_age_s": _whole_seconds,
    "allow_credentials": _flag,
}
_READERS: dict[str, Callable[[str, object], Any]] = {
    "stage": _text,
    "routes": _routes,
    "cors": _cors,
    "binary_media_types": _texts,
    "multi_value_headers": _flag,
    "timeout_s": _seconds,
    "stage_variables": _variables,
    "edge": _flag,
    "account_id": _text,
    "region": _text,
    "api_id": _text,
    "authorization": _text,
    "authorization_endpoint": _text,
}
# A setting that cannot be given would be a setting nobody can use.
if set(_READERS) != {f.name for f in dataclasses.fields(FrontConfig)}:  # pragma: no cover
    raise TypeError("front_options: every field of FrontConfig needs a reader")
