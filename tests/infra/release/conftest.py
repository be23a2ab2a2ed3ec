"""
What the release's tests share: a stage that stands in a simulated cloud, and a target for it.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.local.function import FunctionConfig
from infra.local.moto.cloud import Cloud, cloud
from infra.release.canary import Watch
from infra.release.target import Target
from tests.infra.clouds import REGION
from tests.infra.stages import Clock, Stage, staged

ROOT = Path(__file__).parents[3]
FUNCTION = ROOT / "infra" / "function.yaml"


def target_at(url: str | None, *, name: str = "lambake", stage: str = "dev", **aws: Any) -> Target:
    """
    Make a target without a file of its own; keys of `aws` replace the repository's.
    """
    settings = yaml.safe_load(FUNCTION.read_text(encoding="utf-8"))
    settings["name"] = name
    settings["aws"].update(aws)
    return Target(FUNCTION, settings, stage, REGION, url)


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Be the deployments' time."""
    return Clock()


@pytest.fixture(scope="module")
def box(config: FunctionConfig, clock: Clock) -> Iterator[Cloud]:
    """Be one cloud for the module."""
    with cloud(config.replace(handler="answers.handler"), port=0, now_s=clock) as box:
        yield box


@pytest.fixture
def stage(box: Cloud, clock: Clock) -> Stage:
    """Set a stage up."""
    return staged(box, clock)


@pytest.fixture
def target(stage: Stage) -> Target:
    """Be the release's view of the stage."""
    name, _, hexadecimal = stage.function.rpartition("-")
    return target_at(stage.box.url, name=name, stage=hexadecimal)


class Watched:
    """
    Watch a canary without waiting: the time is wound on while it has a part of the traffic.
    """

    def __init__(self, clock: Clock) -> None:
        self.lines: list[str] = []
        self._clock = clock

    def watch(self) -> Watch:
        """Be what `shift` tells."""
        return Watch(self.lines.append, self._sleep, poll_s=0.02)

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
    """Be Terraform's program, without a cloud."""
    wrapper = tmp_path / "terraform"
    fake = Path(__file__).parent / "fake_terraform.py"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} {fake} "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


def asked(folder: Path) -> list[str]:
    """List the commands that the fake Terraform of a folder was asked, without their arguments."""
    return [line.split()[0] for line in (folder.parent / "commands").read_text().splitlines()]


@contextlib.contextmanager
def registry_of(answers: dict[str, bytes]) -> Iterator[str]:
    """
    Be a registry that answers some paths, and keeps nothing.

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
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
