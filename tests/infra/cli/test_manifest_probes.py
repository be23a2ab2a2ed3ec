"""What the manifests start and ask: the image's own entry point, run here, answers it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import ROOT
from tests.infra.cli.manifests import SAMPLES
from tests.infra.local.plain_http import asked

CONTAINER, APP_CONTAINER = (
    yaml.safe_load(SAMPLES[0].read_text("utf-8"))["spec"]["template"]["spec"]["containers"][0],
    yaml.safe_load(SAMPLES[1].read_text("utf-8"))["properties"]["template"]["containers"][0],
)
PROBES: dict[str, dict[str, Any]] = {
    "cloud-run-startup": CONTAINER["startupProbe"],
    "cloud-run-liveness": CONTAINER["livenessProbe"],
    **{f"container-apps-{one['type'].lower()}": one for one in APP_CONTAINER["probes"]},
}


def started(arguments: list[str], **environment: str) -> subprocess.Popen[bytes]:
    """Start the image's entry point on this machine, with this machine's Python."""
    bin_folder = Path(sys.executable).parent
    return subprocess.Popen(
        ["sh", str(ROOT / "function/entrypoint.sh"), *arguments],
        cwd=ROOT,
        env={"PATH": f"{bin_folder}:{os.environ['PATH']}", **environment},
        stdout=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """Start what both manifests start, on a free port; its address."""
    arguments = CONTAINER["args"]
    assert arguments == APP_CONTAINER["args"]
    with started(arguments, PORT="0", LAMBAKE_HOST="127.0.0.1", LAMBAKE_MODELS="iris") as process:
        assert process.stdout
        try:
            messages = (json.loads(line)["message"] for line in process.stdout)
            yield next(line.split()[3] for line in messages if line.startswith("Uvicorn running"))
        finally:
            process.kill()


def test_every_port_is_the_one_that_it_listens_on() -> None:
    """PORT, the container's port, the ingress's and the probes' are one."""
    service, app = (sample.read_text(encoding="utf-8") for sample in SAMPLES)
    port = re.compile(r"(?:[pP]ort|value): '?(\d+)")
    assert port.findall(service) == ["8080"] * 3
    assert port.findall(app) == ["8080"] * 5


def test_the_probes_are_those_that_are_looked_at() -> None:
    """Two of Cloud Run's, three of Container Apps': none is forgotten, none unknown."""
    assert len(PROBES) == 5
    assert {probe["httpGet"]["path"] for probe in PROBES.values()} == {"/livez", "/readyz"}


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_what_the_platforms_ask_is_answered(served: str, probe: dict[str, Any]) -> None:
    """The image's own entry point, started as the manifests say, answers each probe with 200."""
    assert asked(served, "GET", probe["httpGet"]["path"]).status == 200


def test_what_is_started_predicts(served: str) -> None:
    """Its models are loaded by the time that it listens."""
    assert asked(served, "GET", "/models").json["models"][0]["name"] == "iris"


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_a_probe_gives_up_before_the_next_one(probe: dict[str, Any]) -> None:
    """Google's schema says so of its probes in a sentence, which no check of kinds reads."""
    assert 1 <= probe["timeoutSeconds"] < probe["periodSeconds"]


def test_a_start_has_the_time_that_both_allow() -> None:
    """More than Lambda's ten seconds, less than Cloud Run's 240."""
    for name in ("cloud-run-startup", "container-apps-startup"):
        assert 10 < PROBES[name]["periodSeconds"] * PROBES[name]["failureThreshold"] <= 240
