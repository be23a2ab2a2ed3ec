"""
How a command says what it takes: each of its flags is one field of its `Options`.

    @dataclass(frozen=True, kw_only=True)
    class Options:
        inputs: str = argument("where the objects lie: s3://BUCKET/PREFIX")
        batch: int = flag(20, "objects an invocation (%(default)s)", type=int)
        pause_s: int = 10  # no flag: for programs

A flag is named like its field; one whose default is False takes no value.
"""

from __future__ import annotations

import dataclasses
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from dataclasses import dataclass
from typing import Any

from infra.cli.exits import FAILED

_HOST_AND_PORT = r"(?:\[[0-9a-fA-F:.]+\]|[^\s:/?#@\[\]]+):([0-9]{1,5})"
_LAST_PORT = 65_535
_LONGEST_MIN = 5_256_000  # ten years, the longest that CloudWatch keeps a log


class UsageError(Exception):
    """Flags that contradict each other."""


def flag(default: Any, does: str, **how: Any) -> Any:
    """One flag: its default, its line in the help, and what else argparse is told."""
    action = {"action": "store_true"} if default is False else {}
    return dataclasses.field(default=default, metadata={"help": does, **action, **how})


def argument(does: str, *, default: Any = dataclasses.MISSING, **how: Any) -> Any:
    """One argument without a flag in front of it; with a default it may be left out."""
    optional = {} if default is dataclasses.MISSING else {"nargs": "?"}
    metadata = {"help": does, "positional": True, **optional, **how}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class About:
    """
    What the command line knows of a command.

    Args:
        does: what it does, in a line.
        options: the class of its flags.
        needs: what sets up its packages, a target of the Makefile: .venv/.NEEDS.
        failed: the exit status where it says in a line why it could not.
        stands: what is true where it is stopped.
        example: its arguments, where they are not plain.
    """

    does: str
    options: Any
    needs: str = "image"
    failed: int = FAILED
    stands: str = ""
    example: str = ""


def add_command(commands: Any, name: str, about: About) -> None:
    """Add a command to those of argparse."""
    parser: ArgumentParser = commands.add_parser(
        name,
        help=about.does,
        description=f"{about.does[0].upper()}{about.does[1:]}.",
        epilog=f"example:\n  .venv/bin/lambake {name} {about.example}" if about.example else None,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=name, parser=parser)
    for one in flags_of(about.options):
        told = dict(one.metadata)
        default = {} if one.default is dataclasses.MISSING else {"default": one.default}
        called = one.name if told.pop("positional", False) else spelt(one.name)
        parser.add_argument(called, **default, **told)


def flags_of(options: Any) -> list[dataclasses.Field[Any]]:
    """The fields that are flags."""
    return [one for one in dataclasses.fields(options) if one.metadata]


def options_of(about: About, given: Namespace) -> Any:
    """Make a command's options of what was typed."""
    return about.options(**{one.name: getattr(given, one.name) for one in flags_of(about.options)})


def spelt(field: str) -> str:
    """The flag of a field."""
    return f"--{field.replace('_', '-')}"


def port_number(text: str) -> int:
    """Take the number of a port; 0 is any free one."""
    found = re.fullmatch("[0-9]{1,5}", text)
    _require(found and int(text) <= _LAST_PORT, f"0 to {_LAST_PORT}", text)
    return int(text)


def host_and_port(text: str) -> str:
    """Take HOST:PORT."""
    found = re.fullmatch(_HOST_AND_PORT, text)
    _require(found and int(found[1]) <= _LAST_PORT, "HOST:PORT, without http://", text)
    return text


def address(text: str) -> str:
    """Take the address of a server, http://HOST:PORT; a slash behind it is dropped."""
    found = re.fullmatch(f"http://{_HOST_AND_PORT}/?", text)
    _require(found and int(found[1]) <= _LAST_PORT, "http://HOST:PORT", text)
    return text.removesuffix("/")


def endpoint(text: str) -> str:
    """Take the address of a cloud's API."""
    found = re.fullmatch(r"https?://[^\s/?#]+/?", text)
    _require(found, "http://HOST:PORT or https://HOST", text)
    return text


def count(text: str) -> int:
    """Take a number of things, 1 at least."""
    _require(re.fullmatch("0*[1-9][0-9]{0,8}", text), "a whole number, 1 at least", text)
    return int(text)


def minutes(text: str) -> float:
    """Take minutes, ten years of them at most."""
    given = float(text) if re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", text) else 0
    expected = f"minutes, more than 0 and at most {_LONGEST_MIN}"
    _require(0 < given <= _LONGEST_MIN, expected, text)
    return given


def _require(met: object, expected: str, got: str) -> None:
    if not met:
        raise ArgumentTypeError(f"expected {expected}, got {got!r}")
