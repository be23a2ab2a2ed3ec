"""The digest of a function's image, as GetFunction tells it."""

from __future__ import annotations

from infra.cloud.image_digests import images_resolved
from tests.infra.cloud.clouds import Client, client_of, created

REPOSITORY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/lambake"
A, B = (f"sha256:{letter * 64}" for letter in "ab")
MANIFEST = '{"mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}'


PATCH = images_resolved


def resolved(patched: Client, name: str, qualifier: str = "$LATEST") -> tuple[str, str]:
    """Return the URI that was resolved, and the hash of the code."""
    told = patched("lambda").get_function(FunctionName=name, Qualifier=qualifier)
    return told["Code"]["ResolvedImageUri"], told["Configuration"]["CodeSha256"]


def put(patched: Client, digest: str) -> None:
    """Push an image as `1`, which it takes from another."""
    manifest = MANIFEST.replace("[]", f'[{{"digest": "{digest}"}}]')
    patched("ecr").put_image(
        repositoryName="lambake", imageManifest=manifest, imageDigest=digest, imageTag="1"
    )


def test_by_digest(patched: Client) -> None:
    """It is that of the URI; a version keeps its own."""
    name, functions = created(patched), patched("lambda")
    functions.update_function_code(FunctionName=name, ImageUri=f"{REPOSITORY}@{A}", Publish=True)
    functions.update_function_code(FunctionName=name, ImageUri=f"{REPOSITORY}@{B}")
    assert resolved(patched, name) == (f"{REPOSITORY}@{B}", "b" * 64)
    assert resolved(patched, name, "1") == (f"{REPOSITORY}@{A}", "a" * 64)


def test_by_tag(patched: Client) -> None:
    """It is what the tag stood for then, wherever the tag goes later."""
    patched("ecr").create_repository(repositoryName="lambake")
    put(patched, A)
    name = created(patched)
    put(patched, B)
    assert resolved(patched, name) == (f"{REPOSITORY}@{A}", "a" * 64)
    patched("lambda").update_function_code(FunctionName=name, ImageUri=f"{REPOSITORY}:1")
    assert resolved(patched, name) == (f"{REPOSITORY}@{B}", "b" * 64)


def test_by_nothing_that_is_there(patched: Client) -> None:
    """moto takes images that nobody pushed: theirs is made up, and has the form of one."""
    uri, code = resolved(patched, created(patched))
    assert uri == f"{REPOSITORY}@sha256:{code}"


def test_moto_alone_cuts_it(endpoint: str) -> None:
    """Should moto learn it, it can go from here."""
    functions = client_of("lambda", endpoint)
    name = created(lambda service: client_of(service, endpoint))
    functions.update_function_code(FunctionName=name, ImageUri=f"{REPOSITORY}@{A}")
    told = functions.get_function(FunctionName=name)["Code"]["ResolvedImageUri"]
    assert told != f"{REPOSITORY}@{A}"
