"""How a command declares what it takes: each of its flags is one field of its `Options`.

    @dataclass(frozen=True, kw_only=True)
    class Options:
        inputs: str = argument("where the objects are: s3://BUCKET/PREFIX")
        batch: int = flag(20, "objects per invocation (%(default)s)", type=int)
        pause_s: int = 10  # not a flag: for programs

A flag has its field's name; one whose default is False takes no value.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.cli.exits import FAILED

_HOST_AND_PORT = r"(?:\[[0-9a-fA-F:.]+\]|[^\s:/?#@\[\]]+):([0-9]{1,5})"
_LAST_PORT = 65_535
_LONGEST_MIN = 5_256_000  # ten years, the longest that CloudWatch keeps a log


class UsageError(Exception):
    """Flags that contradict each other."""


def flag(default: Any, does: str, **how: Any) -> Any:
    """Declare a flag: its default, its help, and further arguments for argparse."""
    action = {"action": "store_true"} if default is False else {}
    return dataclasses.field(default=default, metadata={"help": does, **action, **how})


def argument(does: str, *, default: Any = dataclasses.MISSING, **how: Any) -> Any:
    """Declare an argument without a flag; with a default it is optional."""
    optional = {} if default is dataclasses.MISSING else {"nargs": "?"}
    metadata = {"help": does, "positional": True, **optional, **how}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class About:
    """What the command line needs to know about a command.

    Args:
        does: its line in the help.
        options: the class of its flags.
        needs: what installs its packages, a target of the Makefile: .venv/.NEEDS.
        failed: the exit status when it reports why it could not run.
        stands: what is true if it is interrupted.
        example: its arguments in the help's example, if they are not obvious.
    """

    does: str
    options: Any
    needs: str = "image"
    failed: int = FAILED
    stands: str = ""
    example: str = ""


def add_command(commands: Any, name: str, about: About) -> None:
    """Add a command to argparse's."""
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
    """Return the fields that are flags."""
    return [one for one in dataclasses.fields(options) if one.metadata]


def options_of(about: About, given: Namespace) -> Any:
    """Build a command's options from the parsed arguments."""
    return about.options(**{one.name: getattr(given, one.name) for one in flags_of(about.options)})


def joined(arguments: Sequence[str] | None) -> list[str]:
    """Join a flag with a value such as -1..1, which argparse would take for a flag."""
    whole: list[str] = []
    for one in sys.argv[1:] if arguments is None else arguments:
        if re.match(r"-\d", one) and whole and re.fullmatch("--[a-z-]+", whole[-1]):
            one = f"{whole.pop()}={one}"
        whole.append(one)
    return whole


def spelt(field: str) -> str:
    """Return a field's flag."""
    return f"--{field.replace('_', '-')}"


def port_number(text: str) -> int:
    """Parse a port number; 0 means any free port."""
    found = re.fullmatch("[0-9]{1,5}", text)
    _require(found and int(text) <= _LAST_PORT, f"0 to {_LAST_PORT}", text)
    return int(text)


def host_and_port(text: str) -> str:
    """Parse HOST:PORT."""
    found = re.fullmatch(_HOST_AND_PORT, text)
    _require(found and int(found[1]) <= _LAST_PORT, "HOST:PORT, without http://", text)
    return text


def address(text: str) -> str:
    """Parse a server's address, http://HOST:PORT; a trailing slash is dropped."""
    found = re.fullmatch(f"http://{_HOST_AND_PORT}/?", text)
    _require(found and int(found[1]) <= _LAST_PORT, "http://HOST:PORT", text)
    return text.removesuffix("/")


def endpoint(text: str) -> str:
    """Parse the address of a cloud's API."""
    found = re.fullmatch(r"https?://[^\s/?#]+/?", text)
    _require(found, "http://HOST:PORT or https://HOST", text)
    return text


def count(text: str) -> int:
    """Parse a count, at least 1."""
    _require(re.fullmatch("0*[1-9][0-9]{0,8}", text), "a whole number from 1", text)
    return int(text)


def minutes(text: str) -> float:
    """Parse minutes, at most ten years of them."""
    given = float(text) if re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", text) else 0
    expected = f"minutes, more than 0 and at most {_LONGEST_MIN}"
    _require(0 < given <= _LONGEST_MIN, expected, text)
    return given


def _require(met: object, expected: str, got: str) -> None:
    if not met:
        raise ArgumentTypeError(f"expected {expected}, got {got!r}")
