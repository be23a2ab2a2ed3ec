"""Versions of moto's functions keep image and number; lines reach the log group."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.infra.cloud.clouds import Client, created, until


def image_of(number: int) -> str:
    """Name an image."""
    return f"123456789012.dkr.ecr.us-east-1.amazonaws.com/lambake@sha256:{number:064d}"


def test_versions_keep_their_image(client: Client) -> None:
    """An update of the function is none of a version that was published before."""
    name = created(client)
    for number in (1, 2):
        client("lambda").update_function_code(
            FunctionName=name, ImageUri=image_of(number), Publish=True
        )
    images = [
        client("lambda").get_function(FunctionName=name, Qualifier=version)["Code"]["ImageUri"]
        for version in ("1", "2", "$LATEST")
    ]
    assert images == [image_of(1), image_of(2), image_of(2)]


def test_numbers_are_not_used_again(client: Client) -> None:
    """After a version was deleted the next one has a number that none has had."""
    name, functions = created(client), client("lambda")

    def publish(number: int) -> str:
        functions.update_function_code(FunctionName=name, ImageUri=image_of(number))
        version: str = functions.publish_version(FunctionName=name)["Version"]
        return version

    assert [publish(number) for number in (1, 2, 3)] == ["1", "2", "3"]
    for version in ("2", "3"):
        functions.delete_function(FunctionName=name, Qualifier=version)
    assert publish(4) == "4"
    assert functions.publish_version(FunctionName=name)["Version"] == "4"
    listed = functions.list_versions_by_function(FunctionName=name)["Versions"]
    assert [one["Version"] for one in listed] == ["$LATEST", "1", "4"]


def test_a_version_that_an_alias_names(client: Client) -> None:
    """It is not deleted, whether all of the alias's traffic goes to it or a part; others are."""
    name, functions = created(client), client("lambda")
    for number in (1, 2, 3):
        functions.update_function_code(FunctionName=name, ImageUri=image_of(number), Publish=True)
    functions.create_alias(
        FunctionName=name,
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}},
    )
    functions.create_alias(FunctionName=name, Name="other", FunctionVersion="2")
    for named, aliases in (
        ({"FunctionName": name, "Qualifier": "1"}, "live"),
        ({"FunctionName": f"{name}:2"}, "live, other"),
    ):
        with pytest.raises(ClientError) as refused:
            functions.delete_function(**named)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
        assert refused.value.response["Error"] == {
            "Code": "ResourceConflictException",
            "Message": "Unable to delete version because the following aliases reference it: "
            f"[{aliases}]",
        }
    functions.delete_function(FunctionName=name, Qualifier="3")
    functions.update_alias(
        FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {}}
    )
    functions.update_alias(FunctionName=name, Name="other", FunctionVersion="1")
    functions.delete_function(FunctionName=name, Qualifier="2")
    functions.delete_function(FunctionName=name)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        functions.get_function(FunctionName=name)


@pytest.mark.parametrize("allowed", [None, True, False])
def test_logs_reach_their_group(client: Client, allowed: bool | None) -> None:
    """A missing group is made, unless the role's policies do not allow it."""
    name, logs = created(client), client("logs")
    group = f"/aws/lambda/{name}"
    if allowed is not None:
        action = "logs:CreateLogGroup" if allowed else "logs:PutLogEvents"
        statement = {"Effect": "Allow", "Action": action, "Resource": "arn:aws:logs:*:*:*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        client("iam").put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=document)
    client("lambda").invoke(FunctionName=name)
    if allowed is False:
        assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
        logs.create_log_group(logGroupName=group)
        client("lambda").invoke(FunctionName=name)

    def lines() -> list[str]:
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        found = logs.filter_log_events(logGroupName=group)["events"]
        return [event["message"] for event in found]

    until(lambda: any(line.startswith("REPORT RequestId: ") for line in lines()))
    assert sum(line.startswith("START RequestId: ") for line in lines()) == 1
