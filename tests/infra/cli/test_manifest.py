"""`lambake manifest`: its templates, filled, against their makers' schemas."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from ruamel.yaml import YAML

from infra.cli import main
from infra.cli.manifest import PLACES
from tests.infra.cli.published_schemas import cloud_run_breaches, container_app_breaches

# What every reader must take for text: a number, a truth value, a date or a mark of YAML to some.
TRICKY = [
    "1e3",
    "n",
    "off",
    "0o17",
    "12:30:45",
    "2001-01-01",
    "~",
    "",
    '"',
    "a: b",
    "ü\u2028😀",
    "\n",
]
MANY: dict[str, Any] = {
    "memory_mb": 3008,
    "timeout_s": 200,
    "concurrency": 50,
    "reserved_concurrency": 7,
    "provisioned_concurrency": 2,
    "environment": {f"LAMBAKE_{chr(65 + number)}": text for number, text in enumerate(TRICKY)},
}


class Manifests:
    """The command, for a function of a test's own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._file = folder / "function.yaml"
        self._capsys = capsys

    def __call__(
        self, place: str, *flags: str, image: str = "a/b:1", **settings: Any
    ) -> tuple[int, str, str]:
        """Run it: its status, stdout and stderr."""
        settings = {"name": "lambake", "handler": "a.b", **settings}
        self._file.write_text(yaml.safe_dump(settings), encoding="utf-8")
        named = ["--image", image, "--function", str(self._file), *flags]
        status = main(["manifest", place, *named])
        return status, *self._capsys.readouterr()


@pytest.fixture
def manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Manifests:
    """The command."""
    return Manifests(tmp_path, capsys)


def breaches_of(place: str, document: dict[str, Any]) -> list[str]:
    """Hold a manifest against its maker's schema; `az` takes the location from the environment."""
    if place == "cloud-run":
        return cloud_run_breaches(document)
    return container_app_breaches({**document, "location": "westeurope"})


@pytest.mark.parametrize("flags", [(), ("--public",)])
@pytest.mark.parametrize("settings", [{}, MANY])
@pytest.mark.parametrize("place", PLACES)
def test_its_maker_knows_every_key(
    manifest: Manifests, place: str, settings: dict[str, Any], flags: tuple[str, ...]
) -> None:
    """Keys, kinds and annotations are those of Google's schema and of Microsoft's types."""
    status, text, _ = manifest(place, *flags, **settings)
    document = yaml.safe_load(text)
    assert (status, breaches_of(place, document)) == (0, [])
    public = {"cloud-run": 'disabled: "true"', "container-apps": "external: true"}[place]
    assert (public in text, "EVERYBODY, at your cost" in text) == (bool(flags), bool(flags))
    for version in ("1.1", "1.2"):  # as `gcloud` may read it, beside PyYAML, which `az` has
        reader = YAML(typ="safe", pure=True)
        reader.version = version
        assert reader.load(io.StringIO(text)) == document


PLANTED = [
    ("cloud-run", "timeoutSeconds: 30", "timeoutSecond: 30", "'timeoutSecond' was unexpected"),
    (
        "cloud-run",
        "timeoutSeconds: 30",
        "timeoutSeconds: x",
        "'x' is not of type 'integer'",
    ),
    ("cloud-run", "startup-cpu-boost", "start-cpu-boost", "start-cpu-boost: none of Revision"),
    (
        "cloud-run",
        "args: [serve]",
        "securityContext: {}",
        "containers.0: False schema does not",
    ),
    ("container-apps", "external: ", "extern: ", "ingress.extern: no key of Ingress"),
    ("container-apps", "transport: http", "transport: https", "expected one of auto, http, http2"),
    ("container-apps", "failureThreshold: 10", "failureThreshold: 11", "expected 1 to 10, got 11"),
    ("container-apps", "path: /livez, port: 8080", "path: /livez", "httpGet.port: missing"),
    ("container-apps", 'Requests: "16"', "Requests: 16", "expected str, got int"),
]


@pytest.mark.parametrize(("place", "right", "wrong", "breach"), PLANTED)
def test_what_its_maker_does_not_know_is_found(
    manifest: Manifests, place: str, right: str, wrong: str, breach: str
) -> None:
    """The check above can fail: by a key, a kind, a value, an annotation in the wrong place."""
    _, text, _ = manifest(place)
    assert right in text
    (found,) = breaches_of(place, yaml.safe_load(text.replace(right, wrong)))
    assert breach in found


def test_settings_arrive(manifest: Manifests) -> None:
    """Each where its service reads it; CPU and memory go together."""
    service = yaml.safe_load(manifest("cloud-run", "--stage", "prod", **MANY)[1])
    template = service["spec"]["template"]
    scale = template["metadata"]["annotations"]
    (container,) = template["spec"]["containers"]
    assert service["metadata"]["name"] == "lambake-prod"
    assert [scale[f"autoscaling.knative.dev/{m}Scale"] for m in ("min", "max")] == ["2", "7"]
    assert (template["spec"]["timeoutSeconds"], container["image"]) == (200, "a/b:1")
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "3008Mi"}
    assert [one["value"] for one in container["env"]] == TRICKY
    app = yaml.safe_load(manifest("container-apps", **MANY)[1])["properties"]["template"]
    (container,) = app["containers"]
    assert container["resources"] == {"cpu": 1.5, "memory": "3Gi"}
    assert [one["value"] for one in container["env"]] == ["8080", *TRICKY]
    assert (app["scale"]["minReplicas"], app["scale"]["maxReplicas"]) == (2, 7)


@pytest.mark.parametrize("memory_mb", [128, 511, 512, 513, 1769, 1770, 8192])
def test_cpu_and_memory_go_together(manifest: Manifests, memory_mb: int) -> None:
    """No less than Lambda's share of a CPU; little memory takes few requests at once."""
    spec = yaml.safe_load(manifest("cloud-run", memory_mb=memory_mb)[1])["spec"]["template"]["spec"]
    assert spec["containerConcurrency"] == min(16, memory_mb // 32)
    assert int(spec["containers"][0]["resources"]["limits"]["cpu"]) >= memory_mb / 1769
    app = yaml.safe_load(manifest("container-apps", memory_mb=memory_mb)[1])
    pair = app["properties"]["template"]["containers"][0]["resources"]
    gib = float(pair["memory"].removesuffix("Gi"))
    assert gib == 2 * pair["cpu"] == math.ceil(memory_mb / 512) / 2


IMAGE = "--image: expected a reference such as registry.example/name:tag, got "
LONG = "name, with the stage: expected at most 49 small letters, digits and hyphens, a letter first"
SHORT = "name, with the stage: expected 2 to 32 small letters, digits and single hyphens, a letter"
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("cloud-run", {"name": "a" * 46}, LONG),
    ("cloud-run", {"name": "Lambake"}, LONG),
    ("container-apps", {"name": "a" * 29}, SHORT),
    ("container-apps", {"name": "a-"}, SHORT),
    ("container-apps", {"memory_mb": 8193}, "memory_mb: expected 8192 at most, got 8193\n"),
    ("container-apps", {"timeout_s": 241}, "timeout_s: expected 240 at most, got 241"),
    ("cloud-run", {"timeout_s": 2.5}, "timeout_s: expected whole seconds, got 2.5\n"),
    ("cloud-run", {"reserved_concurrency": 0}, "reserved_concurrency: expected 1 at least: none"),
    ("cloud-run", {"environment": {"K_SERVICE": "x"}}, "environment.K_SERVICE: expected none: "),
    ("container-apps", {"environment": {"PORT": "1"}}, "environment.PORT: expected none: "),
    *(
        ("cloud-run", {"image": image}, f"{IMAGE}{image!r}\n")
        for image in ("two words", "https://a.b/c", "a.b/C", "a.b/c:", "a.b//c", "c@sha256:0123")
    ),
]


@pytest.mark.parametrize(("place", "settings", "said"), REFUSED)
def test_what_a_service_cannot_do_is_said(
    manifest: Manifests, place: str, settings: dict[str, Any], said: str
) -> None:
    """In a line on stderr, with what can be done; the status is 2 and stdout stays empty."""
    status, out, error = manifest(place, **settings)
    assert (status, out) == (2, "")
    assert error.startswith(said)
