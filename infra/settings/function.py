"""The function's settings for the emulator: all of function.yaml but its sample and `aws:`."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, model_validator

from infra.settings import limits
from infra.settings.errors import ConfigError
from infra.settings.front import CORS_VARIABLE, Cors, FrontConfig
from infra.settings.values import (
    Frozen,
    Location,
    Region,
    Texts,
    Variables,
    explained,
    number,
    one_of,
    text,
    whole,
)

FRONTS: Final = ("http_api", "http_api_v1", "rest_api", "alb", "alb_multi", "function_url")
_NAME_FORM: Final = "1 to 64 letters, digits, hyphens or underscores"
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

Seconds = Annotated[float, number(0.05, limits.TIMEOUT_LIMIT_S)]


class EventConfig(Frozen):
    """What happens to asynchronous (Event) invocations."""

    retries: Annotated[int, whole(0, limits.EVENT_RETRIES_LIMIT)] = limits.EVENT_RETRIES_LIMIT
    max_age_s: Annotated[int, whole(limits.EVENT_AGE_MINIMUM_S, limits.EVENT_AGE_LIMIT_S)] = (
        limits.EVENT_AGE_LIMIT_S
    )
    on_success: str | None = None  # ARN of a queue, topic, function or event bus
    on_failure: str | None = None
    dead_letter: str | None = None  # ARN of a queue or topic


class FunctionConfig(Frozen):
    """One function and where it runs. Sizes in `_mb` are MiB, as AWS counts."""

    handler: Annotated[str, text(r"(?s).+", "a dotted name like app.handler")]
    root: Location = Field(default_factory=Path.cwd)
    name: Annotated[str, text(r"[A-Za-z0-9_-]{1,64}", _NAME_FORM)] = "function"
    python: str = sys.executable
    image: str | None = None  # an image that docker or podman has; then without root and python
    memory_mb: Annotated[int, whole(limits.MEMORY_MINIMUM_MB, limits.MEMORY_LIMIT_MB)] = 512
    # The service accepts whole seconds; fractions are allowed here, so that tests need not wait.
    timeout_s: Seconds = 30.0
    init_limit_s: Seconds = limits.INIT_LIMIT_S
    # The most environments on this machine, in place of the account's limit.
    concurrency: Annotated[int, whole(1, 1_000)] = 4
    reserved_concurrency: Annotated[int, whole(0, 1_000)] | None = None
    provisioned_concurrency: int = 0  # environments started before the first call
    environment: Variables = Field(default_factory=dict)
    front: Annotated[str, one_of(*FRONTS)] = "http_api"
    front_options: FrontConfig = Field(default_factory=FrontConfig)
    # Who may call the emulator and the simulated cloud besides this machine's programs and pages.
    allowed_hosts: Texts = ()  # names in Host
    allowed_origins: Texts = ()  # pages, like https://app.example.com; "*" is every page
    region: Region = "us-east-1"
    account_id: Annotated[str, text(r"\d{12}", "12 digits in quotes")] = "123456789012"
    aliases: Variables = Field(default_factory=dict)  # alias or version -> version
    version: str = limits.LATEST  # the version that environments report; one process serves all
    log_format: Annotated[str, one_of("Text", "JSON")] = "Text"
    log_level: str | None = None
    # An environment unused for this long is ended; the service does not document its time.
    idle_s: Annotated[float, number(0.05, 86_400)] = 300.0
    snap_start: bool = False
    # Shut down as if no extension, an internal or an external one were registered.
    shutdown: Annotated[str, one_of("none", "internal", "external")] = "none"
    isolated: bool = False  # /var/task, read-only root, own /tmp: Linux with namespaces only
    tmp_mb: Annotated[int, whole(limits.TMP_MINIMUM_MB, limits.TMP_LIMIT_MB)] = (
        limits.TMP_MINIMUM_MB
    )
    events: EventConfig = Field(default_factory=EventConfig)
    aws_endpoint: str | None = None  # where destinations are delivered, e.g. a moto server

    @property
    def arn(self) -> str:
        """The function's ARN, without a qualifier."""
        return f"arn:aws:lambda:{self.region}:{self.account_id}:function:{self.name}"

    @property
    def bulk_machine(self) -> str:
        """The name of the state machine that predicts a bucket."""
        return f"{self.name}-bulk"

    @property
    def limit(self) -> int:
        """How many invocations may be under way at once."""
        if self.reserved_concurrency is None:
            return self.concurrency
        return min(self.concurrency, self.reserved_concurrency)

    @property
    def front_settings(self) -> FrontConfig:
        """The front's settings, in the function's account and region, with the function's CORS."""
        front = self.front_options.within(self.account_id, self.region)
        origins = self.environment.get(CORS_VARIABLE)
        if front.cors is None and origins:
            return front.model_copy(update={"cors": Cors.of_variable(origins)})
        return front

    def version_of(self, qualifier: str | None) -> str | None:
        """Return the version that a qualifier stands for, or None for an unknown qualifier."""
        if qualifier is None or qualifier == limits.LATEST:
            return limits.LATEST
        return self.aliases.get(qualifier)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some settings changed, and checked again."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate(given | changes)

    @model_validator(mode="wrap")
    @classmethod
    def _explain(cls, given: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return validate(given)
        except ValidationError as error:
            raise explained(error) from error

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Refuse what the service would refuse when the function is created."""
        if not 0 <= self.provisioned_concurrency <= self.limit:
            expected = f"a whole number from 0 to {self.limit}"
            raise ConfigError("provisioned_concurrency", expected, self.provisioned_concurrency)
        if self.image is not None and (self.isolated or self.snap_start):
            key = "isolated" if self.isolated else "snap_start"
            raise ConfigError(key, "false where the function is an image", True)
        _check_variables(self.environment)
        _ = self.front_settings  # refuses wrong origins
        return self


def _check_variables(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        where = f"environment.{name}"
        if name in limits.RESERVED_VARIABLES:
            raise ConfigError(where, "a name that is not reserved", "a reserved one")
        if not _VARIABLE.fullmatch(name) and name != "_LAMBDA_TELEMETRY_LOG_FD":
            raise ConfigError(where, "a name of letters, digits and underscores", name)
        if "\0" in value:
            raise ConfigError(where, "text without NUL", value)
    size = sum(len(name.encode()) + len(value.encode()) for name, value in environment.items())
    if size > limits.VARIABLES_LIMIT_BYTES:
        expected = f"at most {limits.VARIABLES_LIMIT_BYTES} bytes"
        raise ConfigError("environment", expected, f"{size} bytes")
