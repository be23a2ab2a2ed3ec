"""`lambake logs`: the log of the function in the cloud."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from infra.cli.exits import DONE
from infra.cli.flags import About, flag, minutes
from infra.cli.stage import StageOptions, say, stage_of, terraform_of


@dataclass(frozen=True, kw_only=True)
class Options(StageOptions):
    """The flags of the command."""

    hook: bool = flag(False, "show the log of the pre-traffic hook instead")
    since: float = flag(
        10.0, "start this many minutes ago (%(default)g)", type=minutes, metavar="MINUTES"
    )
    follow: bool = flag(False, "go on until Ctrl-C")
    verbose: bool = flag(False, "on a terminal, show every line, not one for each invocation")


ABOUT = About(
    "show the log of the function in the cloud",
    Options, example="--stage prod --since 60 --follow",
)  # fmt: skip


def run(options: Options) -> int:
    """Show the log: one line for each invocation on a terminal, unchanged in a file."""
    from infra.cli.live_view import cloud_view, shown_text
    from infra.release.status import as_it_is, follow_logs, outputs_of

    view = shown_text if options.verbose else cloud_view
    view = view if sys.stdout.isatty() else as_it_is
    with stage_of(options) as target:
        groups = outputs_of(target, terraform_of(target))["log_groups"]
        group = groups["hook" if options.hook else "function"]
        since_s = options.since * 60
        if not follow_logs(target, group, say, since_s=since_s, follow=options.follow, view=view):
            told = f"no line in {group} for {options.since:g} minutes: --since looks further back"
            sys.stderr.write(f"{told}\n")
    return DONE
