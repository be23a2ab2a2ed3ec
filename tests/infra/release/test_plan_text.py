"""A plan as people read it."""

from __future__ import annotations

from typing import Any

from infra.release.plan_text import changes_of, plan_lines


def change(address: str, *actions: str, mode: str = "managed", **more: Any) -> dict[str, Any]:
    """Spell one change of Terraform's JSON."""
    return {"address": address, "mode": mode, "change": {"actions": list(actions), **more}}


def test_nothing() -> None:
    """No change is said so; what is only read is none."""
    plan = {"resource_changes": [change("a", "no-op"), change("data.b", "read", mode="data")]}
    assert plan_lines(plan) == ["no changes"]
    assert plan_lines({}) == ["no changes"]


def test_all_kinds() -> None:
    """A line a resource, the settings that change below it, and the sums."""
    digests = [f"registry/lambake-dev-{'x' * 50}@sha256:{letter * 64}" for letter in "ab"]
    plan = {
        "resource_changes": [
            change("new", "create", after={"a": 1}),
            change("gone", "delete", before={"a": 1}),
            change(
                "changed",
                "update",
                before={"a": 1, "b": "", "same": 1, "image": digests[0], "id": "1", "v": "1"},
                after={"a": 2, "b": "x", "same": 1, "image": digests[1]},
                after_unknown={"v": True, "id": True, "none": True},
            ),
            change("replaced", "delete", "create", before={"name": "a"}, after={"name": "b"}),
            change("hidden", "update", before={"p": "x"}, after={"p": "y"},
                   after_sensitive={"p": True}),
        ]
    }  # fmt: skip
    assert plan_lines(plan) == [
        "  + new",
        "  - gone",
        "  ~ changed",
        "      a: 1 → 2",
        "      b: nothing → x",
        f"      image: …@sha256:{'a' * 50}… → …@sha256:{'b' * 50}…",
        "      v: 1 → known after apply",
        "  ~ hidden",
        "      p: (a secret)",
        "  ± replaced",
        "      name: a → b",
        "1 to make, 2 to change, 1 to remove, 1 to replace",
    ]


def test_long_values_from_where_they_differ() -> None:
    """Policies are cut at both ends, so that the difference is on the screen."""
    before, after = "{" + "a" * 100 + "1" + "b" * 9, "{" + "a" * 100 + "2" + "b" * 9
    lines = plan_lines(
        {"resource_changes": [change("x", "update", before={"p": before}, after={"p": after})]}
    )
    assert lines[1] == f"      p: …{'a' * 8}1{'b' * 9} → …{'a' * 8}2{'b' * 9}"


def test_a_warning() -> None:
    """It stands where one is asked, and not only once it is too late."""
    outputs = {"warnings": {"sensitive": False, "value": ["THE API IS OPEN"]}}
    plan = {
        "resource_changes": [change("a", "create", after={})],
        "planned_values": {"outputs": outputs},
    }
    assert plan_lines(plan) == ["  + a", "1 to make", "!! THE API IS OPEN"]


def test_changes() -> None:
    """Mark, address, and Terraform's own words."""
    plan = {"resource_changes": [change("a", "create", after={})]}
    assert changes_of(plan) == [("+", "a", {"actions": ["create"], "after": {}})]
