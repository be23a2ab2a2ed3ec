"""The function's settings: read once from the environment, frozen, passed down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final

from function.limits import MAX_EVENT_BYTES, MEBIBYTE

ZOO: Final = Path(__file__).parent.parent / "model" / "zoo"
PROTOCOLS: Final = ("open-inference", "tf-serving", "sagemaker", "mlflow")
"""The files of function/protocols beside the native one, as LAMBAKE_PROTOCOLS names them."""

QUEUE: Final = r"https?://[!-~]+/[A-Za-z0-9_-]+(\.fifo)?"
ORIGIN: Final = r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"
"""As browsers spell it: in lower case, without a path."""

BUCKET: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}"
"""Wider than for new buckets: those of before 2018 may have capitals and 255 characters."""


class SettingsError(Exception):
    """A setting that cannot be used: names the key, the value and the expected form."""


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
        int,
        "LAMBAKE_MAX_PIXELS",
        "The most pixels one picture may have, width times height; four times as many in a JPEG "
        "that is decoded at a smaller scale.",
    ]
    max_body_bytes: Annotated[
        int,
        "LAMBAKE_MAX_BODY_BYTES",
        "The most bytes one request's body may have, once decoded; Lambda itself takes 6 MB, "
        "about 4.5 MB of binary data.",
    ]
    base_path: Annotated[
        str,
        "LAMBAKE_BASE_PATH",
        "Path before every route, as a custom domain's mapping adds it: `/ml`.",
    ]
    protocols: Annotated[
        tuple[str, ...],
        "LAMBAKE_PROTOCOLS",
        "Protocols beside `/models`, separated by commas: `open-inference`, `tf-serving`, "
        "`sagemaker`, `mlflow`; or `none`.",
    ]
    cors_origins: Annotated[
        tuple[str, ...],
        "LAMBAKE_CORS_ORIGINS",
        "Other sites whose pages may call, separated by commas: `https://app.example.com`; "
        "`*`: all.",
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
        """Read the settings; a key that is absent or empty takes its default.

        Raises:
            SettingsError: a value that is malformed.
        """
        read = _Environment(environ)
        in_lambda = bool(environ.get("AWS_LAMBDA_FUNCTION_NAME"))
        settings = cls(
            zoo=Path(environ.get("LAMBAKE_ZOO") or ZOO),
            models=read.names("LAMBAKE_MODELS"),
            max_pixels=read.number("LAMBAKE_MAX_PIXELS", 4096 * 4096),
            max_body_bytes=read.number("LAMBAKE_MAX_BODY_BYTES", MAX_EVENT_BYTES),
            base_path=read.path("LAMBAKE_BASE_PATH"),
            protocols=read.some("LAMBAKE_PROTOCOLS", PROTOCOLS),
            cors_origins=read.origins("LAMBAKE_CORS_ORIGINS"),
            docs=read.switch("LAMBAKE_DOCS", default=True),
            preload_http=read.switch("LAMBAKE_PRELOAD_HTTP", default=True),
            metrics=read.switch("LAMBAKE_METRICS", default=in_lambda),
            # Source: CloudWatch, PutMetricData: no colon first, and AWS/ is Amazon's own.
            metrics_namespace=read.text(
                "LAMBAKE_METRICS_NAMESPACE",
                r"(?!AWS/)[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254}",
                "letters, digits and ._/#:-",
                default="Lambake",
            ),
            port=read.port("PORT", 5000),
            host=read.address("LAMBAKE_HOST", "0.0.0.0"),  # noqa: S104 -- as Cloud Run asks
            input_prefix=read.prefix("LAMBAKE_INPUT_PREFIX", "in/"),
            output_prefix=read.prefix("LAMBAKE_OUTPUT_PREFIX", "out/"),
            output_bucket=read.text("LAMBAKE_OUTPUT_BUCKET", BUCKET, "a bucket's name") or None,
            object_model=read.name("LAMBAKE_OBJECT_MODEL"),
            max_object_bytes=read.number("LAMBAKE_MAX_OBJECT_BYTES", 256 * MEBIBYTE),
            results_queue=read.text("LAMBAKE_RESULTS_QUEUE", QUEUE, "a queue's URL") or None,
            permanent_failures=read.choice("LAMBAKE_PERMANENT_FAILURES", "dead-letter", "result"),
        )
        _require_apart(settings)
        return settings


def _require_apart(settings: Settings) -> None:
    """Refuse to write results where objects are read, since they would be predicted again."""
    places, results = settings.input_prefix, settings.output_prefix
    if not settings.output_bucket and (places.startswith(results) or results.startswith(places)):
        raise SettingsError(
            "LAMBAKE_OUTPUT_PREFIX: expected one apart from LAMBAKE_INPUT_PREFIX, since a result "
            f"below it would be predicted again, got {results or '/'!r} and {places or '/'!r}"
        )


class _Environment:
    """Reads variables, each by the form that it must have."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, key: str, form: str, expected: str, *, default: str = "") -> str:
        value = self._environ.get(key) or default
        if value and not re.fullmatch(form, value):
            raise SettingsError(f"{key}: expected {expected}, got {value!r}")
        return value

    def number(self, key: str, default: int) -> int:
        form, expected = r"(?=0*[1-9])[0-9]{1,15}", "a whole number from 1"
        return int(self.text(key, form, expected, default=str(default)))

    def port(self, key: str, default: int) -> int:
        expected = "a port from 0 to 65535"
        value = self.text(key, r"[0-9]{1,5}", expected, default=str(default))
        if int(value) > 65535:
            raise SettingsError(f"{key}: expected {expected}, got {value!r}")
        return int(value)

    def address(self, key: str, default: str) -> str:
        value = self._environ.get(key) or default
        try:
            return str(ip_address(value))
        except ValueError as exc:
            raise SettingsError(f"{key}: expected an IP address, got {value!r}") from exc

    def choice(self, key: str, default: str, *others: str) -> str:
        choices = (default, *others)
        return self.text(key, "|".join(choices), " or ".join(choices), default=default)

    def switch(self, key: str, *, default: bool) -> bool:
        value = self.text(key, "on|off", "on or off", default="on" if default else "off")
        return value == "on"

    def names(self, key: str) -> tuple[str, ...]:
        names = tuple(filter(None, map(str.strip, self._environ.get(key, "").split(","))))
        for name in names:
            if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
                raise SettingsError(f"{key}: expected names separated by commas, got {name!r}")
        return names

    def origins(self, key: str) -> tuple[str, ...]:
        form = rf"\*|{ORIGIN}(\s*,\s*{ORIGIN})*"
        expected = "origins such as https://app.example.com, separated by commas, or *"
        value = self.text(key, form, expected)
        return tuple(re.split(r"\s*,\s*", value)) if value else ()

    def some(self, key: str, choices: tuple[str, ...]) -> tuple[str, ...]:
        names = self.names(key)
        if names == ("none",):
            return ()
        for name in names:
            if name not in choices:
                expected = f"names of {', '.join(choices)}, or none"
                raise SettingsError(f"{key}: expected {expected}, got {name!r}")
        return tuple(name for name in choices if name in names or not names)

    def name(self, key: str) -> str | None:
        names = self.names(key)
        if len(names) > 1:
            raise SettingsError(f"{key}: expected one name, got {self._environ[key]!r}")
        return names[0] if names else None

    def path(self, key: str) -> str:
        form = r"(/[A-Za-z0-9_.~-]+)*/*"
        return self.text(key, form, "a path such as /ml").rstrip("/")

    def prefix(self, key: str, default: str) -> str:
        form = r"/|([A-Za-z0-9_.=-]+/)+"
        value = self.text(key, form, f"a prefix such as {default}", default=default)
        return "" if value == "/" else value
