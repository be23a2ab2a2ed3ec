"""The revision of a Lambda deployment: its AppSpec file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import yaml


class RevisionError(Exception):
    """An AppSpec that cannot be deployed; says what was expected and what it got."""


@dataclass(frozen=True)
class Revision:
    """One function, its alias, and the versions that the traffic moves between."""

    function: str
    alias: str
    current_version: str
    target_version: str
    hooks: Mapping[str, str] = field(default_factory=dict)  # lifecycle event -> function

    @property
    def target_id(self) -> str:
        """The name of the deployment's one target, as in ListDeploymentTargets."""
        return f"{self.function}:{self.alias}"

    def reversed(self) -> Self:
        """Return the way back, without hooks."""
        return type(self)(self.function, self.alias, self.target_version, self.current_version)


_PROPERTIES = ("Name", "Alias", "CurrentVersion", "TargetVersion")


def revision_of(location: Mapping[str, Any]) -> Revision:
    """Parse a RevisionLocation with the AppSpec of one function, as JSON or YAML."""
    carried = location.get("appSpecContent") or location.get("string") or {}
    try:
        loaded = yaml.safe_load(carried.get("content") or "")
    except yaml.YAMLError as exc:
        raise RevisionError("appSpecContent: expected JSON or YAML, got neither") from exc
    resources = loaded.get("Resources") if isinstance(loaded, dict) else None
    if not isinstance(resources, list) or len(resources) != 1:
        raise RevisionError("Resources: expected a list of one function, got something else")
    (resource,) = next(iter(resources[0].items()))[1:] if resources[0] else (None,)
    if not isinstance(resource, dict) or resource.get("Type") != "AWS::Lambda::Function":
        raise RevisionError("Resources[0].Type: expected AWS::Lambda::Function, got another")
    properties = resource.get("Properties") or {}
    missing = [name for name in _PROPERTIES if not properties.get(name)]
    if missing:
        raise RevisionError(f"Properties: expected {', '.join(_PROPERTIES)}, got no {missing[0]}")
    hooks = {name: str(arn) for hook in loaded.get("Hooks") or [] for name, arn in hook.items()}
    function, alias, current, target = (str(properties[name]) for name in _PROPERTIES)
    return Revision(function, alias, current, target, hooks)
