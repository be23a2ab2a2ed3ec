"""`lambake destroy`: it asks, and leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.cli import main
from infra.release.deployments import Deployments
from infra.release.destroy import destroy
from infra.release.errors import NotDeployed
from infra.release.target import Target
from infra.release.terraform import Terraform
from tests.infra.cloud.stages import Stage
from tests.infra.release.staged import asked, stand

NOBODY = "no answer: standard input is at its end (--yes skips the question)"


@pytest.mark.parametrize("answer", ["", "y", "lambake-prod", None])
def test_destroy_asks(
    arguments: list[str], terraform: Terraform, target: Target, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], answer: str | None,
) -> None:  # fmt: skip
    """Only who types the stage's whole name removes it; another name, and no terminal, is told."""
    stand(terraform)

    def typed(_question: str) -> str:
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", typed)
    assert main(["destroy", *arguments]) == 1
    assert "destroy" not in asked(terraform.folder)
    nobody = [NOBODY] if answer is None else []
    said = [line for line in capsys.readouterr().out.splitlines()[1:] if line]
    told = f"expected {target.name}, got {answer or ''!r}"
    assert said == [*nobody, told, "nothing was removed"]


def test_destroy(
    stage: Stage, target: Target, arguments: list[str], terraform: Terraform,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The stage goes, with its state, and a log group that came back."""
    stand(terraform)
    stage.client("logs").create_log_group(logGroupName="/aws/lambda/lambake")
    monkeypatch.setattr("builtins.input", lambda _question: target.name)
    assert main(["destroy", *arguments]) == 0
    assert capsys.readouterr().out == (
        f"{target.name}: 2 resources\n"
        "  aws_ecr_repository.images: Destruction complete after 1s\n"
        "removed: 1 ecr_repository, 1 lambda_function\n"
        "with nothing inside, and the state\n"
    )
    groups = stage.client("logs").describe_log_groups()["logGroups"]
    assert "/aws/lambda/lambake" not in [group["logGroupName"] for group in groups]
    assert not terraform.folder.exists()


def test_what_is_inside_is_said(stage: Stage, target: Target, terraform: Terraform) -> None:
    """Images and objects are counted before anybody agrees."""
    stand(terraform)
    repository = {"repositoryName": target.name}
    stage.client("ecr").create_repository(**repository)
    manifest = json.dumps({"mediaType": "m", "layers": []})
    stage.client("ecr").put_image(**repository, imageManifest=manifest, imageTag="1")
    said: list[str] = []
    assert not destroy(target, terraform, said.append, lambda _question: False)
    assert said == [f"{target.name}: 2 resources, 1 images", "nothing was removed"]


def test_buckets_are_emptied(
    stage: Stage, target: Target, terraform: Terraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all versions and markers, since Terraform removes no full bucket; one may be gone."""
    stand(terraform)
    s3, name = stage.client("s3"), f"{target.name}-full"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=name, Key="in/a", Body=body)
    s3.delete_object(Bucket=name, Key="in/a")
    outputs = {**terraform.outputs(), "buckets": {"input": name, "output": "gone"}}
    monkeypatch.setattr(Terraform, "outputs", lambda _: outputs)
    assert destroy(target, terraform, print, lambda _question: True)
    left = s3.list_object_versions(Bucket=name)
    assert left.keys().isdisjoint({"Versions", "DeleteMarkers"})


def test_a_canary_under_way_is_stopped(stage: Stage, target: Target, terraform: Terraform) -> None:
    """CodeDeploy would go on with an alias that is gone."""
    stand(terraform)
    deployment = stage.deploy("1", stage.publish("yes"), hook=False)
    said: list[str] = []
    assert destroy(target, terraform, said.append, lambda _question: True)
    assert said[1] == f"stopping deployment {deployment}"
    assert stage.info(deployment)["status"] == "Stopped"


@pytest.mark.parametrize("kind", ["Application", "DeploymentGroup"])
def test_a_stage_without_a_group(
    terraform: Terraform, target: Target, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """An apply that was cut off before CodeDeploy's part is removed too; moto would not mind."""
    stand(terraform)

    def refused(_self: Deployments) -> None:
        raise ClientError({"Error": {"Code": f"{kind}DoesNotExistException"}}, "ListDeployments")

    monkeypatch.setattr(Deployments, "under_way", refused)
    said: list[str] = []
    assert destroy(target, terraform, said.append, lambda _question: True)
    assert said[1].endswith("Destruction complete after 1s")


def test_cut_off_at_its_very_end(terraform: Terraform, target: Target) -> None:
    """All is removed but the state: the next one removes that, and says that nothing stands."""
    stand(terraform)
    terraform.destroy({}, lambda _line: None)
    state = Path(terraform.state_settings()["path"])
    left = [state, state.with_name(f".{state.name}.lock.info")]
    for file in left:
        file.write_text("{}")
    with pytest.raises(NotDeployed):
        destroy(target, terraform, print, lambda _question: True)
    assert not any(file.exists() for file in left)
    assert not terraform.folder.exists()


def test_callers_that_have_its_policy(
    stage: Stage, target: Target, terraform: Terraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy that is attached cannot be removed: it is taken from who has it, and it says so."""
    stand(terraform)
    iam = stage.client("iam")
    grant = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [grant]}
    name = f"{target.name}-callers"
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    role = stage.function
    iam.create_user(UserName=role)
    iam.create_group(GroupName=role)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.attach_user_policy(UserName=role, PolicyArn=arn)
    iam.attach_group_policy(GroupName=role, PolicyArn=arn)
    outputs = {**terraform.outputs(), "callers_policies": [arn]}
    monkeypatch.setattr(Terraform, "outputs", lambda _: outputs)
    said: list[str] = []
    assert destroy(target, terraform, said.append, lambda _question: True)
    assert said[1:4] == [
        f"{name} is taken from {kind} {role}" for kind in ("group", "role", "user")
    ]
    found = iam.list_entities_for_policy(PolicyArn=arn)
    assert [found[f"Policy{kind}s"] for kind in ("Group", "Role", "User")] == [[], [], []]


def test_who_may_not_look_for_callers(
    target: Target, terraform: Terraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights over roles alone suffice for a stage whose policies are attached to nobody."""
    stand(terraform)
    outputs = {**terraform.outputs(), "callers_policies": ["arn:aws:iam::123456789012:policy/p"]}

    def refused(_operation: str) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListEntitiesForPolicy")

    monkeypatch.setattr(Terraform, "outputs", lambda _: outputs)
    monkeypatch.setattr(target.client("iam"), "get_paginator", refused)
    assert destroy(target, terraform, lambda _line: None, lambda _question: True)
    assert not terraform.folder.exists()
