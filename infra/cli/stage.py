"""What the commands for one stage in the cloud share: flags, the stage itself, questions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra import FUNCTION_FILE
from infra.cli.flags import address, flag

if TYPE_CHECKING:
    from infra.release.target import Target
    from infra.release.terraform import Terraform


@dataclass(frozen=True, kw_only=True)
class StageOptions:
    """The flags that all of them have."""

    stage: str = flag("dev", "the stage in the cloud (dev)")
    simulated_cloud: str | None = flag(
        None,
        "the address of `lambake cloud`, to use it instead of AWS",
        type=address,
        metavar="URL",
    )
    function: Path = flag(FUNCTION_FILE, "the function's settings (%(default)s)", type=Path)


@contextmanager
def stage_of(options: StageOptions) -> Iterator[Target]:
    """Yield the stage; inside the block, AWS's refusals become errors that explain them.

    Raises:
        ConfigError: a setting is missing or wrong.
        ReleaseError: replaces boto3's errors.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from infra.release.aws_errors import explained
    from infra.release.errors import ReleaseError
    from infra.release.target import Target

    try:
        yield Target.of(options.function, options.stage, options.simulated_cloud)
    except (BotoCoreError, ClientError) as error:
        raise ReleaseError(explained(error)) from error


def folder_of(target: Target) -> Path:
    """Return the folder of Terraform's state for a stage."""
    kind = "simulated-" if target.simulated else ""
    return target.root / "build" / "terraform" / f"{kind}{target.stage}"


def terraform_of(target: Target) -> Terraform:
    """Return Terraform for a command that builds nothing."""
    from infra.release.preflight import find_tools
    from infra.release.terraform import Terraform

    tools = find_tools(target, builds=False)
    return Terraform(target, folder_of(target), tools.terraform, tell=say)


def say(line: str) -> None:
    """Print a line and flush it."""
    print(line, flush=True)


def ask(question: str) -> str:
    """Ask the user; without one the answer is empty."""
    try:
        return input(f"{question} ").strip()
    except EOFError:
        say("\nno answer: standard input is at its end (--yes skips the question)")
        return ""
