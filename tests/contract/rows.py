"""What a row of the contract is: a question that any target can be asked, and the service's answer.

A row observes facts and judges nothing, so that one table (gaps.py) can say how RIE's differ.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.contract.clients import BOTO3, CLI, HTTP, Ask, Client, Facts, masked
from tests.contract.target import NAME, Running, Spec, Target
from tests.infra.local.plain_http import Reply

EVERY = (BOTO3, CLI)
_PATIENCE_S = 60.0
ACCOUNT = "123456789012"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{NAME}"


@dataclass
class Bench:
    """Start functions on one target for one row, and stop them after it."""

    target: Target
    shared: Running
    folder: Path
    client: Client = HTTP
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(self, spec: Spec) -> Running:
        """Serve a function of the row's own."""
        return self.stack.enter_context(contextlib.closing(self.target.start(spec)))

    def ask(self, running: Running, ask: Ask) -> Facts:
        """Invoke by the client of this row."""
        return self.client.ask(running, ask)


@dataclass(frozen=True)
class Row:
    """One row."""

    name: str  # the contract's number first
    observe: Callable[[Bench], Facts]
    service: Facts
    clients: tuple[Client, ...]  # that ask it besides bare HTTP
    rie: bool  # asked of RIE, too

    @property
    def says(self) -> str:
        """The sentence of the row."""
        return " ".join((self.observe.__doc__ or self.name).split())


class Rows(list[Row]):
    """Rows in the making."""

    def add(
        self,
        name: str,
        /,
        *,
        clients: tuple[Client, ...] = (),
        rie: bool = True,
        **service: object,
    ) -> Callable[[Callable[[Bench], Facts]], Callable[[Bench], Facts]]:
        """Register an observation, with the facts that AWS gives."""

        def register(observe: Callable[[Bench], Facts]) -> Callable[[Bench], Facts]:
            self.append(Row(name, observe, service, clients, rie))
            return observe

        return register

    def ask(
        self, name: str, ask: Ask, /, *, rie: bool = True, cli: bool = True, **service: object
    ) -> None:
        """Register one question to the shared function, for every client."""
        self.add(name, clients=EVERY if cli else (BOTO3,), rie=rie, **service)(
            lambda bench: bench.ask(bench.shared, ask)
        )


def seen(answer: Reply) -> Facts:
    """Return what every invoker looks at."""
    return {
        "status": answer.status,
        "error": answer.headers.get("x-amz-function-error"),
        "body": masked(answer.body.decode("utf-8", "replace")),
    }


def until(running: Running, found: Callable[[list[str]], bool]) -> list[str]:
    """Wait until the log has what is looked for, and return it."""
    deadline = time.monotonic() + _PATIENCE_S
    while not found(lines := running.logs()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return lines


def reports(lines: list[str]) -> list[str]:
    """Return the REPORT lines."""
    return [line for line in lines if line.startswith("REPORT")]


def chosen(facts: Mapping[str, Any], *names: str) -> Facts:
    """Return some of the facts."""
    return {name: facts[name] for name in names}
