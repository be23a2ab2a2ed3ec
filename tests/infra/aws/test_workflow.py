"""The workflow for users' own repositories: valid by GitHub's schema, closed, true to this tree."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.cli import deploy, main
from tests import ROOT
from tests.infra.cli.published_schemas import github_breaches

PATH = ROOT / ".github/workflows/deploy.yml"
TEXT = PATH.read_text(encoding="utf-8")
STATE_STEP = "the state outlives this machine"


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
    """The workflow, and what keeps its actions new, are as the published schemas say."""
    assert github_breaches(WORKFLOW) == []
    renewed = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text(encoding="utf-8"))
    assert github_breaches(renewed, "dependabot") == []
    renewed["updates"][0]["schedule"] = "monthly"
    assert len(github_breaches(renewed, "dependabot")) >= 1


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
    assert len(github_breaches(workflow)) >= 1


def breaches_of_care(workflow: dict[Any, Any], text: str) -> list[str]:
    """List what would let somebody else in: too many rights, keys, tags that move, injections."""
    breaches = []
    rights = {"workflow": workflow.get("permissions", "all")}
    rights |= {n: job["permissions"] for n, job in workflow["jobs"].items() if "permissions" in job}
    for name, given in rights.items():
        if given != {"contents": "read"} | ({"id-token": "write"} if name == "deploy" else {}):
            breaches.append(f"{name}: permissions {given}")
    triggers = workflow["on"] if "on" in workflow else workflow[True]
    for trigger in sorted({"pull_request_target", "workflow_run", "issue_comment"} & set(triggers)):
        breaches.append(f"a stranger's doing, with our rights: {trigger}")
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
    (
        "  pull_request:\n",
        "  pull_request_target:\n",
        "a stranger's doing, with our rights: pull_request_target",
    ),
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


def dry_run(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Have make say what it would do, as the runner's shell would ask it to."""
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "MAKEFLAGS": "--dry-run", **variables},
        capture_output=True,
        text=True,
    )


def test_only_targets_are_called() -> None:
    """Each script of one line is a target of the Makefile."""
    called = {script for script in SCRIPTS if "\n" not in script}
    assert called == {
        "make check",
        "make test",
        "make .venv/.image",
        "make image",
        'make deploy STAGE="$STAGE" YES=1',
    }
    for script in called:
        done = dry_run(script, STAGE="prod")
        assert done.returncode == 0, done.stderr


def test_a_target_that_is_none_is_found() -> None:
    """make refuses it, and its status is the step's."""
    assert dry_run("make chekc").returncode == 2
    assert dry_run("make deploi YES=1").returncode == 2


def test_the_stage_arrives_and_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is there to answer: the script has said yes, where else a question is asked."""
    *_, command = dry_run(SCRIPTS[-1], STAGE="prod").stdout.splitlines()
    given: list[deploy.Options] = []
    monkeypatch.setattr(deploy, "run", given.append)
    main(command.partition("/lambake ")[2].split())
    assert [(options.stage, options.yes) for options in given] == [("prod", True)]


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
    job = JOBS["image"]
    assert job["strategy"]["matrix"]["runner"] == ["ubuntu-24.04", "ubuntu-24.04-arm"]
    assert job["runs-on"] == "${{ matrix.runner }}"
    assert job["steps"][-1] == {"run": "make image"}


def test_only_a_pull_requests_run_is_ended_by_the_next() -> None:
    """Its number makes a group; a run of main is a group of its own, so nothing ends it."""
    assert WORKFLOW["concurrency"] == {
        "group": "${{ github.workflow }}-${{ github.event.pull_request.number || github.run_id }}",
        "cancel-in-progress": True,
    }


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
