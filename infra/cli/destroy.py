"""`lambake destroy`: remove a whole stage."""

from __future__ import annotations

from dataclasses import dataclass

from infra.cli.exits import DONE, FAILED
from infra.cli.flags import About, flag
from infra.cli.stage import StageOptions, ask, say, stage_of, terraform_of


@dataclass(frozen=True, kw_only=True)
class Options(StageOptions):
    """The flags of the command."""

    yes: bool = flag(False, "do not ask for confirmation")


ABOUT = About(
    "remove everything that deploy made", Options, stands="the next destroy removes the rest",
)  # fmt: skip


def run(options: Options) -> int:
    """Remove everything, once the stage's whole name is typed."""
    from infra.release.destroy import destroy

    with stage_of(options) as target:

        def agree(question: str) -> bool:
            if options.yes:
                return True
            got = ask(question)
            if got != target.name:
                say(f"expected {target.name}, got {got!r}")
            return got == target.name

        return DONE if destroy(target, terraform_of(target), say, agree) else FAILED
