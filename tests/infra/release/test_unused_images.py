"""Which images may go: what no version runs, but for the newest."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber
from moto.ecr.models import ecr_backends

from infra.release.target import Target
from infra.release.unused_images import remove_unused_images
from tests.infra.cloud.clouds import REGION
from tests.infra.cloud.stages import Stage
from tests.infra.release.staged import target_of

ACCOUNT = "123456789012"


@pytest.fixture
def target(stage: Stage) -> Target:
    """A stage with a repository, of which the three newest images are kept."""
    stage.client("ecr").create_repository(repositoryName=stage.function)
    return target_of(stage, images_kept=3)


def push(stage: Stage, number: int) -> str:
    """Push an image, so many seconds after the first; give its digest."""
    manifest = json.dumps(
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [], "number": number}
    )
    digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    stage.client("ecr").put_image(
        repositoryName=stage.function,
        imageManifest=manifest,
        imageDigest=digest,
        imageTag=f"t{number}",
    )
    pushed = ecr_backends[ACCOUNT][REGION].repositories[stage.function].images[-1]
    pushed.image_pushed_at = number
    return digest


def publish(stage: Stage, image: str) -> str:
    """Make a version that runs an image, named by its tag or digest."""
    uri = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{stage.function}{image}"
    published = stage.client("lambda").update_function_code(
        FunctionName=stage.function, ImageUri=uri, Publish=True
    )
    return str(published["Version"])


def left(stage: Stage) -> list[str]:
    """List what the repository has."""
    listed = stage.client("ecr").list_images(repositoryName=stage.function)["imageIds"]
    return [one["imageTag"] for one in listed]


def test_ten_that_were_refused(stage: Stage, target: Target) -> None:
    """The version that is live runs the oldest image by far: it stays, and so do the newest."""
    digests = [push(stage, number) for number in range(13)]
    publish(stage, f"@{digests[1]}")
    publish(stage, f"@{digests[4]}")
    said: list[str] = []
    removed = remove_unused_images(target, said.append)
    assert removed == [digests[number] for number in (9, 8, 7, 6, 5, 3, 2, 0)]
    assert left(stage) == ["t1", "t4", "t10", "t11", "t12"]
    assert said == ["images removed: 8; the newest 3 and those that run stay"]
    assert remove_unused_images(target, said.append) == []
    assert len(said) == 1


def test_what_is_not_published_runs_too(stage: Stage, target: Target) -> None:
    """$LATEST, and a version whose image was named by its tag."""
    for number in range(6):
        push(stage, number)
    publish(stage, ":t1")
    uri = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{stage.function}:t0"
    stage.client("lambda").update_function_code(FunctionName=stage.function, ImageUri=uri)
    remove_unused_images(target, print)
    assert left(stage) == ["t0", "t1", "t3", "t4", "t5"]


def test_a_version_that_is_gone(stage: Stage, target: Target) -> None:
    """Its image goes with it."""
    for number in range(5):
        push(stage, number)
    publish(stage, ":t0")
    version = publish(stage, ":t4")
    publish(stage, ":t3")
    client = stage.client("lambda")
    client.delete_function(FunctionName=stage.function, Qualifier="2")
    assert len(remove_unused_images(target, print)) == 2
    assert left(stage) == ["t2", "t3", "t4"]
    assert client.get_function(FunctionName=stage.function, Qualifier=version)


def digest_of(number: int) -> str:
    """Make one up."""
    return f"sha256:{number:064d}"


def page(numbers: range, more: str | None = None) -> dict[str, Any]:
    """Spell an answer of DescribeImages."""
    images = [
        {"imageDigest": digest_of(one), "imagePushedAt": datetime.fromtimestamp(one, UTC)}
        for one in numbers
    ]
    return {"imageDetails": images, **({"nextToken": more} if more else {})}


def ids(numbers: range) -> list[dict[str, str]]:
    """Spell what BatchDeleteImage is told."""
    return [{"imageDigest": digest_of(one)} for one in numbers]


def test_many(target: Target) -> None:
    """All pages are read, and no more deleted at once than ECR takes; one that stays is told of."""
    repository = {"repositoryName": target.name}
    failure = {
        "imageId": {"imageDigest": digest_of(0)},
        "failureCode": "ImageReferencedByManifestList",
        "failureReason": "a list has it",
    }
    said: list[str] = []
    with Stubber(target.client("ecr")) as ecr:
        ecr.add_response("describe_images", page(range(150), "more"), repository)
        ecr.add_response(
            "describe_images", page(range(150, 253)), {**repository, "nextToken": "more"}
        )
        for numbers in (range(249, 149, -1), range(149, 49, -1), range(49, -1, -1)):
            failures = [failure] if 0 in numbers else []
            ecr.add_response(
                "batch_delete_image",
                {"imageIds": ids(numbers), "failures": failures},
                {**repository, "imageIds": ids(numbers)},
            )
        removed = remove_unused_images(target, said.append)
        ecr.assert_no_pending_responses()
    assert removed == [digest_of(number) for number in range(249, 0, -1)]
    assert said == [
        f"image {digest_of(0)} stays: a list has it",
        "images removed: 249; the newest 3 and those that run stay",
    ]


def test_who_may_not_delete(target: Target) -> None:
    """The release goes on: it is told of, with what to do."""
    said: list[str] = []
    with Stubber(target.client("ecr")) as ecr:
        ecr.add_response("describe_images", page(range(5)))
        ecr.add_client_error("batch_delete_image", "AccessDeniedException", "no")
        assert remove_unused_images(target, said.append) == []
    assert said == [
        "images that no version runs stay: An error occurred (AccessDeniedException) when calling "
        "the BatchDeleteImage operation: no: who administers the account can grant it"
    ]


def test_a_version_that_does_not_tell(target: Target) -> None:
    """Nothing is deleted on a guess."""
    said: list[str] = []
    with (
        Stubber(target.client("ecr")) as ecr,
        Stubber(target.client("lambda")) as functions,
    ):
        ecr.add_response("describe_images", page(range(5)))
        functions.add_response("list_versions_by_function", {"Versions": []})
        functions.add_response("get_function", {"Code": {"RepositoryType": "ECR"}})
        assert remove_unused_images(target, said.append) == []
    assert said == [
        "all images stay: expected Lambda to tell which one version $LATEST runs, it did not"
    ]
