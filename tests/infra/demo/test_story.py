"""A stage's whole life in a simulated cloud: real Terraform, boto3, hook and canary, and real
images in a real registry where this machine has docker or podman.

The state lies in a bucket of the same cloud, where it locks itself.

What moto has no data plane for is the emulator's part (infra/cloud): CodeDeploy, an alias's
weights, HTTP APIs, log delivery. Custom domains, throttling and tokens are looked at in the plan
alone (tests/infra/aws).
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator

import pytest
import yaml

from infra.cloud.cloud import cloud
from infra.cloud.registry import loopback_registry
from infra.containers import ContainerTool
from infra.demo.images import Containers
from infra.demo.story import Story, WoundClock, checkout_of
from infra.release import traffic
from infra.release.errors import NotDeployed
from infra.release.preflight import find_tools
from infra.release.smoke import require_closed
from infra.release.status import api_url, follow_logs, outputs_of, status_lines
from infra.release.target import Target
from infra.release.terraform import PLUGINS_VARIABLE, Terraform
from infra.settings import read
from tests import ROOT
from tests.conftest import require_tool
from tests.infra.aws.conftest import program
from tests.infra.aws.terraform import SPARING, mirrors, provider
from tests.infra.aws.test_apply import LISTS
from tests.infra.cloud.clouds import REGION, client_of

# The same image as tests/image tests.
from tests.image.conftest import base, build, tool, image  # isort: skip

__all__ = ["base", "build", "image", "program", "tool"]

pytestmark = pytest.mark.timeout(900)  # the first test waits for the image, too

STATES = "states-of-the-tests"


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """A registry on this machine."""
    require_tool("docker-registry")
    with loopback_registry() as address:
        yield address


@pytest.fixture(scope="module")
def story(
    program: str,
    tool: ContainerTool,
    image: str,
    registry: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    """Set the stage in an empty cloud."""
    place = tmp_path_factory.mktemp("story")
    function = checkout_of(ROOT, place / "checkout")
    settings = yaml.safe_load(function.read_text())
    settings["region"] = REGION
    settings["aws"].update(state_bucket=STATES, images_kept=3)
    function.write_text(yaml.safe_dump(settings))
    images = Containers(tool, image, registry)
    clock = WoundClock()
    config = read(function)
    with (
        pytest.MonkeyPatch.context() as patch,
        cloud(config, port=0, images=images.settings_of, now_s=clock) as box,
        provider({**os.environ, **SPARING, "AWS_REGION": REGION}) as attached,
    ):
        for name, value in {**SPARING, **attached}.items():
            patch.setenv(name, value)
        mirror = next(mirrors(), None)
        if mirror and "TF_CLI_ARGS_init" not in os.environ:
            patch.setenv(PLUGINS_VARIABLE, str(mirror))
        target = Target.of(function, "dev", box.url)
        target.client("s3").create_bucket(Bucket=STATES)
        tools = find_tools(target, builds=True, registry=registry, containers=lambda: tool)
        yield Story(target, place / "dev", images, clock, tools, Said())
    images.close()


class Said(list[str]):
    """Keep what was said."""

    def __call__(self, line: str) -> None:
        self.append(line)


def said_by(story: Story) -> Said:
    """Return what was said since the last look."""
    assert isinstance(story.say, Said)
    said = Said(story.say)
    story.say.clear()
    return said


def live(story: Story) -> tuple[str, str]:
    """Return the live version of the function, and of the iris that it answers by."""
    return traffic.live_version(story.target), story.invoke()["version"]


def standing(story: Story) -> set[str]:
    """Tell of which kinds something stands, but for the bucket of the states."""
    target = story.target
    return {kind for kind, (service, listed) in LISTS.items() if listed(target.client(service))}


# One test after the other: each goes on from where the last one ended.


def test_a_first_deployment(story: Story) -> None:
    """From nothing to an address; the state and its lock lie in the bucket."""
    assert standing(story) == set()
    assert story.deploy()
    said = said_by(story)
    assert "    making the registry" in said
    assert "    60 to make" in said
    assert "    200: model digits 1 says 7" in said
    assert live(story) == ("1", "1")
    assert standing(story) == set(LISTS)
    keys = story.target.client("s3").list_objects_v2(Bucket=STATES)["Contents"]
    assert [key["Key"] for key in keys] == ["lambake-dev.tfstate"]


def test_the_image_is_the_registrys(story: Story, tool: ContainerTool, registry: str) -> None:
    """One digest in the registry, in ECR, and in the function."""
    functions = story.target.client("lambda")
    uri = functions.get_function(FunctionName="lambake-dev", Qualifier="live")["Code"]["ImageUri"]
    digest = uri.partition("@")[2]
    ecr = story.target.client("ecr")
    (recorded,) = ecr.describe_images(repositoryName="lambake-dev")["imageDetails"]
    assert recorded["imageDigest"] == digest
    address = f"{registry}/lambake-dev@{digest}"
    assert address in (tool.inspect(address) or {})["RepoDigests"]


def test_predictions(story: Story) -> None:
    """By boto3 as a caller would, and through the API: signed yes, unsigned no."""
    client = client_of("lambda", str(story.target.simulated))
    with contextlib.closing(client):
        answer = client.invoke(
            FunctionName="lambake-dev:live",
            Payload=b'{"model": "iris", "rows": [[5.1, 3.5, 1.4, 0.2]]}',
        )
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "1")
    assert b'"label":"setosa"' in answer["Payload"].read().replace(b" ", b"")
    assert story.call() == "200: model digits 1 says 7"
    require_closed(story.target, api_url(story.target))


def test_what_is_shown(story: Story) -> None:
    """Status tells the address and the versions; the log is the function's."""
    terraform = Terraform(story.target, story.folder, story.tools.terraform)
    outputs = outputs_of(story.target, terraform)
    lines = status_lines(story.target, outputs)
    assert lines[1:6] == [
        f"api        {api_url(story.target)} (iam)",
        "live       version 1",
        "before     none to roll back to",
        "newest     version 1",
        f"image      {outputs['function']['image']}",
    ]
    assert lines[6] == "alarms     none of 5 rings"
    logged = Said()
    follow_logs(story.target, outputs["log_groups"]["function"], logged, since_s=600, follow=False)
    assert any("REPORT RequestId: " in line for line in logged)


def test_the_same_again(story: Story) -> None:
    """The registry has the image, the plan is empty, the version is live: nothing is changed."""
    said_by(story)
    assert not story.deploy()
    # Without what is said of a slow Terraform.
    said = [line for line in said_by(story) if " still runs after " not in line]
    assert said[4].endswith(": the registry has it already")
    assert said[6:9] == ["    no changes", "4/7 apply: nothing to do", "5/7 canary"]
    assert "nothing was changed: this is already deployed" in said


def test_a_wrong_image(story: Story) -> None:
    """The golden vectors stop it before it gets any traffic."""
    story.spoilt = True
    reason = story.refused()
    story.spoilt = False
    assert reason.startswith(
        "version 2 did not get the traffic, version 1 keeps it: "
        "The hook of BeforeAllowTraffic reported that it failed.\n"
        "  iris 1: row 0: expected label = setosa, got versicolor\n"
    )
    assert not any("10%" in line for line in said_by(story))
    assert live(story) == ("1", "1")


def test_an_alarm(story: Story) -> None:
    """A new version of the model has a tenth of the traffic when an alarm rings, and loses it."""
    story.newer_iris()
    story.ring()
    assert "Activated alarms: <lambake-dev-errors>" in story.refused()
    said = said_by(story)
    assert "    10% of the traffic to version 3, for 5 minutes more; 5 alarms quiet" in said
    assert said[-2:] == ["    stopped", "    the old version gets the traffic back"]
    assert live(story) == ("1", "1")


def test_a_canary(story: Story) -> None:
    """The alarm is quiet: the same commit goes through, nothing is built or applied again.

    Two deploys that pushed and got no further have made the new image the third newest: that of the
    refused version goes, and the one to go back to stays, older as it is.
    """
    story.set_alarm("errors", "OK")
    ecr = story.target.client("ecr")
    first, *_ = ecr.list_images(repositoryName="lambake-dev")["imageIds"]
    for number in range(2):
        manifest = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "number": number}
        ecr.put_image(
            repositoryName="lambake-dev",
            imageManifest=json.dumps(manifest),
            imageDigest=f"sha256:{number:064d}",
            imageTag=f"cut-off-{number}",
        )
    assert story.deploy()
    said = said_by(story)
    assert "    images removed: 1; the newest 3 and those that run stay" in said
    left = ecr.list_images(repositoryName="lambake-dev")["imageIds"]
    assert (left[0], len(left)) == (first, 4)
    assert "4/7 apply: nothing to do" in said
    assert "    10% of the traffic to version 3, for 5 minutes more; 5 alarms quiet" in said
    assert "    removed: 2" in said
    assert live(story) == ("3", "2")


def test_back(story: Story) -> None:
    """A rollback is a matter of one call, and the version before answers."""
    assert story.roll_back() == ("3", "1")
    assert live(story) == ("1", "1")


def test_the_end(story: Story) -> None:
    """Nothing is left of it, images, objects and logs included; it says what it was."""
    s3 = story.target.client("s3")
    s3.put_object(Bucket=f"lambake-dev-123456789012-{story.target.region}-out", Key="out/1.json")
    said_by(story)
    assert story.destroy()
    said = said_by(story)
    assert said[0] == (
        "lambake-dev: 61 resources, 4 images, "
        f"1 objects of lambake-dev-123456789012-{story.target.region}-out"
    )
    assert said[-2].startswith("removed: 1 apigatewayv2_api, ")
    assert said[-1].endswith(", and the state")
    assert standing(story) == set()
    assert s3.list_objects_v2(Bucket=STATES)["KeyCount"] == 0
    with pytest.raises(NotDeployed):
        story.destroy()
