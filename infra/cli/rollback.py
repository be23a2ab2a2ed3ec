"""`lambake rollback`: return the traffic to the previous version."""

from __future__ import annotations

from infra.cli.exits import DONE
from infra.cli.flags import About
from infra.cli.stage import StageOptions, say, stage_of

ABOUT = About(
    "return the traffic to the previous version",
    StageOptions, stands="lambake status shows which version has the traffic",
)  # fmt: skip


def run(options: StageOptions) -> int:
    """Roll back, then try what is live. Without Terraform: a rollback takes seconds."""
    from infra.release.smoke import smoke
    from infra.release.status import api_url
    from infra.release.traffic import roll_back

    with stage_of(options) as target:
        left, live = roll_back(target, say)
        say(f"version {left} → {live}")
        say(smoke(target, api_url(target)))
    return DONE
