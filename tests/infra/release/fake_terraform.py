"""A program that answers as Terraform does, and keeps a state of three things: no cloud is touched.

A new digest makes the next version of the function. What it was asked stands in `commands`, beside
the folder that it runs in. It starts three hundred times: it imports next to nothing.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STATE, PLAN, COMMANDS = "fake.state", "release.tfplan", "../commands"


def main(command: str, *arguments: str) -> int:
    """Do as told."""
    with open(COMMANDS, "a") as log:
        log.write(" ".join([command, *arguments]) + "\n")
    state = read(STATE) if os.path.exists(STATE) else {}
    if command == "plan":
        write(PLAN, planned(state, arguments))
    elif command == "show":
        changes = read(PLAN)["changes"]
        tells = "create" if os.path.exists("../tells-more") else "no-op"
        told = {"api_url": {"actions": ["no-op"]}, "auth": {"actions": [tells]}}
        print(json.dumps({"resource_changes": changes, "output_changes": told}))
    elif command == "apply":
        plan = read(PLAN)
        write(STATE, plan["state"])
        for change in plan["changes"]:
            print(f"{change['address']}: Creation complete after 1s [id=1]")
    elif command == "output":
        print(json.dumps({name: {"value": value} for name, value in outputs(state).items()}))
    elif command == "state":
        print("\n".join(state.get("resources", [])))
    elif command == "destroy":
        write(STATE, {})
        print("aws_ecr_repository.images: Destruction complete after 1s")
    elif command == "fails":
        print("╷\n│ Error: no\n╵", file=sys.stderr)
        return 1
    return 0


def read(file: str) -> Any:
    """Read JSON."""
    with open(file) as content:
        return json.load(content)


def write(file: str, content: dict[str, Any]) -> None:
    """Write JSON."""
    with open(file, "w") as made:
        json.dump(content, made)


def planned(state: dict[str, Any], arguments: tuple[str, ...]) -> dict[str, Any]:
    """Say what would change."""
    given = dict(one.removeprefix("-var=").split("=", 1) for one in arguments if "-var=" in one)
    registry, function = "aws_ecr_repository.images", "aws_lambda_function.this"
    only = any(one.startswith("-target=") for one in arguments)
    after = {"resources": [registry], **state}
    if not only:
        after["resources"] = [registry, function]
        if given["image_digest"] != state.get("digest"):
            after |= {"digest": given["image_digest"], "version": state.get("version", 0) + 1}
    changes = [
        {"address": one, "mode": "managed", "change": {"actions": ["create"]}}
        for one in after["resources"]
        if one not in state.get("resources", [])
    ]
    if not changes and after != state:
        change = {"actions": ["update"], "before": state, "after": after}
        changes = [{"address": function, "mode": "managed", "change": change}]
    return {"changes": changes, "state": after}


def outputs(state: dict[str, Any]) -> dict[str, Any]:
    """Return what the release asks for; an apply of the registry alone gives nothing."""
    if "digest" not in state:
        return {}
    return {
        "repository_url": "123456789012.dkr.ecr.us-east-1.amazonaws.com/lambake",
        "auth": "iam",
        "api_url": "https://api.execute-api.us-east-1.amazonaws.com",
        "function": {
            "newest_version": str(state["version"]),
            "image": f"registry/lambake@{state['digest']}",
        },
        "release": {"hook_function": None, "alarms": []},
        "log_groups": {"function": "/aws/lambda/lambake", "hook": "/aws/lambda/lambake-hook"},
        "buckets": {},
        "queues": {},
        "bulk": "arn:bulk",
        "dashboard_url": "https://dashboard",
        "warnings": ["open"],
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
