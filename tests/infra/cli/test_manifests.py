"""The manifests of other clouds: each setting arrives, and what cannot be met there is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from infra.local import contract
from infra.other.cloud_run import cloud_run, cpus_of
from infra.other.container_apps import container_app, resources_of
from infra.other.workload import Workload
from infra.settings import limits
from infra.settings.errors import ConfigError
from tests.infra.cli.manifests import DIGEST, MANY, workload

Describe = Callable[[Workload], dict[str, Any]]
BOTH = pytest.mark.parametrize("describe", [cloud_run, container_app])


def test_the_settings_arrive_in_cloud_run() -> None:
    """Each setting of function.yaml stands where Cloud Run reads it."""
    service = cloud_run(workload(**MANY))
    assert service["metadata"] == {"name": "lambake-dev"}
    template = service["spec"]["template"]
    assert template["metadata"]["annotations"] == {
        "autoscaling.knative.dev/minScale": "2",
        "autoscaling.knative.dev/maxScale": "50",
        "run.googleapis.com/startup-cpu-boost": "true",
    }
    assert template["spec"]["timeoutSeconds"] == 200
    container = template["spec"]["containers"][0]
    assert container["image"] == DIGEST
    assert container["resources"] == {"limits": {"cpu": "2", "memory": "3008Mi"}}
    assert container["env"] == [
        {"name": "LAMBAKE_MODELS", "value": "digits"},
        {"name": "LAMBAKE_DOCS", "value": "off"},
    ]


def test_the_settings_arrive_in_container_apps() -> None:
    """Each setting of function.yaml stands where Container Apps reads it."""
    app = container_app(workload(**MANY))
    assert app["name"] == "lambake-dev"
    template = app["properties"]["template"]
    assert (template["scale"]["minReplicas"], template["scale"]["maxReplicas"]) == (2, 50)
    container = template["containers"][0]
    assert container["image"] == DIGEST
    assert container["resources"] == {"cpu": 1.5, "memory": "3Gi"}
    assert container["env"] == [
        {"name": "PORT", "value": "8080"},
        {"name": "LAMBAKE_MODELS", "value": "digits"},
        {"name": "LAMBAKE_DOCS", "value": "off"},
    ]


def test_only_who_asks_is_public() -> None:
    """Neither service lets everybody in, unless it is told to."""
    disabled = {"run.googleapis.com/invoker-iam-disabled": "true"}
    assert "annotations" not in cloud_run(workload())["metadata"]
    assert cloud_run(workload(public=True))["metadata"]["annotations"] == disabled
    for public in (False, True):
        app = container_app(workload(public=public))
        assert app["properties"]["configuration"]["ingress"]["external"] is public


def test_the_reserved_concurrency_is_the_limit_there_too() -> None:
    """The smaller of both limits counts, as in the emulator."""
    of_both = workload(concurrency=50, reserved_concurrency=7)
    assert of_both.most_instances == 7


def test_cpu_and_memory_go_together() -> None:
    """At every size of Lambda's the pair is one that the service allows, and no smaller."""
    most_gib = {1: 4, 2: 8, 4: 16, 6: 24}
    least_gib = {1: 0, 2: 0, 4: 2, 6: 4}
    for memory_mb in range(limits.MEMORY_MINIMUM_MB, limits.MEMORY_LIMIT_MB + 1):
        cpus = cpus_of(memory_mb)
        assert least_gib[cpus] <= memory_mb / 1024 <= most_gib[cpus]
        assert cpus >= memory_mb / contract.MB_PER_VCPU
        if memory_mb <= 8192:
            pair = resources_of(memory_mb)
            gib = float(pair["memory"].removesuffix("Gi"))
            assert gib == 2 * pair["cpu"] == math.ceil(memory_mb / 512) / 2


NAME = "name, with the stage: expected "
NAMES = f"{NAME}at most 49 small letters, digits and hyphens, a letter first, no hyphen last"
SHORT = f"{NAME}2 to 32 small letters, digits and single hyphens, a letter first, no hyphen last"
REFUSED = [
    (cloud_run, {"name": "a" * 46}, f"{NAMES}, got '{'a' * 46}-dev'"),
    (cloud_run, {"name": "Lambake"}, f"{NAMES}, got 'Lambake-dev'"),
    (container_app, {"name": "a" * 29}, f"{SHORT}, got '{'a' * 29}-dev'"),
    (container_app, {"name": "a-"}, f"{SHORT}, got 'a--dev'"),
    (
        container_app,
        {"memory_mb": 8193},
        "memory_mb: expected 8192 at most: Container Apps has 8 GiB with its 4 CPUs, got 8193",
    ),
    (
        container_app,
        {"timeout_s": 241},
        "timeout_s: expected 240 at most: the ingress of Container Apps waits no longer, got 241",
    ),
    (
        cloud_run,
        {"environment": {"K_SERVICE": "x"}},
        "environment.K_SERVICE: expected none, since the service sets it, got 'one'",
    ),
    (
        cloud_run,
        {"environment": {"X_GOOGLE_A": "x"}},
        "environment.X_GOOGLE_A: expected none, since the service sets it, got 'one'",
    ),
    (
        container_app,
        {"environment": {"CONTAINER_APP_NAME": "x"}},
        "environment.CONTAINER_APP_NAME: expected none, since the service sets it, got 'one'",
    ),
]


@pytest.mark.parametrize(("describe", "settings", "message"), REFUSED)
def test_what_a_service_cannot_do_is_said(
    describe: Describe, settings: dict[str, Any], message: str
) -> None:
    """A setting that cannot be met there is refused, with what can."""
    with pytest.raises(ConfigError) as refused:
        describe(workload(**settings))
    assert str(refused.value) == message


REFUSED_BY_BOTH: list[tuple[dict[str, Any], str]] = [
    (
        {"environment": {"PORT": "1"}},
        "environment.PORT: expected none, since the service sets it, got 'one'",
    ),
    ({"timeout_s": 2.5}, "timeout_s: expected whole seconds, got 2.5"),
    (
        {"reserved_concurrency": 0},
        "reserved_concurrency: expected 1 at least: no instances at all is no service, got 0",
    ),
]


@BOTH
@pytest.mark.parametrize(("settings", "message"), REFUSED_BY_BOTH)
def test_what_neither_can_do_is_said(
    describe: Describe, settings: dict[str, Any], message: str
) -> None:
    """The port, half seconds, no instances and a malformed image are refused by both."""
    with pytest.raises(ConfigError) as refused:
        describe(workload(**settings))
    assert str(refused.value) == message


@BOTH
def test_the_largest_that_fits_is_taken(describe: Describe) -> None:
    """The limits themselves are no breach of them."""
    name = "a" * 45 if describe is cloud_run else "a" * 28
    describe(workload(name=name, memory_mb=8192, timeout_s=240, concurrency=1000))


@pytest.mark.parametrize(
    "image",
    [
        "two words",
        "",
        "https://registry.example/lambake",
        "registry.example/Lambake",
        "registry.example/lambake:",
        "registry.example/lambake:a b",
        "registry.example//lambake",
        "registry.example:port/lambake",
        "lambake@sha256:0123",
        DIGEST + "0",
        "lambake:1\n",
    ],
)
def test_what_is_no_reference_is_refused(image: str) -> None:
    """An address, capital letters, an empty tag, a short digest: none names an image."""
    with pytest.raises(ConfigError) as refused:
        workload(image=image)
    expected = "a reference such as registry.example/name:tag"
    assert str(refused.value) == f"--image: expected {expected}, got {image!r}"


@pytest.mark.parametrize(
    "image",
    [
        "lambake",
        "lambake:0.1.0_a-B",
        "127.0.0.1:5000/lambake",
        "MyRegistry.azurecr.io/a__b/c--d.e:1",
        "europe-west1-docker.pkg.dev/my-project/lambake/lambake:dev",
        "registry.example/lambake:1@" + DIGEST.partition("@")[2],
    ],
)
def test_a_reference_arrives_as_it_is(image: str) -> None:
    """With a port, a tag, a digest or both."""
    assert workload(image=image).image == image


@pytest.mark.parametrize(("memory_mb", "at_once"), [(128, 4), (511, 15), (512, 16), (10_240, 16)])
def test_little_memory_takes_few_requests_at_once(memory_mb: int, at_once: int) -> None:
    """The limit stands where each service reads it: a number for one, text for the other."""
    described = workload(memory_mb=memory_mb)
    assert cloud_run(described)["spec"]["template"]["spec"]["containerConcurrency"] == at_once
    if memory_mb <= 8192:
        (rule,) = container_app(described)["properties"]["template"]["scale"]["rules"]
        assert rule["http"]["metadata"] == {"concurrentRequests": str(at_once)}
