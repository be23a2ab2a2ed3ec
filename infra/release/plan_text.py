"""A plan for people: which resources and which of their settings change."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

_MARKS = {
    ("create",): "+",
    ("update",): "~",
    ("delete",): "-",
    ("delete", "create"): "±",
    ("create", "delete"): "±",
}
_WORDS = {"+": "to make", "~": "to change", "-": "to remove", "±": "to replace"}
_LONGEST = 60
_LED_BY = 8


def changes_of(plan: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return the mark, address and description of each change in Terraform's JSON."""
    found = []
    for resource in plan.get("resource_changes", []):
        mark = _MARKS.get(tuple(resource["change"]["actions"]))
        if mark and resource.get("mode") != "data":
            found.append((mark, resource["address"], resource["change"]))
    return found


def outputs_change(plan: Mapping[str, Any]) -> bool:
    """Whether a plan changes an output."""
    outputs = plan.get("output_changes") or {}
    return any(change["actions"] != ["no-op"] for change in outputs.values())


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """Return a plan as lines: one per resource with its settings below, the sums, the warnings."""
    changes = changes_of(plan)
    if not changes:
        return ["no changes"]
    lines = []
    for mark, address, change in sorted(changes, key=lambda one: (one[0], one[1])):
        lines.append(f"  {mark} {address}")
        if mark in "~±":
            lines += [f"      {line}" for line in _settings(change)]
    marks = [mark for mark, _, _ in changes]
    sums = [f"{marks.count(mark)} {word}" for mark, word in _WORDS.items() if mark in marks]
    planned = plan.get("planned_values", {}).get("outputs", {})
    warnings = planned.get("warnings", {}).get("value") or []
    return [*lines, ", ".join(sums), *(f"!! {warning}" for warning in warnings)]


def _settings(change: Mapping[str, Any]) -> Iterator[str]:
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    secret = change.get("before_sensitive") or {}, change.get("after_sensitive") or {}
    for key in sorted({*before, *after, *unknown}):
        if unknown.get(key) is True:
            if before.get(key) is not None and key not in ("id", "arn"):
                yield f"{key}: {_short(before[key])} → known after apply"
        elif before.get(key) != after.get(key):
            if any(isinstance(part, dict) and part.get(key) is True for part in secret):
                yield f"{key}: (a secret)"
            else:
                yield f"{key}: {' → '.join(_apart(before.get(key), after.get(key)))}"


def _apart(before: object, after: object) -> tuple[str, str]:
    """Return two values as text; long ones start where they differ."""
    one, other = str(before), str(after)
    pairs = itertools.zip_longest(one, other)
    same = next((at for at, (ours, theirs) in enumerate(pairs) if ours != theirs), 0)
    if max(len(one), len(other)) <= _LONGEST or same <= _LED_BY:
        return _short(before), _short(after)
    start = same - _LED_BY
    return _short("…" + one[start:]), _short("…" + other[start:])


def _short(value: object) -> str:
    text = "nothing" if value in (None, "", [], {}) else str(value).replace("\n", " ")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
