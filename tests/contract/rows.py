"""
What a row of the contract is: a question that any target can be asked, and the service's answer.

A row observes facts and judges nothing, so that one table (gaps.py) can say how RIE's differ.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.contract.target import NAME, Running, Spec, Target
from tests.infra.local.plain_http import Reply

Facts = dict[str, Any]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PATIENCE_S = 10.0
ACCOUNT = "123456789012"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{NAME}"


@dataclass
class Bench:
    """Start functions on one target for one row, and stop them after it."""

    target: Target
    shared: Running
    folder: Path
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(self, spec: Spec) -> Running:
        """Serve a function of the row's own."""
        return self.stack.enter_context(contextlib.closing(self.target.start(spec)))


@dataclass(frozen=True)
class Row:
    """Be one row."""

    name: str  # the contract's number first
    observe: Callable[[Bench], Facts]
    service: Facts

    @property
    def says(self) -> str:
        """Give the sentence of the row."""
        return " ".join((self.observe.__doc__ or "").split())


class Rows(list[Row]):
    """Collect rows."""

    def add(
        self, name: str, /, **service: object
    ) -> Callable[[Callable[[Bench], Facts]], Callable[[Bench], Facts]]:
        """Register an observation, with the facts that AWS gives."""

        def register(observe: Callable[[Bench], Facts]) -> Callable[[Bench], Facts]:
            self.append(Row(name, observe, service))
            return observe

        return register


def masked(text: str) -> str:
    """Replace request ids by a mark."""
    return _UUID.sub("<id>", text)


def seen(answer: Reply) -> Facts:
    """Give what every invoker looks at."""
    return {
        "status": answer.status,
        "error": answer.headers.get("x-amz-function-error"),
        "body": masked(answer.body.decode("utf-8", "replace")),
    }


def failure(answer: Reply) -> tuple[int, str | None, Facts | str]:
    """Give status, X-Amz-Function-Error and the body, read where it is JSON."""
    told = seen(answer)
    try:
        return told["status"], told["error"], json.loads(told["body"])
    except ValueError:
        return told["status"], told["error"], told["body"]


def until(running: Running, found: Callable[[list[str]], bool]) -> list[str]:
    """Wait until the log has what is looked for, and give it."""
    deadline = time.monotonic() + _PATIENCE_S
    while not found(lines := running.logs()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return lines


def reports(lines: list[str]) -> list[str]:
    """Give the REPORT lines."""
    return [line for line in lines if line.startswith("REPORT")]


def chosen(facts: Mapping[str, Any], *names: str) -> Facts:
    """Give some of the facts."""
    return {name: facts[name] for name in names}
