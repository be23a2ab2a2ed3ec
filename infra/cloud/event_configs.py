"""What becomes of asynchronous invocations, for each version and alias of a function.

moto keeps one configuration for all of them, and the older of two.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, UnknownEventConfig
from moto.awslambda.models import EventInvokeConfig
from moto.awslambda.responses import LambdaResponse

from infra.cloud.replaced import replaced
from infra.cloud.versions import asked_for
from infra.local.invoke.destinations import deliverer
from infra.settings.errors import ConfigError
from infra.settings.function import EventConfig, FunctionConfig
from infra.settings.limits import LATEST


@contextlib.contextmanager
def event_configs_kept() -> Iterator[None]:
    """Keep and report them while the block runs."""
    with replaced(
        (LambdaResponse, "put_function_event_invoke_config", _put),
        (LambdaResponse, "update_function_event_invoke_config", _change),
        (LambdaResponse, "get_function_event_invoke_config", _get),
        (LambdaResponse, "delete_function_event_invoke_config", _delete),
        (LambdaResponse, "list_function_event_invoke_configs", _list),
    ):
        yield


def events_of(function: Any, qualifier: str | None) -> dict[str, Any]:
    """Return the emulator's settings (of EventConfig) for one of moto's functions."""
    found = _configs(function).get(qualifier or LATEST)
    return _settings(found.config) if found else {}


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    targets = config.get("DestinationConfig") or {}
    told = {
        "retries": config.get("MaximumRetryAttempts"),
        "max_age_s": config.get("MaximumEventAgeInSeconds"),
        "on_success": targets.get("OnSuccess", {}).get("Destination"),
        "on_failure": targets.get("OnFailure", {}).get("Destination"),
    }
    return {key: setting for key, setting in told.items() if setting not in (None, "")}


def _configs(function: Any) -> dict[str, EventInvokeConfig]:
    """By version or alias; a function's versions share them, since moto copies it shallowly."""
    configs: dict[str, EventInvokeConfig] = function.__dict__.setdefault("event_configs", {})
    return configs


def _found(response: Any) -> tuple[Any, str]:
    """Return the function that a request names, and its version or alias."""
    name, asked = asked_for(response)
    qualifier = asked or LATEST
    response.backend.get_function(name, qualifier)  # or the error that there is none
    return response.backend.get_function(name), qualifier


def _put(self: Any) -> str:
    function, qualifier = _found(self)
    return _keep(function, qualifier, self.json_body)


def _config(function: Any, qualifier: str) -> EventInvokeConfig:
    """Return what is configured, or the error that nothing is."""
    found = _configs(function).get(qualifier)
    if found is None:
        raise UnknownEventConfig(_arn(function, qualifier))
    return found


def _change(self: Any) -> str:
    function, qualifier = _found(self)
    before = _config(function, qualifier)
    return _keep(function, qualifier, {**before.config, **self.json_body})


def _keep(function: Any, qualifier: str, config: dict[str, Any]) -> str:
    made = EventInvokeConfig(_arn(function, qualifier), time.time(), config)
    try:
        events = EventConfig(**_settings(config))
        deliverer(FunctionConfig(handler="any.handler", events=events))
    except ConfigError as error:
        raise InvalidParameterValueException(str(error)) from error
    _configs(function)[qualifier] = made
    return json.dumps(made.response())


def _get(self: Any) -> str:
    return json.dumps(_config(*_found(self)).response())


def _delete(self: Any) -> tuple[int, dict[str, Any], str]:
    function, qualifier = _found(self)
    _config(function, qualifier)
    del _configs(function)[qualifier]
    return 204, {"status": 204}, ""


def _list(self: Any) -> str:
    function, _ = _found(self)
    told = [config.response() for config in _configs(function).values()]
    return json.dumps({"FunctionEventInvokeConfigs": told})


def _arn(function: Any, qualifier: str) -> str:
    return f"{function.function_arn}:{qualifier}"
