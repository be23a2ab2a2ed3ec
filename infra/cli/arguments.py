"""How `lambake` adds a command, and what its options take: ports, addresses, minutes."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from typing import Any

Commands = Any  # argparse has no public name for what add_subparsers gives

_HOST_AND_PORT = r"(?:\[[0-9a-fA-F:.]+\]|[^\s:/?#@\[\]]+):([0-9]{1,5})"
_LAST_PORT = 65_535
_LONGEST_MIN = 5_256_000  # ten years, the longest that CloudWatch keeps a log


def add_command(
    commands: Commands, name: str, does: str, *, needs: str, example: str = ""
) -> ArgumentParser:
    """
    Add a command.

    Args:
        commands: those that there are.
        name: what it is called.
        does: what it does, in a line.
        needs: what sets up its packages, a target of the Makefile: .venv/.NEEDS.
        example: its arguments, where they are not plain.
    """
    parser: ArgumentParser = commands.add_parser(
        name,
        help=does,
        description=f"{does[0].upper()}{does[1:]}.",
        epilog=f"example:\n  .venv/bin/lambake {name} {example}" if example else None,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.set_defaults(parser=parser, needs=needs)
    return parser


def port(text: str) -> int:
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
