"""A plan as Terraform writes it in JSON: what it makes, and how to spoil it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One thing that the plan makes.

    Args:
        values: what is known before it is made.
        unknown: the same shape, True where only the cloud knows.
    """

    address: str
    kind: str
    values: dict[str, Any]
    unknown: dict[str, Any]

    def given(self, key: str) -> bool:
        """Whether a key has a value, or will have one."""
        return bool(self.values.get(key)) or self.unknown.get(key) is True

    def block(self, key: str) -> dict[str, Any]:
        """Return the one block of a name; empty where there is none."""
        blocks = self.values.get(key) or [{}]
        return dict(blocks[0])

    def json(self, key: str) -> Any:
        """Read a value that is JSON; an empty object where it is not known."""
        return json.loads(self.values.get(key) or "{}")


@dataclass(frozen=True)
class Plan:
    """All things that a plan makes."""

    resources: tuple[Resource, ...]

    @classmethod
    def from_json(cls, plan: dict[str, Any]) -> Plan:
        """Read `terraform show -json`."""
        return cls(
            tuple(
                Resource(
                    one["address"],
                    one["type"],
                    one["change"]["after"],
                    one["change"].get("after_unknown") or {},
                )
                for one in plan["resource_changes"]
                if one["mode"] == "managed" and one["change"]["after"] is not None
            )
        )

    def all(self, kind: str) -> list[Resource]:
        """List the resources of a kind, the provider's prefix left out."""
        return [one for one in self.resources if one.kind == f"aws_{kind}"]

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each statement of each policy that is known, with the address of its resource."""
        for one in self.resources:
            for key in ("policy", "assume_role_policy"):
                if isinstance(one.values.get(key), str) and "Statement" in one.values[key]:
                    for statement in one.json(key)["Statement"]:
                        yield one.address, statement


Fault = dict[str, Any] | None
"""
What is wrong with a resource: values by path, or None where it is missing.

A path is keys and positions with dots between; "+" adds to a list. A text on the way is read as
JSON and written back.
"""


def spoiled(plan: dict[str, Any], address: str, fault: Fault) -> dict[str, Any]:
    """Return a copy of a plan with a fault in one resource."""
    spoilt = copy.deepcopy(plan)
    (index,) = (i for i, one in enumerate(plan["resource_changes"]) if one["address"] == address)
    if fault is None:
        del spoilt["resource_changes"][index]
    else:
        for path, value in fault.items():
            _put(spoilt["resource_changes"][index]["change"]["after"], path.split("."), value)
    return spoilt


def _put(place: Any, keys: list[str], value: Any) -> None:
    key: Any = int(keys[0]) if isinstance(place, list) and keys[0] != "+" else keys[0]
    if key == "+" and isinstance(place, list):
        place.append(value)
    elif len(keys) == 1:
        place[key] = value
    elif isinstance(place[key], str):
        inner = json.loads(place[key])
        _put(inner, keys[1:], value)
        place[key] = json.dumps(inner)
    else:
        _put(place[key], keys[1:], value)
