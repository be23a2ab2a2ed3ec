"""
The workflow for users' own repositories: as GitHub's schema says, closed, and true to this tree.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from infra.__main__ import COMMANDS
from tests.conftest import FAKE_AWS
from tests.infra.published_schemas import workflow_breaches

ROOT = Path(__file__).parents[2]
PATH = ROOT / ".github/workflows/deploy.yml"
TEXT = PATH.read_text(encoding="utf-8")
POLICIES = ROOT / ".github/aws"
STATE_STEP = "the state outlives this machine"
FUNCTION = yaml.safe_load((ROOT / "infra/function.yaml").read_text(encoding="utf-8"))


def read() -> dict[Any, Any]:
    """Read the workflow; YAML 1.1 takes its key `on` for a truth value."""
    document: dict[Any, Any] = yaml.safe_load(TEXT)
    document["on"] = document.pop(True)
    return document


WORKFLOW = read()
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
STEPS: list[dict[str, Any]] = [step for job in JOBS.values() for step in job["steps"]]
SCRIPTS: list[str] = [step["run"] for step in STEPS if "run" in step]


def test_github_knows_every_key() -> None:
    """The workflow is as GitHub's published schema says."""
    assert workflow_breaches(WORKFLOW) == []


@pytest.mark.parametrize(
    ("job", "key", "value"),
    [
        ("deploy", "permision", {}),
        ("deploy", "permissions", {"id-token": "yes"}),
        ("image", "timeout-minutes", "long"),
        ("test", "steps", [{"uses": "a/b@c", "runs": "x"}]),
        ("test", "needs", {}),
    ],
)
def test_what_github_does_not_know_is_found(job: str, key: str, value: Any) -> None:
    """A misspelt key, an unknown value and a wrong kind are found."""
    workflow = copy.deepcopy(WORKFLOW)
    workflow["jobs"][job][key] = value
    assert len(workflow_breaches(workflow)) >= 1


def breaches_of_care(workflow: dict[Any, Any], text: str) -> list[str]:
    """List what would let somebody else in: too many rights, keys, tags that move, injections."""
    breaches = []
    rights = {"workflow": workflow.get("permissions", "all")}
    rights |= {n: job["permissions"] for n, job in workflow["jobs"].items() if "permissions" in job}
    for name, given in rights.items():
        if given != {"contents": "read"} | ({"id-token": "write"} if name == "deploy" else {}):
            breaches.append(f"{name}: permissions {given}")
    secrets = re.findall(r"secrets\s*[.\[]|AWS_ACCESS_KEY\w*|AWS_SECRET\w*", text)
    breaches += [f"a stored key: {found}" for found in secrets]
    for line in re.findall(r"uses: (.*)", text):
        if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line):
            breaches.append(f"not pinned: {line}")
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            if "${{" in step.get("run", ""):
                breaches.append("an expression in a script")
            checks_out = step.get("uses", "").startswith("actions/checkout@")
            if checks_out and step.get("with", {}).get("persist-credentials", True):
                breaches.append("the checkout leaves its token behind")
    return breaches


def test_nobody_else_gets_in() -> None:
    """Rights are the least, no key is stored, actions are pinned, scripts take no expressions."""
    assert breaches_of_care(WORKFLOW, TEXT) == []


CARELESS = [
    ("permissions:\n  contents: read", "permissions: write-all", "workflow: permissions write-all"),
    (
        "id-token: write",
        "packages: write",
        "deploy: permissions {'contents': 'read', 'packages': 'write'}",
    ),
    ("${{ vars.AWS_REGION }}", "${{ secrets.AWS_REGION }}", "a stored key: secrets."),
    ("${{ vars.AWS_REGION }}", "AWS_ACCESS_KEY_ID", "a stored key: AWS_ACCESS_KEY_ID"),
    (re.findall(r"@\w{40} # v4.*", TEXT)[0], "@v4", "not pinned: hashicorp/setup-terraform@v4"),
    ('"$STAGE"', "${{ matrix.stage }}", "an expression in a script"),
]


@pytest.mark.parametrize(("good", "bad", "breach"), CARELESS)
def test_carelessness_is_found(good: str, bad: str, breach: str) -> None:
    """Each of those is found where it is planted."""
    assert good in TEXT
    planted = TEXT.replace(good, bad)
    assert breaches_of_care(yaml.safe_load(planted), planted) == [breach]


def test_a_token_left_behind_is_found() -> None:
    """A checkout that keeps its token is found in every job."""
    planted = TEXT.replace("persist-credentials: false", "persist-credentials: true")
    found = breaches_of_care(yaml.safe_load(planted), planted)
    assert found == ["the checkout leaves its token behind"] * 3


def commands() -> Iterator[list[str]]:
    """Split the scripts of one line into words."""
    for script in SCRIPTS:
        if len(script.splitlines()) == 1:
            yield shlex.split(script)


def parser() -> argparse.ArgumentParser:
    """Build the parser of `python -m infra`."""
    built = argparse.ArgumentParser()
    subparsers = built.add_subparsers(required=True)
    for add in COMMANDS:
        add(subparsers)
    return built


def test_every_command_exists() -> None:
    """Each script is a target of the Makefile, or a command of ours with options that it has."""
    seen = set()
    for words in commands():
        if words[0] == "make":
            done = subprocess.run(
                ["make", "-C", str(ROOT), "--dry-run", *words[1:]], capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
        else:
            assert words[:3] == [".venv/bin/python", "-m", "infra"]
            parser().parse_args(words[3:])
        seen.add(" ".join(words[:4]))
    assert seen == {
        "make check",
        "make test",
        "make .venv/.image",
        ".venv/bin/python -m infra image",
        ".venv/bin/python -m infra deploy",
    }


@pytest.mark.parametrize("words", [["deploy", "--stages", "dev"], ["deploi"]])
def test_a_command_that_is_none_is_found(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The parser refuses what there is not."""
    with pytest.raises(SystemExit):
        parser().parse_args(words)
    assert "usage" in capsys.readouterr().err


def test_a_target_that_is_none_is_found() -> None:
    """So does make."""
    done = subprocess.run(
        ["make", "-C", str(ROOT), "--dry-run", "chekc"], capture_output=True, text=True
    )
    assert done.returncode == 2


def test_only_main_is_deployed_and_only_after_the_tests() -> None:
    """A pull request, another branch and a repository without a role deploy nothing."""
    job = JOBS["deploy"]
    assert job["needs"] == ["test", "image"]
    assert set(job["if"].split(" && ")) == {
        "github.ref == 'refs/heads/main'",
        "github.event_name != 'pull_request'",
        "vars.AWS_DEPLOY_ROLE != ''",
    }


def test_deployments_of_a_stage_never_overlap() -> None:
    """A second one waits for the first, neither is cut off; the stage's environment approves."""
    job = JOBS["deploy"]
    stage = "${{ matrix.stage }}"
    assert job["concurrency"] == {"group": f"deploy-{stage}", "cancel-in-progress": False}
    assert job["environment"] == stage
    assert job["strategy"]["max-parallel"] == 1
    assert job["steps"][-1]["env"] == {"STAGE": stage}


def test_both_architectures_are_built() -> None:
    """Each on a runner of its own kind."""
    assert JOBS["image"]["strategy"]["matrix"]["include"] == [
        {"platform": "linux/amd64", "runner": "ubuntu-24.04"},
        {"platform": "linux/arm64", "runner": "ubuntu-24.04-arm"},
    ]


@pytest.mark.parametrize(("bucket", "status"), [("null", 1), ("some-bucket", 0)])
def test_a_state_that_would_be_lost_is_refused(tmp_path: Path, bucket: str, status: int) -> None:
    """Without aws.state_bucket the job ends before it has credentials, and says why."""
    names = [step.get("name", step.get("uses", "")) for step in JOBS["deploy"]["steps"]]
    place = names.index(STATE_STEP)
    assert not [name for name in names[:place] if "credentials" in name]
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "infra").mkdir()
    settings = f"aws: {{state_bucket: {bucket}}}\n"
    (tmp_path / "infra/function.yaml").write_text(settings, encoding="utf-8")
    script = JOBS["deploy"]["steps"][place]["run"]
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == status
    assert ("aws.state_bucket: expected a bucket for Terraform's state" in done.stderr) == (
        status == 1
    )


def policy(name: str) -> Any:
    """Read one of the policies."""
    return json.loads((POLICIES / f"{name}.json").read_text(encoding="utf-8"))


def test_only_this_repositorys_environments_are_trusted() -> None:
    """The trust policy compares audience and subject, and has no pattern that others match."""
    (statement,) = policy("trust")["Statement"]
    issuer = "token.actions.githubusercontent.com"
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": ["repo:OWNER/NAME:environment:dev"],
        }
    }


def test_only_the_functions_roles_may_be_changed() -> None:
    """What the role may do with IAM is for this function's roles and policies, never for itself."""
    for statement in policy("roles")["Statement"]:
        kind = statement["Resource"].split("::*:")[1]
        assert re.fullmatch(rf"(role|policy)/{FUNCTION['name']}-\*", kind)
        assert all(re.fullmatch(r"iam:[A-Za-z]+", action) for action in statement["Action"])
    assert f"--role-name github-{FUNCTION['name']} " in TEXT


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


def test_the_commands_of_the_head_make_the_role(cloud: str) -> None:
    """Run as written on a simulated cloud, they make bucket, provider and role."""
    known = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "AWS_ENDPOINT_URL": cloud,
        "BUCKET": "state-of-lambake",
        "REPOSITORY": "someone-1/lambake-2",
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
    trust = json.dumps(role["AssumeRolePolicyDocument"])
    assert "repo:someone-1/lambake-2:environment:dev" in trust
    assert not re.search("ACCOUNT|OWNER|NAME", trust)
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert provider["Arn"] in trust
    named = iam.get_role_policy(RoleName="github-lambake", PolicyName="roles")
    assert named["PolicyDocument"] == policy("roles")
    s3 = boto3.client("s3", endpoint_url=cloud)
    assert s3.get_bucket_versioning(Bucket="state-of-lambake")["Status"] == "Enabled"
