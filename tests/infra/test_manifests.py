"""
The manifests of other clouds: generated, as their makers' schemas say, and true to the image.
"""

from __future__ import annotations

import copy
import json
import math
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.mgmt.appcontainers.types import ContainerAppProbe

from infra.__main__ import main
from infra.local import contract
from infra.local.errors import ConfigError
from infra.local.function import FunctionConfig
from infra.other.cloud_run import cloud_run, cpus_of
from infra.other.container_apps import container_app, resources_of
from infra.other.workload import Workload
from tests.infra.plain_http import asked
from tests.infra.published_schemas import cloud_run_breaches, container_app_breaches, limits_of

ROOT = Path(__file__).parents[2]
SAMPLES = [ROOT / "infra/other/cloud_run.yaml", ROOT / "infra/other/container_apps.yaml"]
DIGEST = "registry.example/lambake@sha256:" + "0" * 64
Describe = Callable[[Workload], dict[str, Any]]
BOTH = pytest.mark.parametrize("describe", [cloud_run, container_app])


def workload(*, image: str = DIGEST, public: bool = False, **settings: Any) -> Workload:
    """Give the workload of a function with these settings."""
    config = FunctionConfig(handler="function.entry.handler", **{"name": "lambake", **settings})
    return Workload.of(config, "dev", image, public=public)


def located(document: dict[str, Any]) -> dict[str, Any]:
    """Add what `az containerapp create` takes from the environment that it is told."""
    return {**document, "location": "westeurope"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_what_its_first_line_prints(
    sample: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The committed samples are printed by the command that they name, never kept by hand."""
    monkeypatch.chdir(ROOT)
    text = sample.read_text(encoding="utf-8")
    words = shlex.split(text.splitlines()[0].removeprefix("# "))
    assert words[:3] == ["python", "-m", "infra"]
    assert main(words[3:]) == 0
    assert capsys.readouterr().out == text, f"run {shlex.join(words)} > {sample.name}"


MANY: dict[str, Any] = {
    "memory_mb": 3008,
    "timeout_s": 200,
    "concurrency": 50,
    "provisioned_concurrency": 2,
    "environment": {"LAMBAKE_MODELS": "digits", "LAMBAKE_DOCS": "off"},
}


@pytest.mark.parametrize("settings", [{}, MANY, {**MANY, "public": True}])
def test_google_knows_every_key(settings: dict[str, Any]) -> None:
    """The service has no key, kind or annotation but those of Google's published schema."""
    assert cloud_run_breaches(cloud_run(workload(**settings))) == []


@pytest.mark.parametrize("settings", [{}, MANY, {**MANY, "public": True}])
def test_microsoft_knows_every_key(settings: dict[str, Any]) -> None:
    """The app has no key, kind or value but those of Microsoft's published types."""
    assert container_app_breaches(located(container_app(workload(**settings)))) == []


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
    ("spec", "x", "spec: expected ServiceSpec, came str"),
    ("spec/template/spec/concurrency", 1, "spec.template.spec.concurrency: no key of RevisionSpec"),
    (
        "spec/template/spec/timeoutSeconds",
        "30",
        "spec.template.spec.timeoutSeconds: expected integer, came str",
    ),
    (
        "spec/template/spec/containerConcurrency",
        True,
        "spec.template.spec.containerConcurrency: expected integer, came bool",
    ),
    (
        "spec/template/spec/containers/0/securityContext",
        {},
        "spec.template.spec.containers[0].securityContext: Not supported by Cloud Run",
    ),
    (
        "spec/template/spec/containers/0/resources/limits/cpu",
        1,
        "spec.template.spec.containers[0].resources.limits.cpu: expected string, came int",
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
    ("properties", [], "properties: expected ContainerAppProperties, came list"),
    (
        "properties/configuration/ingress/external",
        "no",
        "properties.configuration.ingress.external: expected bool, came str",
    ),
    (
        "properties/configuration/ingress/targetPort",
        True,
        "properties.configuration.ingress.targetPort: expected int, came bool",
    ),
    (
        "properties/configuration/ingress/transport",
        "https",
        "properties.configuration.ingress.transport: expected one of "
        "auto, http, http2, tcp, came https",
    ),
    (
        "properties/template/containers/0/resources/cpu",
        "0.5",
        "properties.template.containers[0].resources.cpu: expected float, came str",
    ),
    (
        "properties/template/containers/0/probes/0/failureThreshold",
        11,
        "properties.template.containers[0].probes[0].failureThreshold: expected 1 to 10, came 11",
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
        "expected str, came int",
    ),
    ("properties/template/scale", "x", "properties.template.scale: expected Scale, came str"),
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
    for memory_mb in range(contract.MEMORY_MINIMUM_MB, contract.MEMORY_LIMIT_MB + 1):
        cpus = cpus_of(memory_mb)
        assert least_gib[cpus] <= memory_mb / 1024 <= most_gib[cpus]
        assert cpus >= memory_mb / contract.MB_PER_VCPU
        if memory_mb <= 8192:
            pair = resources_of(memory_mb)
            gib = float(pair["memory"].removesuffix("Gi"))
            assert gib == 2 * pair["cpu"] == math.ceil(memory_mb / 512) / 2


NAME = "name, with the stage: expected "
NAMES = f"{NAME}at most 49 small letters, digits and hyphens, a letter first"
SHORT = f"{NAME}2 to 32 small letters, digits and single hyphens, a letter first, no hyphen last"
REFUSED = [
    (cloud_run, {"name": "a" * 46}, f"{NAMES}, came '{'a' * 46}-dev'"),
    (cloud_run, {"name": "Lambake"}, f"{NAMES}, came 'Lambake-dev'"),
    (container_app, {"name": "a" * 29}, f"{SHORT}, came '{'a' * 29}-dev'"),
    (container_app, {"name": "a-"}, f"{SHORT}, came 'a--dev'"),
    (
        container_app,
        {"memory_mb": 8193},
        "memory_mb: expected 8192 at most: Container Apps has 8 GiB with its 4 CPUs, came 8193",
    ),
    (
        container_app,
        {"timeout_s": 241},
        "timeout_s: expected 240 at most: the ingress of Container Apps waits no longer, came 241",
    ),
    (
        cloud_run,
        {"environment": {"K_SERVICE": "x"}},
        "environment.K_SERVICE: expected none, since the service sets it, came 'one'",
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
        "environment.PORT: expected none, since the service sets it, came 'one'",
    ),
    ({"timeout_s": 2.5}, "timeout_s: expected whole seconds, came 2.5"),
    (
        {"reserved_concurrency": 0},
        "reserved_concurrency: expected 1 at least: no instances at all is no service, came 0",
    ),
    (
        {"image": "two words"},
        "--image: expected a reference such as registry/name:tag, came 'two words'",
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


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status is 2, the message on stderr, and stdout stays empty."""
    function = tmp_path / "function.yaml"
    function.write_text("handler: a.b\nmemory_mb: 10240\n", encoding="utf-8")
    arguments = ["manifest", "container-apps", "--image", "x", "--function", str(function)]
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "manifest: memory_mb: expected 8192 at most: Container Apps has 8 GiB with its 4 CPUs, "
        "came 10240\n"
    )


def test_everybody_is_said_loudly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public manifest says so in its head, and names the flag in its command."""
    monkeypatch.chdir(ROOT)
    for place in ("cloud-run", "container-apps"):
        assert main(["manifest", place, "--image", "x", "--public"]) == 0
        head = capsys.readouterr().out.splitlines()[:2]
        assert head[0].endswith("--stage dev --public")
        assert head[1].endswith("Callers: EVERYBODY, at your cost.")


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
    one, other = (yaml.safe_load(sample.read_text(encoding="utf-8")) for sample in SAMPLES)
    arguments = one["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments == other["properties"]["template"]["containers"][0]["args"]
    with started(arguments, PORT="0", LAMBAKE_HOST="127.0.0.1", LAMBAKE_MODELS="iris") as process:
        assert process.stdout
        try:
            messages = (json.loads(line)["message"] for line in process.stdout)
            yield next(line.split()[3] for line in messages if line.startswith("Uvicorn running"))
        finally:
            process.kill()


def probed_paths() -> Iterator[str]:
    """Find every path that the platforms ask."""
    one, other = (yaml.safe_load(sample.read_text(encoding="utf-8")) for sample in SAMPLES)
    container = one["spec"]["template"]["spec"]["containers"][0]
    for name in ("startupProbe", "livenessProbe"):
        yield container[name]["httpGet"]["path"]
    for probe in other["properties"]["template"]["containers"][0]["probes"]:
        yield probe["httpGet"]["path"]


def test_every_port_is_the_one_that_it_listens_on() -> None:
    """PORT, the container's port, the ingress's and the probes' are one."""
    service, app = (sample.read_text(encoding="utf-8") for sample in SAMPLES)
    port = re.compile(r"(?:[pP]ort|value): '?(\d+)")
    assert port.findall(service) == ["8080"] * 3
    assert port.findall(app) == ["8080"] * 5


def test_what_the_platforms_ask_is_answered(served: str) -> None:
    """The image's own entry point, started as the manifests say, answers each probe with 200."""
    paths = list(probed_paths())
    assert len(paths) == 5
    assert {path: asked(served, "GET", path).status for path in paths} == {
        "/livez": 200,
        "/readyz": 200,
    }
    assert asked(served, "GET", "/models").json["models"][0]["name"] == "iris"
