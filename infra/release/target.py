"""
Where a release goes: a stage of the function in one account
and region, or in a simulated cloud.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import boto3
import yaml
from botocore.config import Config

from infra.local.errors import ConfigError
from infra.settings.cloud import CloudSettings
from infra.settings.function import FunctionConfig, Sample, sample_of

ALIAS = "live"
ARCHITECTURES = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
"""Lambda's names, and those of the images that fit."""

_STAGE = re.compile(r"[a-z][a-z0-9]{0,11}")
# A canary is asked after for minutes: a busy API or a lost packet must not end that.
_PATIENTLY = Config(retries={"mode": "standard", "total_max_attempts": 5})


@dataclass(frozen=True)
class Target:
    """Be one stage. Two stages of one account share nothing but the account."""

    function_file: Path
    settings: Mapping[str, Any]
    stage: str
    region: str | None
    simulated: str | None  # address of a simulated cloud; None: AWS
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        function_file: Path,
        stage: str,
        simulated: str | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
    ) -> Self:
        """
        Read function.yaml.

        Raises:
            ConfigError: a setting is missing or wrong, or the stage's name is none.
        """
        if not _STAGE.fullmatch(stage):
            raise ConfigError("--stage", "up to 12 small letters and digits, a letter first", stage)
        function = FunctionConfig.from_yaml(function_file)
        if function.timeout_s != int(function.timeout_s):
            raise ConfigError("timeout_s", "whole seconds in the cloud", function.timeout_s)
        settings = yaml.safe_load(function_file.read_text(encoding="utf-8"))
        # Terraform asks the same; boto3 reads AWS_DEFAULT_REGION only, and the profile's.
        region = (
            CloudSettings.of(settings.get("aws")).region
            or environ.get("AWS_REGION")
            or boto3.session.Session().region_name
        )
        if simulated and not region:
            region = "us-east-1"
        return cls(function_file.resolve(), settings, stage, region, simulated)

    @property
    def name(self) -> str:
        """Give the function's name in the cloud."""
        return f"{self.settings['name']}-{self.stage}"

    @cached_property
    def aws(self) -> CloudSettings:
        """Give the settings that only the cloud knows."""
        return CloudSettings.of(self.settings.get("aws"))

    @property
    def sample(self) -> Sample | None:
        """Give the request that shows that it works, where there is one."""
        given = self.settings.get("sample")
        return sample_of("sample", given, self.function_file.parent) if given else None

    @property
    def platform(self) -> str:
        """Give the platform that its image must be built for."""
        return ARCHITECTURES[self.aws.architecture]

    @property
    def root(self) -> Path:
        """Give the folder of the function's code."""
        return (self.function_file.parent / str(self.settings.get("root", "."))).resolve()

    def client(self, service: str) -> Any:
        """Give a boto3 client of one of its services; it is made once, since that takes a while."""
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
