"""A function's settings: moto's are converted to the emulator's, and checked.

moto accepts any. Here a function is refused at creation if Lambda would refuse it, or if the
emulator lacks what it asks for. A change that is refused has no effect.
"""

from __future__ import annotations

import contextlib
import copy
import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, Final

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import ImageConfig, LambdaFunction

from infra.cloud.event_configs import events_of
from infra.cloud.replaced import replaced
from infra.local.invoke.destinations import deliverer
from infra.settings.errors import ConfigError
from infra.settings.function import FunctionConfig
from infra.settings.limits import LATEST

# moto's functions accept these, and never report them.
_KEPT: Final = ("DeadLetterConfig", "LoggingConfig", "SnapStart")
_ONLY_ON_AWS: Final = ("CapacityProviderConfig", "DurableConfig", "FileSystemConfigs", "Layers")
_RUNTIMES: Final = tuple(f"python3.{minor}" for minor in range(9, 15))
_PARAMETERS: Final = {
    "environment": "Environment.Variables",
    "events": "DestinationConfig or DeadLetterConfig",
    "memory_mb": "MemorySize",
    "timeout_s": "Timeout",
    "tmp_mb": "EphemeralStorage.Size",
}

_make = LambdaFunction.__init__
_update = LambdaFunction.update_configuration
_tell = LambdaFunction.get_configuration


@contextlib.contextmanager
def settings_checked() -> Iterator[None]:
    """Check, keep and report functions' settings while the block runs."""
    with replaced(
        (LambdaFunction, "__init__", _make_function),
        (LambdaFunction, "update_configuration", _update_function),
        (LambdaFunction, "get_configuration", _tell_function),
    ):
        yield


def emulated(function: Any, qualifier: str | None = None) -> dict[str, Any]:
    """Return the emulator's settings for one of moto's functions, all but its code."""
    kept = function.kept
    logging = kept.get("LoggingConfig", {})
    reserved = function.reserved_concurrency
    letters = kept.get("DeadLetterConfig", {}).get("TargetArn")
    return {
        "name": function.function_name,
        "memory_mb": int(function.memory_size),
        "timeout_s": float(function.timeout),
        "tmp_mb": int(function.ephemeral_storage),
        "region": function.region,
        "account_id": function.account_id,
        "reserved_concurrency": None if reserved is None else int(reserved),
        "environment": function.environment_vars,
        "version": str(function.version),
        "log_format": logging.get("LogFormat", "Text"),
        "log_level": logging.get("ApplicationLogLevel"),
        "events": {**events_of(function, qualifier), "dead_letter": letters or None},
    }


def refuse(expected: str) -> InvalidParameterValueException:
    """Return the error for a setting that is not obeyed."""
    return InvalidParameterValueException(f"The simulated cloud expected {expected}.")


def check(function: Any, qualifier: str | None = None) -> None:
    """Refuse settings that the emulator refuses, by the names of Lambda's parameters."""
    try:
        deliverer(FunctionConfig(handler="any.handler", **emulated(function, qualifier)))
    except ConfigError as error:
        where, _, rest = str(error).partition(":")
        key, _, below = where.partition(".")
        named = ".".join([_PARAMETERS.get(key, key), *([below] if below else [])])
        raise InvalidParameterValueException(f"{named}:{rest}") from error


def _check_all(function: Any, asked_for: Mapping[str, Any]) -> None:
    taken = [key for key in _ONLY_ON_AWS if asked_for.get(key)]
    if taken:
        raise refuse(f"no {', '.join(taken)}: only Lambda has that")
    image = function.image_config
    if image.entry_point or image.working_directory:
        raise refuse("an ImageConfig of Command only")
    logging = function.kept.get("LoggingConfig", {})
    group = f"/aws/lambda/{function.function_name}"
    if logging.get("LogGroup", group) != group or logging.get("SystemLogLevel", "INFO") != "INFO":
        raise refuse(f"LoggingConfig with {group} and SystemLogLevel INFO")
    if function.package_type != "Image":
        if function.run_time not in _RUNTIMES:
            raise refuse(f"Runtime to be one of {', '.join(_RUNTIMES)}, got {function.run_time}")
        if not zipfile.is_zipfile(io.BytesIO(function.code_bytes)):
            raise refuse("Code to be a zip file")
    check(function)


def _make_function(
    self: Any, account_id: str, spec: dict[str, Any], *more: Any, **options: Any
) -> None:
    self.kept = _kept(spec)
    _make(self, account_id, {**spec, "Layers": []}, *more, **options)
    _check_all(self, spec)


def _update_function(self: Any, config_updates: dict[str, Any]) -> Any:
    trial = copy.copy(self)
    _change(trial, config_updates)
    _check_all(trial, config_updates)
    return _change(self, config_updates)


def _change(function: Any, updates: dict[str, Any]) -> Any:
    function.kept = {**function.kept, **_kept(updates)}
    # Three that moto takes and forgets.
    if "EphemeralStorage" in updates:
        function.ephemeral_storage = updates["EphemeralStorage"]["Size"]
    if "ImageConfig" in updates:
        function.image_config = ImageConfig(updates["ImageConfig"])
    if "TracingConfig" in updates:
        function.tracing_config = updates["TracingConfig"]
    return _update(function, updates)


def _kept(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in _KEPT if settings.get(key)}


def _tell_function(self: Any, *more: Any, **options: Any) -> dict[str, Any]:
    kept = dict(self.kept)
    if "SnapStart" in kept:
        published = str(self.version) != LATEST
        status = {"OptimizationStatus": "On" if published else "Off"}
        kept["SnapStart"] = {**kept["SnapStart"], **status}
    return {**_tell(self, *more, **options), **kept}
