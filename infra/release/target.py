"""
Where a release goes: a stage of the function in one account and region, or in a simulated cloud.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import boto3
import yaml
from botocore.config import Config

from infra.local.errors import ConfigError

ALIAS = "live"
ARCHITECTURES = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
"""Lambda's names, and those of the images that fit."""

_STAGE = re.compile(r"[a-z][a-z0-9]{0,11}")
_AWS_KEYS = ("region", "state_bucket", "architecture")
# A canary is asked after for minutes: a busy API or a lost packet must not end that.
_PATIENTLY = Config(retries={"mode": "standard", "total_max_attempts": 5})


@dataclass(frozen=True)
class Target:
    """
    Be one stage. Two stages of one account share nothing but the account.
    """

    function_file: Path
    settings: Mapping[str, Any]
    stage: str
    region: str | None
    simulated: str | None  # address of a simulated cloud; None: AWS
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, function_file: Path, stage: str, simulated: str | None = None) -> Self:
        """
        Read function.yaml.

        Raises:
            ConfigError: the file has no `aws:`, or the stage's name is none.
        """
        if not _STAGE.fullmatch(stage):
            raise ConfigError("--stage", "up to 12 small letters and digits, a letter first", stage)
        try:
            settings = yaml.safe_load(function_file.read_text(encoding="utf-8"))
        except OSError as exc:
            raise ConfigError(str(function_file), "a readable file", exc.strerror) from exc
        except yaml.YAMLError as exc:
            raise ConfigError(str(function_file), "YAML", "something else") from exc
        aws = settings.get("aws") if isinstance(settings, dict) else None
        if not isinstance(aws, dict) or not set(_AWS_KEYS) <= set(aws):
            raise ConfigError(
                f"{function_file}: aws",
                f"a mapping with {', '.join(_AWS_KEYS)}",
                type(aws).__name__,
            )
        if not isinstance(settings.get("name"), str):
            raise ConfigError(f"{function_file}: name", "a name", settings.get("name"))
        if aws["architecture"] not in ARCHITECTURES:
            raise ConfigError("aws.architecture", " or ".join(ARCHITECTURES), aws["architecture"])
        region = aws["region"] or boto3.session.Session().region_name
        if simulated and not region:
            region = "us-east-1"
        return cls(function_file.resolve(), settings, stage, region, simulated)

    @property
    def name(self) -> str:
        """
        Give the function's name in the cloud.
        """
        return f"{self.settings['name']}-{self.stage}"

    @property
    def aws(self) -> Mapping[str, Any]:
        """
        Give the settings that only the cloud knows.
        """
        aws: Mapping[str, Any] = self.settings["aws"]
        return aws

    @property
    def platform(self) -> str:
        """
        Give the platform that its image must be built for.
        """
        return ARCHITECTURES[self.aws["architecture"]]

    @property
    def root(self) -> Path:
        """
        Give the folder of the function's code.
        """
        return (self.function_file.parent / str(self.settings.get("root", "."))).resolve()

    def client(self, service: str) -> Any:
        """
        Give a boto3 client of one of its services; it is made once, since that takes a while.
        """
        if service not in self._clients:
            self._clients[service] = self._made(service)
        return self._clients[service]

    def _made(self, service: str) -> Any:
        options: dict[str, Any] = {"region_name": self.region, "config": _PATIENTLY}
        if self.simulated:
            options |= {
                "endpoint_url": self.simulated,
                "aws_access_key_id": "simulated",
                "aws_secret_access_key": "simulated",
            }
        return boto3.session.Session().client(service, **options)  # type: ignore[call-overload]
