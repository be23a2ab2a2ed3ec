"""The role by which GitHub deploys: whom it trusts, what it may do with IAM, and how it is made."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from tests import ROOT
from tests.conftest import FAKE_AWS

TEXT = (ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
POLICIES = ROOT / ".github/aws"
FUNCTION = yaml.safe_load((ROOT / "infra/function.yaml").read_text(encoding="utf-8"))


def policy(name: str) -> Any:
    """Read one of the policies."""
    return json.loads((POLICIES / f"{name}.json").read_text(encoding="utf-8"))


def test_only_main_in_this_repositorys_environments_is_trusted() -> None:
    """The trust policy compares audience, subject and branch, and has no pattern that others match.

    Source: GitHub, "Immutable subject claims": `repo:octocat@123456/my-repo@456789:…`; IAM user
    guide, "Available keys for AWS OIDC federation": aud, sub, ref and others of GitHub's.
    """
    (statement,) = policy("trust")["Statement"]
    issuer = "token.actions.githubusercontent.com"
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {
        "Federated": f"arn:aws:iam::ACCOUNT:oidc-provider/{issuer}",
    }
    assert statement["Condition"] == {
        "StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": [
                "repo:OWNER/NAME:environment:dev",
                "repo:OWNER@ID/NAME@ID:environment:dev",
            ],
            f"{issuer}:ref": "refs/heads/main",
        }
    }


def test_only_the_functions_roles_may_be_changed() -> None:
    """What the role may do with IAM is for this function's roles and policies, never for itself."""
    for statement in policy("roles")["Statement"]:
        kind = statement["Resource"].split("::*:")[1]
        assert re.fullmatch(rf"(role|policy)/{FUNCTION['name']}-\*", kind)
        assert all(re.fullmatch(r"iam:[A-Za-z]+", action) for action in statement["Action"])
    assert f"--role-name github-{FUNCTION['name']} " in TEXT


def test_a_role_is_passed_only_to_who_it_is_made_for() -> None:
    """Those that the description's roles trust, and nobody else."""
    (passing,) = (one for one in policy("roles")["Statement"] if one["Action"] == ["iam:PassRole"])
    described = (ROOT / "infra/aws/roles.tf").read_text(encoding="utf-8")
    trusted = re.search(r"for service in \[(.*?)\]", described)
    assert trusted
    assert passing["Condition"] == {
        "StringEquals": {
            "iam:PassedToService": [
                f"{service}.amazonaws.com" for service in re.findall(r"\w+", trusted[1])
            ]
        }
    }


ASKED_OF_IAM = (
    "CreatePolicy CreatePolicyVersion CreateRole DeletePolicy DeletePolicyVersion DeleteRole "
    "DeleteRolePolicy GetPolicy GetPolicyVersion GetRole GetRolePolicy ListAttachedRolePolicies "
    "ListInstanceProfilesForRole ListPolicyVersions ListRolePolicies PutRolePolicy"
)
"""What Terraform asked when a stage was applied, changed and destroyed, by its log (TF_LOG)."""


def test_what_terraform_asks_of_iam_is_allowed() -> None:
    """PowerUserAccess leaves IAM out, so all of it must be here; and passing what was made."""
    allowed = {action for one in policy("roles")["Statement"] for action in one["Action"]}
    assert {f"iam:{action}" for action in [*ASKED_OF_IAM.split(), "PassRole"]} <= allowed


def head_commands() -> str:
    """Find the commands of the workflow's head, as a person would copy them."""
    lines = [line.removeprefix("#   ") for line in TEXT.splitlines() if line.startswith("#   ")]
    first = next(place for place, line in enumerate(lines) if line.startswith("account="))
    last = next(place for place, line in enumerate(lines) if "roles.json" in line)
    return "\n".join(lines[first : last + 1])


@pytest.fixture
def cloud() -> Iterator[str]:
    """Start a simulated cloud of this test's own, which knows AWS's managed policies."""
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "--port", "0"],
        env={**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr
        try:
            found = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in server.stderr)
            yield next(address[0] for address in found if address)
        finally:
            server.kill()


def test_the_commands_of_the_head_make_the_role(cloud: str, tmp_path: Path) -> None:
    """Run as written on a simulated cloud, they make bucket, provider and role."""
    github = tmp_path / "gh"
    github.write_text(
        '#!/bin/sh\n[ "$1 $2" = "api repos/{owner}/{repo}" ] && echo Some-1@11/l@22\n'
    )
    github.chmod(0o755)
    known = {
        "PATH": f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "AWS_ENDPOINT_URL": cloud,
        "BUCKET": "state-of-lambake",
    }
    subprocess.run(
        ["bash", "-e", "-u", "-c", head_commands()],
        cwd=ROOT,
        env={**FAKE_AWS, **known},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    iam = boto3.client("iam", endpoint_url=cloud)
    role = iam.get_role(RoleName="github-lambake")["Role"]
    trust = role["AssumeRolePolicyDocument"]
    (subjects,) = re.findall(r'"[^"]*:sub": (\[.*?\])', json.dumps(trust))
    assert json.loads(subjects) == [
        "repo:Some-1/l:environment:dev",
        "repo:Some-1@11/l@22:environment:dev",
    ]
    assert not re.search("ACCOUNT|OWNER|NAME", json.dumps(trust))
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert provider["Arn"] in json.dumps(trust)
    named = iam.get_role_policy(RoleName="github-lambake", PolicyName="roles")
    assert named["PolicyDocument"] == policy("roles")
    s3 = boto3.client("s3", endpoint_url=cloud)
    assert s3.get_bucket_versioning(Bucket="state-of-lambake")["Status"] == "Enabled"
    placed = s3.get_bucket_location(Bucket="state-of-lambake")
    assert placed["LocationConstraint"] == FAKE_AWS["AWS_REGION"]
