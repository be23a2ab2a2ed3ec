"""`lambake destroy`: remove a stage, whole."""

from __future__ import annotations

from dataclasses import dataclass

from infra.cli.exits import DONE, FAILED
from infra.cli.flags import About, flag
from infra.cli.stage import StageOptions, ask, say, stage_of, terraform_of


@dataclass(frozen=True, kw_only=True)
class Options(StageOptions):
    """Its flags."""

    yes: bool = flag(False, "do not ask")


ABOUT = About(
    "remove all that deploy made", Options, stands="the next destroy takes up what is left",
)  # fmt: skip


def run(options: Options) -> int:
    """Remove everything, once its whole name is typed."""
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
