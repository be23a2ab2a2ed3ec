"""Workloads and the committed samples, for the tests of the manifests of other clouds."""

from __future__ import annotations

from typing import Any

from infra.other.workload import Workload
from infra.settings.function import FunctionConfig
from tests import ROOT

SAMPLES = [ROOT / "infra/other/cloud_run.yaml", ROOT / "infra/other/container_apps.yaml"]
DIGEST = "registry.example/lambake@sha256:" + "0" * 64

MANY: dict[str, Any] = {
    "memory_mb": 3008,
    "timeout_s": 200,
    "concurrency": 50,
    "provisioned_concurrency": 2,
    "environment": {"LAMBAKE_MODELS": "digits", "LAMBAKE_DOCS": "off"},
}


def workload(*, image: str = DIGEST, public: bool = False, **settings: Any) -> Workload:
    """Give the workload of a function with these settings."""
    config = FunctionConfig(handler="function.entry.handler", **{"name": "lambake", **settings})
    return Workload.of(config, "dev", image, public=public)


def located(document: dict[str, Any]) -> dict[str, Any]:
    """Add what `az containerapp create` takes from the environment that it is told."""
    return {**document, "location": "westeurope"}
