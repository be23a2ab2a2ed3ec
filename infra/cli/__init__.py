"""`lambake COMMAND`: one file per command, with its flags and its action.

    flags.py     how a command declares its flags
    exits.py     the exit statuses, and what a signal does
    set_up.py    what to do where a package, or the checkout itself, is missing
    stage.py     what the commands for a stage in the cloud share
    COMMAND.py   Options: its flags; run(options): its action; ABOUT: everything else

A command imports what it needs when it runs, so the help is instant and needs no set-up.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from infra import version_of
from infra.cli.exits import INTERRUPTED, UNHEARD, UNUSABLE, kills_interrupt
from infra.cli.flags import About, UsageError, add_command, joined, options_of
from infra.cli.set_up import CHECKOUT, is_a_copy, what_installs

COMMANDS = (
    "bake", "run", "predict", "invoke", "image", "plan", "deploy", "status", "logs", "rollback",
    "destroy", "bulk", "bench", "cloud", "demo", "manifest",
)  # fmt: skip
"""In the order of the help."""

# A missing module of ours or of Python's is a defect, not a package to set up.
_NO_PACKAGES = {"infra", "function", "model", "tests", *sys.stdlib_module_names}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The command's exit status; exits.py lists them.
    """
    if is_a_copy():
        return _tell("lambake: expected a checkout: install it with pip install -e .", UNUSABLE)
    parser = command_line()
    if "_ARGCOMPLETE" in os.environ:  # the shell asks for completions
        import argcomplete

        argcomplete.autocomplete(parser)
    given, unknown = parser.parse_known_args(joined(arguments))
    command = importlib.import_module(f"infra.cli.{given.command}")
    command_parser: argparse.ArgumentParser = given.parser
    if unknown:  # told with the usage of the command, not of all
        command_parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    about: About = command.ABOUT
    try:
        with kills_interrupt():
            status: int = command.run(options_of(about, given))
            return status
    except UsageError as error:
        command_parser.error(str(error))
    except ModuleNotFoundError as error:
        package = (error.name or "infra").partition(".")[0]
        if package in _NO_PACKAGES:
            raise
        return _tell(
            f"{command_parser.prog}: the package {package} is not installed: "
            f"{what_installs(about.needs)}",
            UNUSABLE,
        )
    except KeyboardInterrupt as stopped:
        stands = str(stopped) or about.stands
        return _tell(f"\nstopped: {stands}" if stands else "", INTERRUPTED)
    except BrokenPipeError:
        return UNHEARD
    except Exception as error:
        from infra.settings.errors import InfraError

        if not isinstance(error, InfraError):
            raise
        return _tell(str(error), about.failed)


def command_line() -> argparse.ArgumentParser:
    """Return the parser of all commands with their flags."""
    parser = argparse.ArgumentParser(
        prog="lambake", description="Bake models, and run the function, here or in the cloud."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        add_command(commands, name, importlib.import_module(f"infra.cli.{name}").ABOUT)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        sys.stdout.write(f"lambake {version_of(CHECKOUT)}\n")
        parser.exit()


def _tell(line: str, status: int) -> int:
    sys.stderr.write(f"{line}\n")
    return status
