"""The digest of a function's image, as GetFunction tells it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.awslambda.models import LambdaFunction
from moto.moto_api._internal.models import moto_api_backend

from infra.cloud.image_digests import images_resolved
from tests.infra.cloud.clouds import Client, client_of, created, moto_server

REPOSITORY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/lambake"
A, B = (f"sha256:{letter * 64}" for letter in "ab")
MANIFEST = '{"mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}'


@pytest.fixture
def client() -> Iterator[Client]:
    """Make clients of an empty cloud that resolves images."""
    moto_api_backend.reset()
    with moto_server() as url, images_resolved():
        yield lambda service: client_of(service, url)
    moto_api_backend.reset()


def resolved(client: Client, name: str, qualifier: str = "$LATEST") -> tuple[str, str]:
    """Give the URI that was resolved, and the hash of the code."""
    told = client("lambda").get_function(FunctionName=name, Qualifier=qualifier)
    return told["Code"]["ResolvedImageUri"], told["Configuration"]["CodeSha256"]


def put(client: Client, digest: str) -> None:
    """Push an image as `1`, which it takes from another."""
    manifest = MANIFEST.replace("[]", f'[{{"digest": "{digest}"}}]')
    client("ecr").put_image(
        repositoryName="lambake", imageManifest=manifest, imageDigest=digest, imageTag="1"
    )


def test_by_digest(client: Client) -> None:
    """It is that of the URI; a version keeps its own."""
    name, functions = created(client), client("lambda")
    functions.update_function_code(FunctionName=name, ImageUri=f"{REPOSITORY}@{A}", Publish=True)
    functions.update_function_code(FunctionName=name, ImageUri=f"{REPOSITORY}@{B}")
    assert resolved(client, name) == (f"{REPOSITORY}@{B}", "b" * 64)
    assert resolved(client, name, "1") == (f"{REPOSITORY}@{A}", "a" * 64)


def test_by_tag(client: Client) -> None:
    """It is what the tag stood for then, wherever the tag goes later."""
    client("ecr").create_repository(repositoryName="lambake")
    put(client, A)
    name = created(client)
    put(client, B)
    assert resolved(client, name) == (f"{REPOSITORY}@{A}", "a" * 64)
    client("lambda").update_function_code(FunctionName=name, ImageUri=f"{REPOSITORY}:1")
    assert resolved(client, name) == (f"{REPOSITORY}@{B}", "b" * 64)


def test_by_nothing_that_is_there(client: Client) -> None:
    """moto takes images that nobody pushed: theirs is made up, and has the form of one."""
    uri, code = resolved(client, created(client))
    assert uri == f"{REPOSITORY}@sha256:{code}"


def test_moto_alone_cuts_it() -> None:
    """Should moto learn it, it can go from here."""
    with moto_server() as url:
        name = created(lambda service: client_of(service, url))
        functions = client_of("lambda", url)
        functions.update_function_code(FunctionName=name, ImageUri=f"{REPOSITORY}@{A}")
        told = functions.get_function(FunctionName=name)["Code"]["ResolvedImageUri"]
    assert told != f"{REPOSITORY}@{A}"


def test_moto_is_itself_again() -> None:
    """Afterwards nothing is left of it."""
    original = LambdaFunction.get_code
    with images_resolved():
        assert LambdaFunction.get_code is not original
    assert LambdaFunction.get_code is original
