"""What the release's tests share: a stage that stands in a simulated cloud, and a target for it."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.release.canary import Watch
from infra.release.target import Target
from infra.release.terraform import Terraform
from infra.settings import FUNCTION_FILE, read
from tests import ROOT
from tests.infra.cloud.clouds import REGION
from tests.infra.cloud.stages import Clock, Stage

DIGEST = f"sha256:{'a' * 64}"
FUNCTION = ROOT / FUNCTION_FILE


def target_at(url: str | None, *, name: str = "lambake", stage: str = "dev", **aws: Any) -> Target:
    """Make a target of the repository's settings; `aws` replaces keys, and keys of parts."""
    target = Target(FUNCTION, read(FUNCTION), stage, REGION, url)
    changed = target.aws.model_dump()
    for key, value in aws.items():
        changed[key] = changed[key] | value if isinstance(value, dict) else value
    return with_settings(target, name=name, aws=changed)


def with_settings(target: Target, **settings: Any) -> Target:
    """Return the target with other settings."""
    return dataclasses.replace(target, settings=target.settings.replace(**settings))


def with_clients(target: Target, clients: dict[str, Any]) -> Target:
    """Return the target with fakes of some services."""
    made = dataclasses.replace(target)
    made._clients.update(clients)
    return made


def target_of(stage: Stage, **aws: Any) -> Target:
    """Return the release's view of a stage."""
    name, _, hexadecimal = stage.function.rpartition("-")
    return target_at(stage.box.url, name=name, stage=hexadecimal, **aws)


@pytest.fixture
def target(stage: Stage) -> Target:
    """The release's view of the stage."""
    return target_of(stage)


@pytest.fixture
def arguments(stage: Stage, target: Target, tmp_path: Path) -> list[str]:
    """Name the stage, its cloud and its settings, as on a command line."""
    settings = yaml.safe_load(FUNCTION.read_text(encoding="utf-8"))
    settings |= {"name": target.settings.name, "root": str(ROOT), "region": target.region}
    del settings["sample"]
    function = tmp_path / "function.yaml"
    function.write_text(yaml.safe_dump(settings))
    named = ["--stage", target.stage, "--simulated-cloud", stage.box.url]
    return [*named, "--function", str(function)]


@pytest.fixture
def terraform(target: Target, program: str, tmp_path: Path, monkeypatch: Any) -> Terraform:
    """The stage's Terraform, for the commands too; it is a fake."""
    made = Terraform(target, tmp_path / "dev", program, {}, tmp_path / "states")
    for command in ("status", "logs", "destroy"):
        monkeypatch.setattr(f"infra.cli.{command}.terraform_of", lambda _target: made)
    return made


def stand(terraform: Terraform) -> None:
    """Have it applied."""
    terraform.init()
    terraform.plan({"image_digest": DIGEST})
    terraform.apply(lambda _line: None)


class Watched:
    """Watch a canary without waiting: the time is wound on while it has a part of the traffic."""

    def __init__(self, clock: Clock) -> None:
        self.lines: list[str] = []
        self._clock = clock

    def watch(self, at: str = "", then: Callable[[], object] = lambda: None) -> Watch:
        """Return what `shift` tells; at each line that starts so, something is done."""

        def say(line: str) -> None:
            self.lines.append(line)
            if at and line.startswith(at):
                then()

        return Watch(say, self._sleep, 0.1, self._clock)

    def _sleep(self, for_s: float) -> None:
        time.sleep(for_s)
        if self.lines and self.lines[-1].startswith("10%"):
            self._clock.at_s += 100


@pytest.fixture
def watched(clock: Clock) -> Watched:
    """Watch, and keep what was said."""
    return Watched(clock)


@pytest.fixture
def program(tmp_path: Path) -> str:
    """Terraform's program, without a cloud."""
    wrapper = tmp_path / "terraform"
    fake = ROOT / "tests" / "infra" / "release" / "fake_terraform.py"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {fake} "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


def asked(folder: Path) -> list[str]:
    """List the commands that the fake Terraform of a folder was asked, without their arguments."""
    return [line.split()[0] for line in (folder.parent / "commands").read_text().splitlines()]


@contextlib.contextmanager
def registry_of(answers: dict[str, bytes]) -> Iterator[str]:
    """A registry that answers some paths, and keeps nothing.

    Yields:
        Its HOST:PORT.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
