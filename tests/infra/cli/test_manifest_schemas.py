"""The manifests of other clouds, held against their makers' schemas; and the check itself."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from azure.mgmt.appcontainers.types import ContainerAppProbe
from hypothesis import given
from hypothesis import strategies as st

from infra.other.cloud_run import cloud_run
from infra.other.container_apps import container_app
from infra.settings.errors import ConfigError
from tests.infra.cli.manifests import MANY, located, workload
from tests.infra.cli.published_schemas import cloud_run_breaches, container_app_breaches, limits_of


@pytest.mark.parametrize("settings", [{}, MANY, {**MANY, "public": True}])
def test_google_knows_every_key(settings: dict[str, Any]) -> None:
    """The service has no key, kind or annotation but those of Google's published schema."""
    assert cloud_run_breaches(cloud_run(workload(**settings))) == []


@pytest.mark.parametrize("settings", [{}, MANY, {**MANY, "public": True}])
def test_microsoft_knows_every_key(settings: dict[str, Any]) -> None:
    """The app has no key, kind or value but those of Microsoft's published types."""
    assert container_app_breaches(located(container_app(workload(**settings)))) == []


SETTINGS = st.fixed_dictionaries(
    {
        "name": st.just("lambake") | st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
        "memory_mb": st.integers(128, 10_240),
        "timeout_s": st.integers(1, 900) | st.sampled_from([0.05, 2.5, 30.0]),
        "concurrency": st.integers(1, 1000),
        "reserved_concurrency": st.none() | st.integers(0, 1000),
        "provisioned_concurrency": st.integers(0, 1),
        "environment": st.dictionaries(
            st.from_regex(r"[A-Z][A-Z0-9_]{1,9}", fullmatch=True), st.text(max_size=9).map(str)
        ),
        "public": st.booleans(),
    }
)


@given(SETTINGS)
def test_any_setting_is_met_or_refused(settings: dict[str, Any]) -> None:
    """Whatever function.yaml may say, no document leaves us that the schemas do not know."""
    try:
        described = workload(**settings)
    except ConfigError:
        return
    with contextlib.suppress(ConfigError):
        assert cloud_run_breaches(cloud_run(described)) == []
    with contextlib.suppress(ConfigError):
        assert container_app_breaches(located(container_app(described))) == []


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Copy a document and set one value in it; the last key of the path may be new."""
    document = copy.deepcopy(document)
    *parents, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    found: Any = document
    for step in parents:
        found = found[step]
    found[last] = value
    return document


GOOGLE = [
    ("specs", {}, "specs: no key of Service"),
    ("spec", "x", "spec: expected ServiceSpec, got str"),
    ("spec/template/spec/concurrency", 1, "spec.template.spec.concurrency: no key of RevisionSpec"),
    (
        "spec/template/spec/timeoutSeconds",
        "30",
        "spec.template.spec.timeoutSeconds: expected integer, got str",
    ),
    (
        "spec/template/spec/containerConcurrency",
        True,
        "spec.template.spec.containerConcurrency: expected integer, got bool",
    ),
    (
        "spec/template/spec/containers/0/securityContext",
        {},
        "spec.template.spec.containers[0].securityContext: Not supported by Cloud Run",
    ),
    (
        "spec/template/spec/containers/0/resources/limits/cpu",
        1,
        "spec.template.spec.containers[0].resources.limits.cpu: expected string, got int",
    ),
    (
        "spec/template/spec/containers/0/livenessProbe/httpGet/prot",
        1,
        "spec.template.spec.containers[0].livenessProbe.httpGet.prot: no key of HTTPGetAction",
    ),
    (
        "metadata/annotations",
        {"autoscaling.knative.dev/maxScale": "4"},
        "metadata.annotations.autoscaling.knative.dev/maxScale: none of Service",
    ),
    (
        "spec/template/metadata/annotations",
        {"run.googleapis.com/start-cpu-boost": "true"},
        "spec.template.metadata.annotations.run.googleapis.com/start-cpu-boost: none of Revision",
    ),
]


@pytest.mark.parametrize(("path", "value", "breach"), GOOGLE)
def test_what_google_does_not_know_is_found(path: str, value: Any, breach: str) -> None:
    """A misspelt key, a wrong kind, and an annotation in the wrong place are found."""
    assert cloud_run_breaches(changed(cloud_run(workload()), path, value)) == [breach]


MICROSOFT = [
    ("propertys", {}, "propertys: no key of ContainerApp"),
    ("properties", [], "properties: expected ContainerAppProperties, got list"),
    (
        "properties/configuration/ingress/external",
        "no",
        "properties.configuration.ingress.external: expected bool, got str",
    ),
    (
        "properties/configuration/ingress/targetPort",
        True,
        "properties.configuration.ingress.targetPort: expected int, got bool",
    ),
    (
        "properties/configuration/ingress/transport",
        "https",
        "properties.configuration.ingress.transport: expected one of "
        "auto, http, http2, tcp, got https",
    ),
    (
        "properties/template/containers/0/resources/cpu",
        "0.5",
        "properties.template.containers[0].resources.cpu: expected float, got str",
    ),
    (
        "properties/template/containers/0/probes/0/failureThreshold",
        11,
        "properties.template.containers[0].probes[0].failureThreshold: expected 1 to 10, got 11",
    ),
    (
        "properties/template/containers/0/probes/0/httpGet",
        {"path": "/livez"},
        "properties.template.containers[0].probes[0].httpGet.port: missing",
    ),
    (
        "properties/template/scale/rules/0/http/metadata/concurrentRequests",
        16,
        "properties.template.scale.rules[0].http.metadata.concurrentRequests: "
        "expected str, got int",
    ),
    ("properties/template/scale", "x", "properties.template.scale: expected Scale, got str"),
]


@pytest.mark.parametrize(("path", "value", "breach"), MICROSOFT)
def test_what_microsoft_does_not_know_is_found(path: str, value: Any, breach: str) -> None:
    """A misspelt, missing or wrong key, value or kind is found."""
    document = located(container_app(workload()))
    assert container_app_breaches(changed(document, path, value)) == [breach]


def test_a_container_app_without_a_place_is_found() -> None:
    """What `az` fills in is required, so its absence is seen."""
    assert container_app_breaches(container_app(workload())) == ["location: missing"]


def test_microsofts_limits_are_read() -> None:
    """The docstrings' least and most are found, so the check of limits has something to check."""
    assert limits_of(ContainerAppProbe, "periodSeconds") == {"Minimum": 1, "Maximum": 240}
    assert limits_of(ContainerAppProbe, "type") == {}
