"""What the emulator knows about the function: one frozen object, read once from function.yaml."""

from __future__ import annotations

import dataclasses
import mimetypes
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from infra.local import contract
from infra.local.errors import ConfigError

FRONTS = ("http_api", "http_api_v1", "rest_api", "alb", "alb_multi", "function_url")
LOG_FORMATS = ("Text", "JSON")
SHUTDOWNS = ("none", "internal", "external")

# Read by Terraform and by the release, not by the emulator.
FOREIGN_KEYS = frozenset({"aws"})

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class EventConfig:
    """Say what becomes of asynchronous (Event) invocations."""

    retries: int = contract.EVENT_RETRIES_LIMIT
    max_age_s: int = contract.EVENT_AGE_LIMIT_S
    on_success: str | None = None  # ARN of a queue, topic, function or event bus
    on_failure: str | None = None
    dead_letter: str | None = None  # ARN of a queue or topic

    def __post_init__(self) -> None:
        _within("events.retries", self.retries, 0, contract.EVENT_RETRIES_LIMIT)
        _within(
            "events.max_age_s",
            self.max_age_s,
            contract.EVENT_AGE_MINIMUM_S,
            contract.EVENT_AGE_LIMIT_S,
        )


@dataclass(frozen=True)
class Sample:
    """Name one request worth showing: a file's bytes, posted as they are to a path of the front."""

    path: str
    file: Path
    content_type: str | None = None  # None: by the file's name

    @property
    def media_type(self) -> str:
        """Give what to send it as."""
        guessed = self.content_type or mimetypes.guess_type(self.file.name)[0]
        return guessed or "application/octet-stream"

    def read(self) -> bytes:
        """
        Read the file.

        Raises:
            ConfigError: it cannot be read.
        """
        try:
            return self.file.read_bytes()
        except OSError as exc:
            raise ConfigError("sample.file", "a readable file", str(self.file)) from exc


@dataclass(frozen=True)
class FunctionConfig:
    """
    Describe one function and the place it runs in. Sizes are MiB where the name says mb, as AWS
    counts.
    """

    handler: str
    root: Path = field(default_factory=Path.cwd)
    name: str = "function"
    python: str = sys.executable
    image: str | None = None  # a container image that docker or podman has: then no root, no python
    memory_mb: int = 512
    # The service takes whole seconds; fractions are allowed here, so that tests need not wait.
    timeout_s: float = 30.0
    init_limit_s: float = contract.INIT_LIMIT_S
    concurrency: int = 4  # most environments on this machine, as the account's limit would be
    reserved_concurrency: int | None = None
    provisioned_concurrency: int = 0  # environments started before the first call
    environment: Mapping[str, str] = field(default_factory=dict)
    front: str = "http_api"
    front_options: Mapping[str, object] = field(default_factory=dict)
    region: str = "us-east-1"
    account_id: str = "123456789012"
    aliases: Mapping[str, str] = field(default_factory=dict)  # alias or version -> version
    version: str = contract.LATEST  # what the environments say they are; one process serves all
    log_format: str = "Text"
    log_level: str | None = None
    idle_s: float = 300.0  # an environment unused for so long is ended; the service does not say
    snap_start: bool = False
    shutdown: str = "none"  # as if no extension, an internal or an external one were registered
    isolated: bool = False  # read-only root, own /tmp, no /dev/shm: Linux with namespaces only
    tmp_mb: int = contract.TMP_MINIMUM_MB
    events: EventConfig = field(default_factory=lambda: EventConfig())
    aws_endpoint: str | None = None  # where destinations are delivered, e.g. a moto server
    sample: Sample | None = None

    def __post_init__(self) -> None:
        _check(self)

    @property
    def arn(self) -> str:
        """Give the function's ARN, without a qualifier."""
        return f"arn:aws:lambda:{self.region}:{self.account_id}:function:{self.name}"

    @property
    def limit(self) -> int:
        """Give how many invocations may be under way at once."""
        if self.reserved_concurrency is None:
            return self.concurrency
        return min(self.concurrency, self.reserved_concurrency)

    def version_of(self, qualifier: str | None) -> str | None:
        """Give the version that a qualifier stands for, or None if there is no such qualifier."""
        if qualifier is None or qualifier == contract.LATEST:
            return contract.LATEST
        return self.aliases.get(qualifier)

    def replace(self, **changes: Any) -> Self:
        """Give a copy with some settings changed, checked again."""
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_yaml(cls, path: Path) -> Self:
        """
        Read function.yaml. Relative paths in it start at its own folder.

        Raises:
            ConfigError: a key is unknown, missing or of the wrong kind; the file is no YAML
            mapping.
        """
        try:
            loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as exc:
            raise ConfigError(str(path), "a readable file", exc.strerror) from exc
        except yaml.YAMLError as exc:
            raise ConfigError(str(path), "YAML", str(exc).replace("\n", " ")) from exc
        if not isinstance(loaded, dict):
            raise ConfigError(str(path), "a mapping of settings", type(loaded).__name__)
        return cls(**_settings(loaded, base=path.parent))


def _settings(loaded: Mapping[str, object], *, base: Path) -> dict[str, Any]:
    known = {f.name for f in dataclasses.fields(FunctionConfig)}
    settings: dict[str, Any] = {}
    for key, value in loaded.items():
        if key in FOREIGN_KEYS:
            continue
        if key not in known:
            raise ConfigError(str(key), f"one of {', '.join(sorted(known))}", "an unknown key")
        settings[key] = _READERS.get(key, _as_it_is)(key, value, base)
    if "handler" not in settings:
        raise ConfigError("handler", "a dotted name like app.handler", None)
    return settings


def _as_it_is(_key: str, value: object, _base: Path) -> object:
    return value


def _path(key: str, value: object, base: Path) -> Path:
    if not isinstance(value, str):
        raise ConfigError(key, "a path", value)
    return (base / value).resolve()


def _mapping(key: str, value: object, _base: Path) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(key, "a mapping", value)
    return dict(value)


def _variables(key: str, value: object, _base: Path) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(key, "a mapping of names to strings", value)
    for name, text in value.items():
        if not isinstance(text, str):
            raise ConfigError(f"{key}.{name}", "a string (quote numbers and booleans)", text)
    return dict(value)


def _nested(kind: type[EventConfig]) -> Callable[[str, object, Path], EventConfig]:
    def read(key: str, value: object, _base: Path) -> EventConfig:
        known = {f.name for f in dataclasses.fields(kind)}
        if not isinstance(value, dict) or not set(value) <= known:
            raise ConfigError(key, f"a mapping with keys of {', '.join(sorted(known))}", value)
        return kind(**value)

    return read


def sample_of(key: str, value: object, base: Path) -> Sample:
    if not isinstance(value, dict) or not {"path", "file"} <= set(value):
        raise ConfigError(key, "a mapping with path and file", value)
    return Sample(
        path=str(value["path"]),
        file=_path(f"{key}.file", value["file"], base),
        content_type=value.get("content_type"),
    )


_READERS: dict[str, Callable[[str, object, Path], object]] = {
    "root": _path,
    "environment": _variables,
    "front_options": _mapping,
    "aliases": _variables,
    "events": _nested(EventConfig),
    "sample": sample_of,
}


def _check(config: FunctionConfig) -> None:
    """Refuse what the service would refuse when the function is created."""
    if not isinstance(config.name, str) or not _NAME.fullmatch(config.name):
        raise ConfigError("name", "1 to 64 letters, digits, hyphens or underscores", config.name)
    if not isinstance(config.handler, str) or not config.handler:
        raise ConfigError("handler", "a dotted name like app.handler", config.handler)
    if not re.fullmatch(r"\d{12}", str(config.account_id)):
        raise ConfigError("account_id", "12 digits in quotes", config.account_id)
    _within("memory_mb", config.memory_mb, contract.MEMORY_MINIMUM_MB, contract.MEMORY_LIMIT_MB)
    _within("tmp_mb", config.tmp_mb, contract.TMP_MINIMUM_MB, contract.TMP_LIMIT_MB)
    _within("timeout_s", config.timeout_s, 0.05, contract.TIMEOUT_LIMIT_S, whole=False)
    _within("init_limit_s", config.init_limit_s, 0.05, contract.TIMEOUT_LIMIT_S, whole=False)
    _within("idle_s", config.idle_s, 0.05, 86_400, whole=False)
    _within("concurrency", config.concurrency, 1, 1_000)
    if config.reserved_concurrency is not None:
        _within("reserved_concurrency", config.reserved_concurrency, 0, 1_000)
    _within("provisioned_concurrency", config.provisioned_concurrency, 0, config.limit)
    _one_of("front", config.front, FRONTS)
    _one_of("log_format", config.log_format, LOG_FORMATS)
    _one_of("shutdown", config.shutdown, SHUTDOWNS)
    if config.image is not None and (config.isolated or config.snap_start):
        key = "isolated" if config.isolated else "snap_start"
        raise ConfigError(key, "false where the function is an image", True)
    _check_variables(config.environment)


def _check_variables(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if name in contract.RESERVED_VARIABLES:
            raise ConfigError(
                f"environment.{name}", "a name that is not reserved", "a reserved one"
            )
        if not _VARIABLE.fullmatch(name) and name != "_LAMBDA_TELEMETRY_LOG_FD":
            raise ConfigError(
                f"environment.{name}", "a name of letters, digits and underscores", name
            )
        if "\0" in value:
            raise ConfigError(f"environment.{name}", "text without NUL", value)
    size = sum(len(name.encode()) + len(value.encode()) for name, value in environment.items())
    if size > contract.VARIABLES_LIMIT_BYTES:
        raise ConfigError(
            "environment", f"at most {contract.VARIABLES_LIMIT_BYTES} bytes", f"{size} bytes"
        )


def _within(key: str, value: object, lowest: float, highest: float, *, whole: bool = True) -> None:
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not lowest <= value <= highest:
        kind = "a whole number" if whole else "a number"
        raise ConfigError(key, f"{kind} from {lowest:g} to {highest:g}", value)


def _one_of(key: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(key, f"one of {', '.join(known)}", value)
