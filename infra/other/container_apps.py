"""
A container app of Azure Container Apps, on its consumption profile.

    az containerapp create -g GROUP -n NAME --environment ENVIRONMENT --image IMAGE \\
        --registry-server REGISTRY.azurecr.io --registry-identity system
    az containerapp update -g GROUP -n NAME --yaml container_apps.yaml

The first makes an app that may pull from its registry, which no file can say before there is one.
The second lays the rest over it, and leaves identity and registry as they are.

Checked against Microsoft's published types, the package azure-mgmt-appcontainers: keys, kinds,
known values, and the least and most that they state. They do not say which CPU goes with which
memory, how long the ingress waits, what a scale rule's metadata may hold or how a name is spelt:
those follow Microsoft's pages, quoted below. The code of `az` 2.91 read it as it is meant. It was
not tried on a real account.

Unless the app is public, only what runs in the same environment can call it: Container Apps knows
no signed calls of its own. The image must be built for linux/amd64.
"""

from __future__ import annotations

import math
from typing import Any, Final

from infra.other.workload import (
    ARGUMENTS,
    PORT,
    Workload,
    liveness_probe,
    probe,
    startup_probe,
)
from infra.settings.errors import ConfigError

MB_PER_STEP: Final = 512
CPU_PER_STEP: Final = 0.25
MOST_STEPS: Final = 16
"""
Memory goes with the CPU, 2 GiB with each, in quarters up to 4.

Source: Container Apps, "Containers": "the total amount of CPUs and memory [...] must add up to one
of the following combinations", 0.25 with 0.5Gi and so on; "Quotas": 4 cores a replica. Older
environments, without workload profiles, end at 2 cores.
"""

INGRESS_TIMEOUT_S: Final = 240
"""Source: Container Apps, "Ingress": "Request timeout is 240 seconds"; it cannot be set."""

TAKEN: Final = "PORT|CONTAINER_APP_.*"
"""
The first is ours: Container Apps tells nobody where to listen.

Source: Container Apps, "Manage environment variables": the built-in ones begin with CONTAINER_APP_.
"""

_NAME = r"(?!.*--)[a-z][a-z0-9-]{0,30}[a-z0-9]"


def container_app(workload: Workload) -> dict[str, Any]:
    """
    Describe the app.

    Raises:
        ConfigError: Container Apps cannot do what function.yaml asks for.
    """
    workload.require_name(
        _NAME, "2 to 32 small letters, digits and single hyphens, a letter first, no hyphen last"
    )
    if workload.timeout_s > INGRESS_TIMEOUT_S:
        expected = f"{INGRESS_TIMEOUT_S} at most: the ingress of Container Apps waits no longer"
        raise ConfigError("timeout_s", expected, workload.timeout_s)
    ingress = {
        "external": workload.public,
        "targetPort": PORT,
        "transport": "http",
        "allowInsecure": False,
    }
    return {
        "name": workload.name,
        "type": "Microsoft.App/containerApps",
        "properties": {
            "configuration": {"activeRevisionsMode": "Single", "ingress": ingress},
            "template": {"containers": [_container(workload)], "scale": _scale(workload)},
        },
    }


def _scale(workload: Workload) -> dict[str, Any]:
    at_once = {"metadata": {"concurrentRequests": str(workload.requests_at_once)}}
    return {
        "minReplicas": workload.least_instances,
        "maxReplicas": workload.most_instances,
        "rules": [{"name": "requests", "http": at_once}],
    }


def _container(workload: Workload) -> dict[str, Any]:
    return {
        "name": "function",
        "image": workload.image,
        "args": list(ARGUMENTS),
        "env": [{"name": "PORT", "value": str(PORT)}, *workload.variables(TAKEN)],
        "resources": resources_of(workload.memory_mb),
        "probes": [
            {"type": "Startup", **startup_probe()},
            {"type": "Liveness", **liveness_probe()},
            {"type": "Readiness", **probe("/readyz", period_s=5, failures=1)},
        ],
    }


def resources_of(memory_mb: int) -> dict[str, Any]:
    """
    Give the smallest pair of CPU and memory that has this memory.

    Raises:
        ConfigError: none has.
    """
    steps = math.ceil(memory_mb / MB_PER_STEP)
    if steps > MOST_STEPS:
        expected = f"{MOST_STEPS * MB_PER_STEP} at most: Container Apps has 8 GiB with its 4 CPUs"
        raise ConfigError("memory_mb", expected, memory_mb)
    return {"cpu": steps * CPU_PER_STEP, "memory": f"{steps * MB_PER_STEP / 1024:g}Gi"}
