"""The settings of a front: the part of function.yaml that a gateway would have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from infra.settings.errors import ConfigError
from infra.settings.values import Frozen, Text, Texts, Variables, above_0, refuse, whole

DEFAULT_STAGE = "$default"
CORS_VARIABLE = "LAMBAKE_CORS_ORIGINS"
_ORIGIN = r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"
_ROUTE_KEY = re.compile(r"(ANY|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/\S*)")


@dataclass(frozen=True)
class Route:
    """One route: `key` as written, `segments` between the slashes. $default has no method."""

    key: str
    method: str | None
    path: str
    segments: tuple[str, ...]

    @property
    def greedy(self) -> bool:
        """Whether the last segment takes the rest of the path."""
        return bool(self.segments) and self.segments[-1].endswith("+}")


DEFAULT_ROUTE = Route("$default", None, "", ())


def route_of(key: Any) -> Route:
    """Parse a route key: "$default", or "METHOD /path"."""
    if isinstance(key, Route):
        return key
    if key == DEFAULT_ROUTE.key:
        return DEFAULT_ROUTE
    match = _ROUTE_KEY.fullmatch(key) if isinstance(key, str) else None
    if match is None:
        refuse('"$default" or "METHOD /path", METHOD may be ANY')
    return Route(key, match[1], match[2], segments_of(match[2]))


def segments_of(path: str) -> tuple[str, ...]:
    """Split a path at its slashes."""
    return tuple(path.removeprefix("/").split("/")) if path.strip("/") else ()


def _routes(value: object) -> object:
    return tuple(value) if isinstance(value, list | tuple) else refuse("a list of strings")


class Cors(Frozen):
    """Cross-origin access, as HTTP APIs and Function URLs configure it."""

    allow_origins: Texts = ("*",)
    allow_methods: Texts = ()
    allow_headers: Texts = ()
    expose_headers: Texts = ()
    max_age_s: Annotated[int, whole(0)] | None = None
    allow_credentials: bool = False

    @classmethod
    def of_variable(cls, origins: str) -> Cors:
        """Return what an API has whose function has this LAMBAKE_CORS_ORIGINS (infra/aws/api.tf).

        Raises:
            ConfigError: it is no list of origins.
        """
        if not re.fullmatch(rf"\*|{_ORIGIN}(\s*,\s*{_ORIGIN})*", origins):
            expected = "origins such as https://app.example.com, separated by commas, or *"
            raise ConfigError(f"environment.{CORS_VARIABLE}", expected, origins)
        return cls(
            allow_origins=tuple(re.split(r"\s*,\s*", origins)),
            allow_methods=("*",),
            allow_headers=("authorization", "*"),  # to a browser * is all but Authorization
            expose_headers=("*",),
            max_age_s=600,
        )


class FrontConfig(Frozen):
    """One front's settings.

    Args:
        stage: "$default", or a name that then begins every path. A REST API cannot have "$default":
            here it means a custom domain that is mapped to the stage "prod".
        routes: "$default", or "METHOD /path/{name}/{rest+}" each; METHOD may be ANY.
        binary_media_types: a REST API's.
        multi_value_headers: as set for an ALB's target group.
        timeout_s: the integration's, instead of the front's default.
        edge: a REST API's endpoint is behind CloudFront.
        authorization: "none", "iam" (HTTP API, REST API, Function URL), "jwt" (HTTP API; REST API:
            Cognito) or "oidc" (ALB). Requests without credentials are refused; credentials are not
            verified (infra/local/fronts/authorization.py).
        open_routes: the keys of those routes that anybody may call, whatever `authorization` says.
        authorization_endpoint: the identity provider's, to which an ALB's `oidc` redirects.
    """

    stage: Text = DEFAULT_STAGE
    routes: Annotated[
        tuple[Annotated[Route, BeforeValidator(route_of)], ...], BeforeValidator(_routes)
    ] = (DEFAULT_ROUTE,)
    cors: Cors | None = None
    binary_media_types: Texts = ()
    multi_value_headers: bool = False
    timeout_s: Annotated[float, above_0()] | None = None
    stage_variables: Variables = Field(default_factory=dict)
    edge: bool = False
    account_id: Text = "123456789012"
    region: Text = "us-east-1"
    api_id: Text = "local"
    authorization: Text = "none"
    open_routes: Texts = ()
    authorization_endpoint: Text = "https://idp.example.com/authorize"

    @property
    def stage_path(self) -> str:
        """The prefix that the stage adds to every path."""
        return "" if self.stage == DEFAULT_STAGE else f"/{self.stage}"

    def within(self, account_id: str, region: str) -> FrontConfig:
        """Return the same front in an account and region, unless it names its own."""
        own = {name: getattr(self, name) for name in self.model_fields_set}
        return FrontConfig.model_validate({"account_id": account_id, "region": region} | own)
