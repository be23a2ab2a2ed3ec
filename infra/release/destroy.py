"""Remove a stage: everything that deploy made, with the images and the logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from botocore.exceptions import ClientError

from infra.release.aws_errors import code_of
from infra.release.deployments import Deployments
from infra.release.errors import NotDeployed
from infra.release.preflight import require_same_place
from infra.release.target import Say, Target
from infra.release.terraform import Terraform

_NO_GROUP = ("ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException")


def destroy(target: Target, terraform: Terraform, say: Say, agree: Callable[[str], bool]) -> bool:
    """Ask, remove everything, and report it; return whether the user agreed.

    The next destroy continues one that was cut off.
    """
    with terraform.alone():
        return _destroy_all(target, terraform, say, agree)


def _destroy_all(
    target: Target, terraform: Terraform, say: Say, agree: Callable[[str], bool]
) -> bool:
    terraform.init()
    standing = [address for address in terraform.resources() if not address.startswith("data.")]
    if not standing:
        terraform.forget()  # an earlier destroy may have been cut off just before
        raise NotDeployed(target.stage)
    outputs = terraform.outputs()
    require_same_place(target, outputs)
    kept = {"images": _images(target)}
    for bucket in (outputs.get("buckets") or {}).values():
        kept[f"objects of {bucket}"] = _objects(target, bucket)
    inside = [f"{count} {what}" for what, count in kept.items() if count]
    say(f"{target.name}: {', '.join([f'{len(standing)} resources', *inside])}")
    if not agree(f"Remove all of it for good? Type {target.name}:"):
        say("nothing was removed")
        return False
    _stop_canary(target, say)
    for policy in outputs.get("callers_policies") or []:
        _detach(target, policy, say)
    for bucket in (outputs.get("buckets") or {}).values():
        _empty(target, bucket)
    digest = str((outputs.get("function") or {}).get("image", "")).partition("@")[2]
    # The description requires a digest, any digest, even to remove a function.
    variables = {"image_digest": digest or "sha256:" + "0" * 64}
    terraform.destroy(variables, lambda line: say(f"  {line}"))
    # A last log line on its way may have recreated a log group.
    for group in (outputs.get("log_groups") or {}).values():
        _forget(target, group)
    terraform.forget()
    kinds = Counter(address.split(".")[0].removeprefix("aws_") for address in standing)
    say(f"removed: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}")
    say(f"with {', '.join(inside) or 'nothing inside'}, and the state")
    return True


def _stop_canary(target: Target, say: Say) -> None:
    """End a deployment that would outlive its alias."""
    try:
        deployments = Deployments(target)
        running = deployments.under_way()
    except ClientError as error:
        if code_of(error) not in _NO_GROUP:
            raise
        return
    if running is not None:
        say(f"stopping deployment {running.identifier}")
        deployments.stop(running.identifier)


def _detach(target: Target, policy: str, say: Say) -> None:
    """Detach a policy from its callers: IAM removes none that is attached."""
    iam = target.client("iam")
    try:
        pages = iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=policy)
        found = pages.build_full_result()
    except ClientError as error:
        if code_of(error) not in ("NoSuchEntity", "AccessDenied"):
            raise
        return  # without permission to look, an unattached policy can still be removed
    for kind in ("Group", "Role", "User"):
        for entity in found.get(f"Policy{kind}s", []):
            name = entity[f"{kind}Name"]
            say(f"{policy.rpartition('/')[2]} is taken from {kind.lower()} {name}")
            detach = getattr(iam, f"detach_{kind.lower()}_policy")
            detach(**{f"{kind}Name": name}, PolicyArn=policy)


def _images(target: Target) -> int:
    try:
        pages = target.client("ecr").get_paginator("list_images")
        return sum(len(page["imageIds"]) for page in pages.paginate(repositoryName=target.name))
    except ClientError:
        return 0  # an earlier destroy got this far


def _objects(target: Target, bucket: str) -> int:
    try:
        pages = target.client("s3").get_paginator("list_objects_v2")
        return sum(page["KeyCount"] for page in pages.paginate(Bucket=bucket))
    except ClientError:
        return 0


def _empty(target: Target, bucket: str) -> None:
    """Remove all versions of all objects: outside of dev Terraform removes no full bucket."""
    s3 = target.client("s3")
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            versions = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            if versions:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
    except ClientError as error:
        if code_of(error) != "NoSuchBucket":
            raise


def _forget(target: Target, group: str) -> None:
    try:
        target.client("logs").delete_log_group(logGroupName=group)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
