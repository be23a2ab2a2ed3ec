"""A new version's share of the traffic over time: canary, linear, all at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shift:
    """Traffic moves by `step` at once, then every `every_s`; a canary's second step is the rest."""

    step: float = 1.0  # share, 0 to 1
    every_s: float = 0.0
    canary: bool = True


def weight_at(shift: Shift, elapsed_s: float) -> float:
    """Return the new version's share of the traffic, 0 to 1, `elapsed_s` after the shift began."""
    if shift.step >= 1.0 or shift.every_s <= 0.0:
        return 1.0
    steps = 1 + int(elapsed_s // shift.every_s)
    if shift.canary:
        return shift.step if steps == 1 else 1.0
    return min(1.0, round(shift.step * steps, 6))


_PREDEFINED = re.compile(
    r"CodeDeployDefault\.Lambda(?:"
    r"(?P<all>AllAtOnce)"
    r"|Canary(?P<canary>\d+)Percent(?P<after>\d+)Minutes"
    r"|Linear(?P<linear>\d+)PercentEvery(?P<every>\d+)Minutes?)"
)


def predefined_shift(name: str) -> Shift | None:
    """Return the shift of a deployment configuration that AWS predefines, by its name."""
    found = _PREDEFINED.fullmatch(name)
    if found is None:
        return None
    if found["all"]:
        return Shift()
    percent = int(found["canary"] or found["linear"])
    minutes = int(found["after"] or found["every"])
    return Shift(percent / 100, minutes * 60.0, canary=found["canary"] is not None)


def shift_of(routing: Mapping[str, Any]) -> Shift:
    """Parse a TrafficRoutingConfig of CreateDeploymentConfig."""
    canary, linear = routing.get("timeBasedCanary"), routing.get("timeBasedLinear")
    if canary:
        return Shift(canary["canaryPercentage"] / 100, canary["canaryInterval"] * 60.0)
    if linear:
        minutes = linear["linearInterval"]
        return Shift(linear["linearPercentage"] / 100, minutes * 60.0, canary=False)
    return Shift()
