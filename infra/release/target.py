"""The target of a release: a stage in one account and region, or in a simulated cloud."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from infra.settings import Sample, Settings, read, simulated
from infra.settings.aws import AwsConfig
from infra.settings.errors import ConfigError

Say = Callable[[str], None]
"""Prints a line for the user."""

ALIAS = "live"
ARCHITECTURES = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
"""Lambda's names, and those of the images that fit."""

_STAGE = re.compile(r"[a-z][a-z0-9]{0,11}")
# A canary is polled for minutes: a busy API or a lost packet must not end that.
_PATIENTLY = Config(retries={"mode": "standard", "total_max_attempts": 5})


@dataclass(frozen=True)
class Target:
    """One stage. Two stages in one account share only the account."""

    function_file: Path
    settings: Settings
    stage: str
    region: str | None
    simulated: str | None  # address of a simulated cloud; None: AWS
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        function_file: Path,
        stage: str,
        address: str | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
    ) -> Self:
        """Read function.yaml; ConfigError for a wrong setting or stage name."""
        if not _STAGE.fullmatch(stage):
            raise ConfigError("--stage", "up to 12 small letters and digits, a letter first", stage)
        settings = read(function_file)
        if settings.timeout_s != int(settings.timeout_s):
            raise ConfigError("timeout_s", "whole seconds in the cloud", settings.timeout_s)
        # Terraform reads the same variables; boto3 reads only AWS_DEFAULT_REGION and the profile.
        region = (
            (settings.region if "region" in settings.model_fields_set else None)
            or environ.get("AWS_REGION")
            or boto3.session.Session().region_name
            or (simulated.REGION if address else None)
        )
        target = cls(function_file.resolve(), settings, stage, region, address)
        _ = target.aws  # raises if it is missing
        return target

    @property
    def name(self) -> str:
        """The function's name in the cloud."""
        return f"{self.settings.name}-{self.stage}"

    @property
    def aws(self) -> AwsConfig:
        """The settings that only apply to the cloud."""
        if self.settings.aws is None:
            raise ConfigError("aws", "a mapping", None)
        return self.settings.aws

    @property
    def sample(self) -> Sample | None:
        """The request that shows that the function works, if there is one."""
        return self.settings.sample

    @property
    def platform(self) -> str:
        """The platform of its image."""
        return ARCHITECTURES[self.aws.architecture]

    @property
    def root(self) -> Path:
        """The folder of the function's code."""
        return self.settings.root

    @cached_property
    def _session(self) -> boto3.session.Session:
        """The clients share what botocore reads for each session: endpoints, models, profiles."""
        return boto3.session.Session()

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service, made once, since that takes a while."""
        if service not in self._clients:
            options: dict[str, Any] = {"region_name": self.region, "config": _PATIENTLY}
            if self.simulated:
                options |= {"endpoint_url": self.simulated, **simulated.CREDENTIALS}
            made = self._session.client(service, **options)  # type: ignore[call-overload]
            self._clients[service] = made
        return self._clients[service]
