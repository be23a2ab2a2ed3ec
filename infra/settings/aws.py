"""The `aws:` settings; Terraform checks those that depend on names (infra/aws)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from infra.settings.values import Frozen, above_0, one_of, text, whole

Positive = Annotated[int, whole(1)]
Share = Annotated[float, above_0(100)]


class JwtConfig(Frozen):
    """The tokens that are accepted."""

    issuer: Annotated[str, text(r"https://.+", "an address, https://…")]
    audience: Annotated[list[str], Field(min_length=1)]
    scopes: tuple[str, ...] = ()


class DomainConfig(Frozen):
    """A custom domain, with its certificate."""

    name: Annotated[str, text(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", "a name like ml.example.com")]
    certificate_arn: Annotated[str, text(r"arn:aws[a-z-]*:acm:.+", "the ARN of a certificate")]


class ApiConfig(Frozen):
    """The HTTP API."""

    auth: Annotated[str, one_of("iam", "jwt", "none")]
    jwt: JwtConfig | None
    open_page: bool
    rate_per_s: Positive
    burst: Positive
    domain: DomainConfig | None


class QueueConfig(Frozen):
    """The queue and its mapping. Source: API_CreateEventSourceMapping; SQS, maxReceiveCount."""

    batch_size: Annotated[int, whole(1, 10_000)]
    window_s: Annotated[int, whole(0, 300)]
    max_receives: Annotated[int, whole(1, 1_000)]
    max_concurrency: Annotated[int, whole(2, 1_000)]


class BucketsConfig(Frozen):
    """The buckets."""

    input_days: Positive
    output_days: Positive
    bulk_prefix: Annotated[str, text(r"[^/].*/", "a prefix like bulk/")]


class CanaryConfig(Frozen):
    """How a new version gets its traffic. Source: API_TimeBasedCanary; 48 hours at most."""

    percent: Annotated[int, whole(1, 99)]
    minutes: Annotated[int, whole(1, 2_880)]


class AlarmsConfig(Frozen):
    """The thresholds of alarms, and who is notified."""

    email: (
        Annotated[str, text(r"[^@\s]+@[^@\s]+", "an address like ml@example.com, or null")] | None
    )
    topics: list[Annotated[str, text(r"arn:aws[a-z-]*:sns:.+", "the ARN of a topic")]]
    error_percent: Share
    throttles: Annotated[int, whole(0)]
    p99_ms: Positive
    drift: Annotated[float, above_0()]


class AwsConfig(Frozen):
    """The settings under `aws:`."""

    state_bucket: (
        Annotated[str, text(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket, or null")]
        | None
    )
    architecture: Annotated[str, one_of("x86_64", "arm64")]
    reserved_concurrency: Annotated[int, whole(0)] | None
    tracing: bool
    kms_key: Annotated[str, text(r"arn:aws[a-z-]*:kms:.+", "the ARN of a key, or null")] | None
    log_retention_days: Annotated[
        int,
        one_of(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192,
               2557, 2922, 3288, 3653),
    ]  # fmt: skip
    images_kept: Annotated[int, whole(3)]
    api: ApiConfig
    function_url: bool
    queue: QueueConfig
    buckets: BucketsConfig
    canary: CanaryConfig
    alarms: AlarmsConfig
