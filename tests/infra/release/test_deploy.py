"""
The order of a deployment, and how the next one takes up what was cut off. Terraform is a fake.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from infra.release.canary import Watch
from infra.release.deploy import Deploy, deploy, planned
from infra.release.preflight import Tools
from infra.release.registry import Pushed
from infra.release.target import Target
from tests.infra.release.conftest import Watched, asked
from tests.infra.stages import Stage

A, B = (f"sha256:{letter * 64}" for letter in "ab")


class Registry:
    """Keep digests."""

    def __init__(self) -> None:
        self.digest = A
        self.kept: list[str] = []
        self.cut = False

    def push(self, _tools: Tools, _address: str) -> Pushed:
        """Keep one."""
        if self.cut:
            self.cut = False
            raise KeyboardInterrupt
        known = self.digest in self.kept
        if not known:
            self.kept.append(self.digest)
        return Pushed(self.digest, now=not known)


@dataclasses.dataclass
class Bench:
    """One stage, and all that a deployment of it touches."""

    job: Deploy
    registry: Registry
    said: list[str]
    watched: Watched

    def deploy(self) -> bool:
        """Deploy, and keep what is said."""
        return deploy(self.job)

    def cut_at(self, start: str) -> Deploy:
        """Be the same job, stopped by Ctrl-C when it says something."""

        def say(line: str) -> None:
            if line.startswith(start):
                raise KeyboardInterrupt

        watch = self.watched.watch()

        def tell(line: str) -> None:
            watch.say(line)
            say(f"    {line}")

        told = Watch(tell, watch.sleep, watch.poll_s)
        return dataclasses.replace(self.job, say=say, watch=told)

    def applied(self) -> int:
        """Count what Terraform applied."""
        return asked(self.job.folder).count("apply")


@pytest.fixture
def bench(stage: Stage, target: Target, watched: Watched, program: str, tmp_path: Path) -> Bench:
    """Set one up; its API is not asked."""
    stage.client("ecr").create_repository(repositoryName=stage.function)
    settings = {key: value for key, value in target.settings.items() if key != "sample"}
    said: list[str] = []
    registry = Registry()
    job = Deploy(
        dataclasses.replace(target, settings=settings),
        tmp_path / "dev",
        registry.push,
        said.append,
        lambda _question: True,
        watch=watched.watch(),
        tools=lambda *_, **__: Tools("123456789012", program, None),
    )
    return Bench(job, registry, said, watched)


def test_a_first_deployment(bench: Bench) -> None:
    """Registry, image, plan, apply; the alias stands at the first version already."""
    assert bench.deploy()
    assert bench.said == [
        f"1/7 preflight: stage {bench.job.target.stage} in {bench.job.target.simulated}",
        f"    account 123456789012, {bench.job.folder.parent}/terraform",
        "2/7 image",
        "    making the registry",
        "    aws_ecr_repository.images: Creation complete after 1s",
        f"    {A}: pushed",
        "3/7 plan",
        "      + aws_lambda_function.this",
        "    1 made",
        "4/7 apply",
        "    aws_lambda_function.this: Creation complete after 1s",
        "5/7 canary",
        "    version 1 has the traffic",
        "6/7 superseded versions",
        "    removed: none",
        "7/7 smoke test",
        "    not tried: function.yaml has no sample",
        "    !! open",
        f"{bench.job.target.name} is at https://api.execute-api.us-east-1.amazonaws.com",
    ]


def test_the_same_again_changes_nothing(bench: Bench, stage: Stage) -> None:
    """No push, no apply, no deployment; it says so."""
    bench.deploy()
    applied = bench.applied()
    bench.said.clear()
    assert not bench.deploy()
    assert bench.applied() == applied
    assert bench.said[3:8] == [
        f"    {A}: the registry has it already",
        "3/7 plan",
        "    no changes",
        "4/7 apply: nothing to do",
        "5/7 canary",
    ]
    assert bench.said[-2] == "nothing was changed: this is what stands already"
    listed = stage.client("codedeploy").list_deployments(
        applicationName=stage.application, deploymentGroupName="live"
    )
    assert listed["deployments"] == []


@pytest.mark.parametrize("at", ["image", "3/7", "4/7", "5/7", "    10%", "6/7", "7/7"])
def test_an_interrupted_deployment_is_taken_up(bench: Bench, stage: Stage, at: str) -> None:
    """Wherever it was cut off: the next one pushes, applies and deploys what is left, once each."""
    bench.deploy()
    stage.publish("yes")
    bench.registry.digest = B
    bench.registry.cut = at == "image"
    with pytest.raises(KeyboardInterrupt):
        deploy(bench.cut_at(at))
    bench.said.clear()
    finished = bench.deploy()
    assert finished == (at not in ("6/7", "7/7"))
    assert stage.alias() == ("2", {})
    assert bench.registry.kept == [A, B]
    assert bench.applied() == 3  # the registry, the first version, the second
    listed = stage.client("codedeploy").list_deployments(
        applicationName=stage.application, deploymentGroupName="live"
    )
    assert len(listed["deployments"]) == 1


@pytest.mark.parametrize("at", ["image", "3/7", "4/7", "5/7"])
def test_an_interrupted_first_deployment(bench: Bench, at: str) -> None:
    """The registry that stands is used, and what is missing is made."""
    bench.registry.cut = at == "image"
    with pytest.raises(KeyboardInterrupt):
        deploy(bench.cut_at(at))
    bench.deploy()
    assert bench.registry.kept == [A]
    assert bench.applied() == 2


def refuse(_question: str) -> bool:
    """Disagree."""
    return False


def test_who_does_not_agree_changes_nothing(bench: Bench) -> None:
    """The image is in the registry by then, and nothing else."""
    assert not deploy(dataclasses.replace(bench.job, agree=refuse))
    assert bench.said[-1] == "    nothing was changed"
    assert bench.applied() == 1


def test_the_question_names_the_stage(bench: Bench) -> None:
    """Nobody takes prod for dev."""
    questions: list[str] = []

    def agree(question: str) -> bool:
        questions.append(question)
        return False

    deploy(dataclasses.replace(bench.job, agree=agree))
    assert questions == [f"Apply this to {bench.job.target.name}?"]


def test_a_plan_before_anything_stands(bench: Bench) -> None:
    """It says that there is no image yet, shows all, and applies nothing."""
    assert planned(bench.job)
    assert bench.said == [
        "no image is deployed yet: the plan shows a digest of noughts in its place",
        "  + aws_ecr_repository.images",
        "  + aws_lambda_function.this",
        "2 made",
    ]
    assert "apply" not in asked(bench.job.folder)


def test_a_plan_of_what_stands(bench: Bench) -> None:
    """With the image that is deployed it changes nothing."""
    bench.deploy()
    bench.said.clear()
    assert not planned(bench.job)
    assert bench.said == ["no changes"]
