"""
What function.yaml means for a container that serves plain
HTTP: the part that both services share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Self

from infra.settings.errors import ConfigError
from infra.settings.function import FunctionConfig

PORT: Final = 8080
ARGUMENTS: Final = ("serve",)
"""What function/entrypoint.sh takes for plain HTTP, whatever else is set."""

MOST_REQUESTS_AT_ONCE: Final = 16
MB_PER_REQUEST: Final = 32
"""
Requests that one instance takes before another is started; a Lambda environment takes one.

As many threads as processors predict, so more than 16 would only wait. With pictures of 3 MB, 16 at
once ended an instance of 128 MB, which answered 4; one of 256 MB answered 16.
"""

_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
IMAGE: Final = re.compile(
    rf"([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?/)?{_PART}(/{_PART})*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
"""
Source: distribution/reference, the grammar of references: host, small letters, tag, digest.
"""


@dataclass(frozen=True)
class Workload:
    """Be one stage of the function, as a container."""

    name: str
    image: str
    memory_mb: int
    timeout_s: int
    most_instances: int
    least_instances: int
    environment: tuple[tuple[str, str], ...]
    public: bool  # everybody may call it

    @classmethod
    def of(cls, config: FunctionConfig, stage: str, image: str, *, public: bool = False) -> Self:
        """
        Take from the function's settings what a container has a use for.

        Raises:
            ConfigError: a setting has no counterpart there.
        """
        if not IMAGE.fullmatch(image):
            raise ConfigError("--image", "a reference such as registry.example/name:tag", image)
        if config.timeout_s != int(config.timeout_s):
            raise ConfigError("timeout_s", "whole seconds", config.timeout_s)
        if config.limit < 1:
            key = "reserved_concurrency"
            raise ConfigError(key, "1 at least: no instances at all is no service", 0)
        return cls(
            name=f"{config.name}-{stage}",
            image=image,
            memory_mb=config.memory_mb,
            timeout_s=int(config.timeout_s),
            most_instances=config.limit,
            least_instances=config.provisioned_concurrency,
            environment=tuple(config.environment.items()),
            public=public,
        )

    @property
    def requests_at_once(self) -> int:
        """Give how many requests one instance has the memory for."""
        return min(MOST_REQUESTS_AT_ONCE, self.memory_mb // MB_PER_REQUEST)

    def require_name(self, pattern: str, expected: str) -> None:
        """
        Hold the name against what the service allows.

        Raises:
            ConfigError: says what it allows.
        """
        if not re.fullmatch(pattern, self.name):
            raise ConfigError("name, with the stage", expected, self.name)

    def variables(self, taken: str) -> list[dict[str, str]]:
        """
        Give the environment as both services spell it.

        Args:
            taken: a pattern of the names that are the service's own.

        Raises:
            ConfigError: a name is taken by the service.
        """
        for name, _ in self.environment:
            if re.fullmatch(taken, name):
                raise ConfigError(f"environment.{name}", "none, since the service sets it", "one")
        return [{"name": name, "value": value} for name, value in self.environment]


def probe(path: str, *, period_s: int, failures: int) -> dict[str, Any]:
    """
    Give a question over HTTP that an instance must answer with 200, in both services' words.

    Source: Cloud Run Admin API, Probe.timeoutSeconds: "Must be smaller than period_seconds".
    """
    return {
        "httpGet": {"path": path, "port": PORT},
        "periodSeconds": period_s,
        "timeoutSeconds": min(period_s - 1, 5),
        "failureThreshold": failures,
    }


def startup_probe() -> dict[str, Any]:
    """Give the models half a minute to load; on Lambda they have ten seconds."""
    return probe("/readyz", period_s=3, failures=10)


def liveness_probe() -> dict[str, Any]:
    """Have an instance that answers nothing for a minute and a half replaced."""
    return probe("/livez", period_s=30, failures=3)
