"""`lambake rollback`: the traffic to the version before."""

from __future__ import annotations

from infra.cli.exits import DONE, FAILED
from infra.cli.flags import Commands, add_command
from infra.cli.stage import StageOptions, say, stage_of


def add(commands: Commands) -> None:
    """Add it to the command line."""
    add_command(
        commands, "rollback", "give the traffic back to the version before", StageOptions, run,
        needs="image", failed=FAILED,
        stands="lambake status shows which version has the traffic",
    )  # fmt: skip


def run(options: StageOptions) -> int:
    """Roll back, and try what is live then. Without Terraform: it is a matter of seconds."""
    from infra.release.smoke import smoke
    from infra.release.status import api_url
    from infra.release.traffic import roll_back

    with stage_of(options) as target:
        left, live = roll_back(target, say)
        say(f"version {left} → {live}")
        say(smoke(target, api_url(target)))
    return DONE
