"""`lambake status`: what is deployed in the cloud."""

from __future__ import annotations

from infra.cli.exits import DONE
from infra.cli.flags import About
from infra.cli.stage import StageOptions, say, stage_of, terraform_of

ABOUT = About("show what is deployed in the cloud", StageOptions, needs="image")


def run(options: StageOptions) -> int:
    """Show what is deployed, and how to call it."""
    from infra.release.status import outputs_of, status_lines

    with stage_of(options) as target:
        for line in status_lines(target, outputs_of(target, terraform_of(target))):
            say(line)
    return DONE
