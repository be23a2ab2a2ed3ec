"""The function's settings: read once from the environment, frozen, passed down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final

ZOO: Final = Path(__file__).parent.parent / "model" / "zoo"
MEBIBYTE: Final = 1024 * 1024

# What AWS carries, which no setting changes.
MAX_EVENT_BYTES: Final = 6 * MEBIBYTE
"""The most bytes of an event that waits for its answer; others may have less."""

MAX_REPLY_BYTES: Final = 6 * MEBIBYTE
"""
The most bytes of a whole reply, as JSON. Beyond 6,291,556 the Runtime API answers 413, and
awslambdaric ends the process (docs/contract.md 3.2, R5).
"""

MAX_ALB_REPLY_BYTES: Final = 1_000_000
"""A load balancer makes a 502 of more than 1 MB."""

MAX_MESSAGE_BYTES: Final = MEBIBYTE
"""Source: SQS, message quotas, since August 2025."""


class SettingsError(Exception):
    """A setting that cannot be used: names the key, the value and the form expected."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be set from outside; each field: type, key, what it does."""

    zoo: Annotated[
        Path,
        "LAMBAKE_ZOO",
        "Folder of the models: `<name>/model.toml`, or one in each `<name>/<version>`.",
    ]
    models: Annotated[
        tuple[str, ...],
        "LAMBAKE_MODELS",
        "Names of the models to serve, separated by commas; empty: all of them.",
    ]
    max_pixels: Annotated[
        int, "LAMBAKE_MAX_PIXELS", "The most pixels one picture may have, width times height."
    ]
    max_body_bytes: Annotated[
        int, "LAMBAKE_MAX_BODY_BYTES", "The most bytes one request's body may have, once decoded."
    ]
    base_path: Annotated[
        str,
        "LAMBAKE_BASE_PATH",
        "Path before every route, as a custom domain's mapping adds it: `/ml`.",
    ]
    docs: Annotated[
        bool, "LAMBAKE_DOCS", "Whether `/docs` and `/openapi.json` are served: `on` or `off`."
    ]
    preload_http: Annotated[
        bool,
        "LAMBAKE_PRELOAD_HTTP",
        "Whether FastAPI is loaded in the init phase: `on`, or `off` where no HTTP is served.",
    ]
    metrics: Annotated[
        bool,
        "LAMBAKE_METRICS",
        "Whether log lines are CloudWatch metrics too: `on` or `off`; ten a model, each is billed.",
    ]
    metrics_namespace: Annotated[
        str, "LAMBAKE_METRICS_NAMESPACE", "The namespace that CloudWatch lists the metrics under."
    ]
    port: Annotated[int, "PORT", "The port of plain HTTP, `python -m function.serve`."]
    host: Annotated[
        str, "LAMBAKE_HOST", "The address that plain HTTP listens on; a container's must be all."
    ]
    input_prefix: Annotated[
        str,
        "LAMBAKE_INPUT_PREFIX",
        "Keys below it are predicted, and a folder names the model: `in/digits/7.png`; `/`: all.",
    ]
    output_prefix: Annotated[
        str,
        "LAMBAKE_OUTPUT_PREFIX",
        "Result objects lie below it: `out/digits/7.png.json`; `/`: at the top of another bucket.",
    ]
    output_bucket: Annotated[
        str | None,
        "LAMBAKE_OUTPUT_BUCKET",
        "Bucket of the result objects; one for each bucket that is predicted.",
    ]
    object_model: Annotated[
        str | None,
        "LAMBAKE_OBJECT_MODEL",
        "The one model of every object, where no folder names it.",
    ]
    max_object_bytes: Annotated[
        int,
        "LAMBAKE_MAX_OBJECT_BYTES",
        "The most bytes that a table or a listing in a bucket may have; a picture: as a body.",
    ]
    results_queue: Annotated[
        str | None,
        "LAMBAKE_RESULTS_QUEUE",
        "URL of the queue that takes the results of a queue's messages; none: the log.",
    ]
    permanent_failures: Annotated[
        str,
        "LAMBAKE_PERMANENT_FAILURES",
        "What becomes of a message that fails for good: `dead-letter`, by its queue's redrive "
        "policy, or `result`, an error as its result.",
    ]

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """
        Read the settings; a key that is absent or empty takes its default.

        Raises:
            SettingsError: a value that is malformed.
        """
        input_prefix, output_prefix, output_bucket = _object_places(environ)
        return cls(
            zoo=Path(environ.get("LAMBAKE_ZOO") or ZOO),
            models=_names(environ, "LAMBAKE_MODELS"),
            max_pixels=_whole(environ, "LAMBAKE_MAX_PIXELS", 4096 * 4096),
            max_body_bytes=_whole(environ, "LAMBAKE_MAX_BODY_BYTES", MAX_EVENT_BYTES),
            base_path=_path(environ, "LAMBAKE_BASE_PATH"),
            docs=_switch(environ, "LAMBAKE_DOCS", default=True),
            preload_http=_switch(environ, "LAMBAKE_PRELOAD_HTTP", default=True),
            metrics=_switch(
                environ, "LAMBAKE_METRICS", default=bool(environ.get("AWS_LAMBDA_FUNCTION_NAME"))
            ),
            metrics_namespace=_namespace(environ, "LAMBAKE_METRICS_NAMESPACE", "Lambake"),
            port=_port(environ, "PORT", 5000),
            host=_address(environ, "LAMBAKE_HOST", "0.0.0.0"),  # noqa: S104 -- as Cloud Run asks
            input_prefix=input_prefix,
            output_prefix=output_prefix,
            output_bucket=output_bucket,
            object_model=_name(environ, "LAMBAKE_OBJECT_MODEL"),
            max_object_bytes=_whole(environ, "LAMBAKE_MAX_OBJECT_BYTES", 256 * MEBIBYTE),
            results_queue=_queue(environ, "LAMBAKE_RESULTS_QUEUE"),
            permanent_failures=_choice(
                environ, "LAMBAKE_PERMANENT_FAILURES", ("dead-letter", "result")
            ),
        )


def _whole(environ: Mapping[str, str], key: str, default: int) -> int:
    value = environ.get(key) or str(default)
    if not re.fullmatch(r"[0-9]{1,15}", value) or int(value) < 1:
        raise SettingsError(f"{key}: expected a whole number from 1, got {value!r}")
    return int(value)


def _namespace(environ: Mapping[str, str], key: str, default: str) -> str:
    value = environ.get(key) or default
    # Source: CloudWatch, PutMetricData: no colon first, and AWS/ is Amazon's own.
    if not re.fullmatch(r"(?!AWS/)[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254}", value):
        raise SettingsError(f"{key}: expected letters, digits and ._/#:-, got {value!r}")
    return value


def _port(environ: Mapping[str, str], key: str, default: int) -> int:
    port = (
        int(value) if re.fullmatch(r"[0-9]{1,5}", value := environ.get(key) or str(default)) else -1
    )
    if not 0 <= port <= 65535:
        raise SettingsError(f"{key}: expected a port from 0 to 65535, got {value!r}")
    return port


def _address(environ: Mapping[str, str], key: str, default: str) -> str:
    value = environ.get(key) or default
    try:
        return str(ip_address(value))
    except ValueError as exc:
        raise SettingsError(f"{key}: expected an IP address, got {value!r}") from exc


def _switch(environ: Mapping[str, str], key: str, *, default: bool) -> bool:
    value = environ.get(key) or ("on" if default else "off")
    if value not in ("on", "off"):
        raise SettingsError(f"{key}: expected on or off, got {value!r}")
    return value == "on"


def _choice(environ: Mapping[str, str], key: str, choices: tuple[str, ...]) -> str:
    value = environ.get(key) or choices[0]
    if value not in choices:
        raise SettingsError(f"{key}: expected {' or '.join(choices)}, got {value!r}")
    return value


def _queue(environ: Mapping[str, str], key: str) -> str | None:
    value = environ.get(key) or None
    if value is not None and not re.fullmatch(r"https?://[!-~]+/[A-Za-z0-9_-]+(\.fifo)?", value):
        raise SettingsError(f"{key}: expected a queue's URL, got {value!r}")
    return value


def _names(environ: Mapping[str, str], key: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in environ.get(key, "").split(",") if name.strip())
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
            raise SettingsError(f"{key}: expected names separated by commas, got {name!r}")
    return names


def _path(environ: Mapping[str, str], key: str) -> str:
    value = environ.get(key, "").rstrip("/")
    if value and not re.fullmatch(r"(/[A-Za-z0-9_.~-]+)+", value):
        raise SettingsError(f"{key}: expected a path such as /ml, got {value!r}")
    return value


def _name(environ: Mapping[str, str], key: str) -> str | None:
    names = _names(environ, key)
    if len(names) > 1:
        raise SettingsError(f"{key}: expected one name, got {environ[key]!r}")
    return names[0] if names else None


def _object_places(environ: Mapping[str, str]) -> tuple[str, str, str | None]:
    """Read where objects come from and where their results go, which must not be one place."""
    places = _prefix(environ, "LAMBAKE_INPUT_PREFIX", "in/")
    results = _prefix(environ, "LAMBAKE_OUTPUT_PREFIX", "out/")
    bucket = environ.get("LAMBAKE_OUTPUT_BUCKET") or None
    if bucket is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}", bucket):
        raise SettingsError(f"LAMBAKE_OUTPUT_BUCKET: expected a bucket's name, got {bucket!r}")
    if bucket is None and (places.startswith(results) or results.startswith(places)):
        raise SettingsError(
            "LAMBAKE_OUTPUT_PREFIX: expected one apart from LAMBAKE_INPUT_PREFIX, since a result "
            f"below it would be predicted again, got {results or '/'!r} and {places or '/'!r}"
        )
    return places, results, bucket


def _prefix(environ: Mapping[str, str], key: str, default: str) -> str:
    value = environ.get(key) or default
    if value == "/":
        return ""
    if not re.fullmatch(r"([A-Za-z0-9_.=-]+/)+", value):
        raise SettingsError(f"{key}: expected a prefix such as {default}, got {value!r}")
    return value
