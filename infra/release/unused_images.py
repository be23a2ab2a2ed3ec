"""Remove images that no version runs; ECR's lifecycle rules cannot know which do."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.release.aws_errors import explained
from infra.release.target import Say, Target
from infra.release.traffic import versions

_MOST_AT_ONCE = 100  # BatchDeleteImage accepts no more


def remove_unused_images(target: Target, say: Say) -> list[str]:
    """Delete images that no version runs, except the newest (`aws.images_kept`); return the
    digests.

    Images that cannot be checked or deleted are left to the next release, with a message.
    """
    removed: list[str] = []
    try:
        for some in _at_most(_MOST_AT_ONCE, _unused(target)):
            removed += _delete(target, some, say)
    except _Unknown as unknown:
        say(f"all images stay: {unknown}")
    except (BotoCoreError, ClientError) as error:
        say(f"images that no version runs stay: {explained(error)}")
    if removed:
        newest = f"the newest {target.aws.images_kept} and those that run stay"
        say(f"images removed: {len(removed)}; {newest}")
    return removed


class _Unknown(Exception):
    """A version that does not say which image it runs."""


def _unused(target: Target) -> list[str]:
    pages = target.client("ecr").get_paginator("describe_images")
    images = [
        image
        for page in pages.paginate(repositoryName=target.name)
        for image in page["imageDetails"]
    ]
    images.sort(key=lambda image: image["imagePushedAt"], reverse=True)
    older = [str(image["imageDigest"]) for image in images[target.aws.images_kept :]]
    # Asked last, to see what another release has begun to use by now.
    in_use = set(_in_use(target)) if older else set()
    return [digest for digest in older if digest not in in_use]


def _in_use(target: Target) -> Iterator[str]:
    client = target.client("lambda")
    for version in ("$LATEST", *map(str, versions(target))):
        code = client.get_function(FunctionName=target.name, Qualifier=version)["Code"]
        digest = str(code.get("ResolvedImageUri", "")).partition("@")[2]
        if not digest:
            raise _Unknown(f"expected Lambda to tell which one version {version} runs, it did not")
        yield digest


def _delete(target: Target, digests: Sequence[str], say: Say) -> list[str]:
    answer: Any = target.client("ecr").batch_delete_image(
        repositoryName=target.name, imageIds=[{"imageDigest": digest} for digest in digests]
    )
    failed = {one["imageId"]["imageDigest"]: one["failureReason"] for one in answer["failures"]}
    for digest, reason in failed.items():
        say(f"image {digest} stays: {reason}")
    return [digest for digest in digests if digest not in failed]


def _at_most(count: int, digests: Sequence[str]) -> Iterator[list[str]]:
    left = iter(digests)
    while some := list(itertools.islice(left, count)):
        yield some
