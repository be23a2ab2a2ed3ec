"""
A service of Google Cloud Run: Knative's serving.knative.dev/v1, as Cloud Run takes it.

    gcloud run services replace cloud_run.yaml --region REGION

Checked against Google's published schema of the Cloud Run Admin API v1, the keys of annotations and
where each may stand included. It does not say what values an annotation takes, what memory goes
with how many CPUs or how a name is spelt: those follow Google's pages, quoted below. `gcloud` 528
sent it as it is meant to a server of ours. It was not tried on a real account.

Callers need the role roles/run.invoker, unless the service is public. It runs as the project's
default service account, and needs no right of it. The image must be built for linux/amd64. There is
no readiness probe: Google documents it as a preview, and Cloud Run sends nothing to an instance
that it ends.
"""

from __future__ import annotations

from typing import Any, Final

from infra.local import contract
from infra.other.workload import (
    ARGUMENTS,
    PORT,
    Workload,
    liveness_probe,
    startup_probe,
)

CPUS: Final = (1, 2, 4, 6)
"""
Of these an instance may have that answers several requests at once; there are 8 too.

Source: Cloud Run, "Configure CPU limits": "Values greater than 1 must be integer values"; with less
than 1 "maximum concurrency must be set to 1"; 1 takes up to 4 GiB, 2 up to 8, 4 from 2 to 16, 6
from 4 to 24.
"""

TAKEN: Final = "PORT|K_SERVICE|K_REVISION|K_CONFIGURATION|X_GOOGLE_.*"
"""
Source: Cloud Run, "Environment variables": those of the "Container runtime contract" are reserved,
and no name may begin with X_GOOGLE_.
"""

_NAME = r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?"


def cloud_run(workload: Workload) -> dict[str, Any]:
    """
    Describe the service.

    Raises:
        ConfigError: Cloud Run cannot do what function.yaml asks for.
    """
    workload.require_name(
        _NAME, "at most 49 small letters, digits and hyphens, a letter first, no hyphen last"
    )
    metadata: dict[str, Any] = {"name": workload.name}
    if workload.public:
        metadata["annotations"] = {"run.googleapis.com/invoker-iam-disabled": "true"}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "template": {
                "metadata": {
                    "annotations": {
                        "autoscaling.knative.dev/minScale": str(workload.least_instances),
                        "autoscaling.knative.dev/maxScale": str(workload.most_instances),
                        "run.googleapis.com/startup-cpu-boost": "true",
                    }
                },
                "spec": {
                    "containerConcurrency": workload.requests_at_once,
                    "timeoutSeconds": workload.timeout_s,
                    "containers": [_container(workload)],
                },
            }
        },
    }


def _container(workload: Workload) -> dict[str, Any]:
    limits = {"cpu": str(cpus_of(workload.memory_mb)), "memory": f"{workload.memory_mb}Mi"}
    return {
        "name": "function",
        "image": workload.image,
        "args": list(ARGUMENTS),
        "ports": [{"containerPort": PORT}],
        "env": workload.variables(TAKEN),
        "resources": {"limits": limits},
        "startupProbe": startup_probe(),
        "livenessProbe": liveness_probe(),
    }


def cpus_of(memory_mb: int) -> int:
    """
    Give the fewest CPUs that are no less than Lambda's share;
    each of them may have that memory.
    """
    return next(cpus for cpus in CPUS if cpus * contract.MB_PER_VCPU >= memory_mb)
