"""
What function.yaml says for the cloud alone, under `aws:`: checked before anything is built.

Types and ranges are AWS's own; what depends on names and on other settings Terraform checks in the
plan (infra/aws).
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from infra.local.errors import ConfigError


def _like(pattern: str, expected: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise PydanticCustomError("form", "Input should be {expected}", {"expected": expected})
        return text

    return AfterValidator(check)


Positive = Annotated[int, Field(ge=1)]
Region = Annotated[str, _like(r"[a-z]{2}(-[a-z]+)+-\d", "a region like eu-central-1, or null")]
BucketName = Annotated[
    str, _like(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket, or null")
]
Address = Annotated[str, _like(r"https://.+", "an address, https://…")]
HostName = Annotated[str, _like(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", "a name like ml.example.com")]
CertificateArn = Annotated[str, _like(r"arn:aws[a-z-]*:acm:.+", "the ARN of a certificate")]
TopicArn = Annotated[str, _like(r"arn:aws[a-z-]*:sns:.+", "the ARN of a topic")]
Prefix = Annotated[str, _like(r"[^/].*/", "a prefix like bulk/")]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Jwt(_Settings):
    """Say whose tokens are taken."""

    issuer: Address
    audience: Annotated[list[str], Field(min_length=1)]


class Domain(_Settings):
    """Name a domain of one's own, with its certificate."""

    name: HostName
    certificate_arn: CertificateArn


class Api(_Settings):
    """Describe the HTTP API."""

    auth: Literal["iam", "jwt", "none"]
    jwt: Jwt | None
    rate_per_s: Positive
    burst: Positive
    domain: Domain | None


class Queue(_Settings):
    """
    Describe the queue and its mapping.

    Source: Lambda, API_CreateEventSourceMapping; SQS, the redrive policy's maxReceiveCount.
    """

    batch_size: Annotated[int, Field(ge=1, le=10_000)]
    window_s: Annotated[int, Field(ge=0, le=300)]
    max_receives: Annotated[int, Field(ge=1, le=1_000)]
    max_concurrency: Annotated[int, Field(ge=2, le=1_000)]


class Buckets(_Settings):
    """Describe the buckets."""

    input_days: Positive
    output_days: Positive
    bulk_prefix: Prefix


class Canary(_Settings):
    """
    Say how a new version gets its traffic.

    Source: CodeDeploy, API_TimeBasedCanary; an interval is 48 hours at most.
    """

    percent: Annotated[int, Field(ge=1, le=99)]
    minutes: Annotated[int, Field(ge=1, le=2_880)]


class Alarms(_Settings):
    """Say from where on an alarm rings, and who is told."""

    topics: list[TopicArn]
    error_percent: Annotated[float, Field(gt=0, le=100)]
    throttles: Annotated[int, Field(ge=0)]
    p99_ms: Positive
    drift: Annotated[float, Field(gt=0)]


class CloudSettings(_Settings):
    """Be what stands under `aws:`."""

    region: Region | None
    state_bucket: BucketName | None
    architecture: Literal["x86_64", "arm64"]
    reserved_concurrency: Annotated[int, Field(ge=0)] | None
    tracing: bool
    log_retention_days: Literal[
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
        3288, 3653,
    ]  # fmt: skip
    images_kept: Annotated[int, Field(ge=3)]
    api: Api
    function_url: bool
    queue: Queue
    buckets: Buckets
    canary: Canary
    alarms: Alarms

    @classmethod
    def of(cls, aws: object) -> Self:
        """
        Check what a function.yaml has under `aws:`.

        Raises:
            ConfigError: a key is missing, unknown or wrong; tells of the first.
        """
        try:
            return cls.model_validate(aws)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            keys = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in problem["loc"])
            expected = _EXPECTED.get(problem["type"], problem["msg"])
            got = None if problem["type"] == "missing" else problem["input"]
            raise ConfigError(
                "aws" + "".join(keys), expected.removeprefix("Input should be "), got
            ) from error


_EXPECTED = {
    "missing": "a value",
    "extra_forbidden": "no such key",
    "model_type": "a mapping",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "list_type": "a list",
}
