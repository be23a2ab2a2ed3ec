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
from collections.abc import Callable
from typing import Any, TypeVar

Commands = Any  # argparse has no public name for what add_subparsers gives
Options = TypeVar("Options")

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


def add_command(
    commands: Commands,
    name: str,
    does: str,
    options: type[Options],
    run: Callable[[Options], int],
    **about: Any,
) -> None:
    """
    Add a command.

    Args:
        commands: those that there are.
        name: what it is called.
        does: what it does, in a line.
        options: its flags.
        run: its act; returns the exit status.
        about: `needs`, the target of the Makefile that sets up its packages: .venv/.NEEDS;
            `failed`, the exit status where it says in a line why it could not; `stands`, what is
            true where it is stopped; `example`, its arguments, where they are not plain.
    """
    example = about.pop("example", "")
    parser: ArgumentParser = commands.add_parser(
        name,
        help=does,
        description=f"{does[0].upper()}{does[1:]}.",
        epilog=f"example:\n  .venv/bin/lambake {name} {example}" if example else None,
        formatter_class=RawDescriptionHelpFormatter,
    )
    flags = [one for one in dataclasses.fields(options) if one.metadata]  # type: ignore[arg-type]
    for one in flags:
        told = dict(one.metadata)
        default = {} if one.default is dataclasses.MISSING else {"default": one.default}
        called = one.name if told.pop("positional", False) else spelt(one.name)
        parser.add_argument(called, **default, **told)

    def act(given: Namespace) -> int:
        return run(options(**{one.name: getattr(given, one.name) for one in flags}))

    parser.set_defaults(**{"stands": "", **about, "act": act, "parser": parser})


def spelt(field: str) -> str:
    """The flag of a field."""
    return f"--{field.replace('_', '-')}"


def port_number(text: str) -> int:
    """Take the number of a port; 0 is any free one."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > _LAST_PORT:
        raise _unexpected(f"0 to {_LAST_PORT}", text)
    return int(text)


def host_and_port(text: str) -> str:
    """Take HOST:PORT."""
    found = re.fullmatch(_HOST_AND_PORT, text)
    if not found or int(found[1]) > _LAST_PORT:
        raise _unexpected("HOST:PORT, without http://", text)
    return text


def address(text: str) -> str:
    """Take the address of a server, http://HOST:PORT; a slash behind it is dropped."""
    found = re.fullmatch(f"http://{_HOST_AND_PORT}/?", text)
    if not found or int(found[1]) > _LAST_PORT:
        raise _unexpected("http://HOST:PORT", text)
    return text.removesuffix("/")


def endpoint(text: str) -> str:
    """Take the address of a cloud's API."""
    if not re.fullmatch(r"https?://[^\s/?#]+/?", text):
        raise _unexpected("http://HOST:PORT or https://HOST", text)
    return text


def count(text: str) -> int:
    """Take a number of things, 1 at least."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise _unexpected("a whole number, 1 at least", text)
    return int(text)


def minutes(text: str) -> float:
    """Take minutes, ten years of them at most."""
    try:
        given = float(text)
    except ValueError:
        given = 0
    if not 0 < given <= _LONGEST_MIN:  # nor NaN
        raise _unexpected(f"minutes, more than 0 and at most {_LONGEST_MIN}", text)
    return given


def _unexpected(expected: str, got: str) -> ArgumentTypeError:
    return ArgumentTypeError(f"expected {expected}, got {got!r}")
