"""
Take a stage down: everything that deploy made, the images and the logs included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from botocore.exceptions import ClientError

from infra.release.errors import NotDeployed
from infra.release.target import Target
from infra.release.terraform import Terraform

Say = Callable[[str], None]


def destroy(target: Target, terraform: Terraform, say: Say, agree: Callable[[str], bool]) -> bool:
    """
    Ask, remove it all, and say what it was. One that was cut off is taken up again.

    Returns:
        Whether it was agreed to.

    Raises:
        NotDeployed: there is nothing.
    """
    terraform.init()
    standing = [address for address in terraform.resources() if not address.startswith("data.")]
    if not standing:
        raise NotDeployed(target.stage)
    outputs = terraform.outputs()
    kept = {"images": _images(target)}
    for bucket in (outputs.get("buckets") or {}).values():
        kept[f"objects of {bucket}"] = _objects(target, bucket)
    inside = [f"{count} {what}" for what, count in kept.items() if count]
    say(f"{target.name}: {', '.join([f'{len(standing)} resources', *inside])}")
    if not agree(f"Remove all of it for good? Type {target.name}:"):
        say("nothing was removed")
        return False
    digest = str((outputs.get("function") or {}).get("image", "")).partition("@")[2]
    # The description wants a digest, whatever it is, for a function that is only removed.
    variables = {"image_digest": digest or "sha256:" + "0" * 64}
    terraform.destroy(variables, lambda line: say(f"  {line}"))
    # A last line that was on its way may have made a log group anew.
    for group in (outputs.get("log_groups") or {}).values():
        _forget(target, group)
    terraform.forget()
    kinds = Counter(address.split(".")[0].removeprefix("aws_") for address in standing)
    say(f"removed: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}")
    say(f"with {', '.join(inside) or 'nothing inside'}, and the state")
    return True


def _images(target: Target) -> int:
    try:
        pages = target.client("ecr").get_paginator("list_images")
        return sum(len(page["imageIds"]) for page in pages.paginate(repositoryName=target.name))
    except ClientError:
        return 0  # an earlier destroy came so far


def _objects(target: Target, bucket: str) -> int:
    try:
        pages = target.client("s3").get_paginator("list_objects_v2")
        return sum(page["KeyCount"] for page in pages.paginate(Bucket=bucket))
    except ClientError:
        return 0


def _forget(target: Target, group: str) -> None:
    try:
        target.client("logs").delete_log_group(logGroupName=group)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
