"""`lambake plan`: what a deployment would change."""

from __future__ import annotations

from infra.cli.exits import DONE
from infra.cli.flags import About
from infra.cli.stage import StageOptions, stage_of

ABOUT = About(
    "show what a deployment would change in the cloud",
    StageOptions, stands="nothing was changed",
)  # fmt: skip


def run(options: StageOptions) -> int:
    """Show the plan, and change nothing."""
    from infra.cli.deploy import Options, job_of
    from infra.release.deploy import show_plan

    with stage_of(options) as target:
        show_plan(job_of(target, Options()))
    return DONE
