"""
Take a stage down: everything that deploy made, the images and the logs included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from infra.release.errors import NotDeployed
from infra.release.target import Target
from infra.release.terraform import Terraform

Say = Callable[[str], None]


def destroy(target: Target, terraform: Terraform, say: Say, agree: Callable[[str], bool]) -> bool:
    """
    Ask, empty what cannot be removed full, remove it all, and say what it was.

    Returns:
        Whether it was agreed to.

    Raises:
        NotDeployed: there is nothing.
    """
    terraform.init()
    resources = terraform.resources()
    if not resources:
        raise NotDeployed(target.stage)
    outputs = terraform.outputs()
    images = _image_count(target)
    buckets = outputs.get("buckets") or {}
    objects = {name: _object_count(target, name) for name in buckets.values()}
    kinds = Counter(address.split(".")[0] for address in resources if "data." not in address)
    say(f"{target.name}: {sum(kinds.values())} resources, {images} images")
    for name, count in objects.items():
        say(f"  bucket {name}: {count if count < _MOST else f'{_MOST} and more'} objects")
    if not agree(f"Remove all of it for good? Type {target.name}:"):
        return False
    for name in buckets.values():
        _empty(target, name)
    digest = str((outputs.get("function") or {}).get("image", "")).partition("@")[2]
    variables = {"image_digest": digest or "sha256:" + "0" * 64}
    terraform.destroy(variables, lambda line: say(f"  {line}"))
    # Lambda itself makes the log group anew if it writes a last line after Terraform's removal.
    for group in (outputs.get("log_groups") or {}).values():
        _forget(target.client("logs").delete_log_group, logGroupName=group)
    listed = ", ".join(f"{count} {kind.removeprefix('aws_')}" for kind, count in kinds.items())
    say(f"removed: {listed}; {images} images; {sum(objects.values())} objects")
    return True


_MOST = 1000


def _image_count(target: Target) -> int:
    try:
        pages = target.client("ecr").get_paginator("list_images")
        return sum(len(page["imageIds"]) for page in pages.paginate(repositoryName=target.name))
    except ClientError:
        return 0


def _object_count(target: Target, bucket: str) -> int:
    try:
        return int(target.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"])
    except ClientError:
        return 0


def _empty(target: Target, bucket: str) -> None:
    """
    Delete every object of a bucket, in all its versions.
    """
    s3 = target.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        keys = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        if keys:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def _forget(operation: Callable[..., Any], **arguments: str) -> None:
    try:
        operation(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
