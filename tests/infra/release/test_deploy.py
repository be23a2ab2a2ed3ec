"""The order of a deployment, and how the next takes up a cut-off one; Terraform is a fake."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.release.deploy import Deploy, deploy, show_plan
from infra.release.errors import Busy, CutOff, NotAgreed, NotReady
from infra.release.preflight import Tools, find_tools
from infra.release.registry import Pushed
from infra.release.target import Target
from tests.infra.cloud.stages import Stage
from tests.infra.release.staged import Watched, asked, with_clients, with_settings

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
        """Return the same job, stopped by Ctrl-C when it says something."""

        def cut() -> None:
            raise KeyboardInterrupt

        def say(line: str) -> None:
            if line.startswith(start):
                cut()

        return dataclasses.replace(self.job, say=say, watch=self.watched.watch(start.strip(), cut))

    def applied(self) -> int:
        """Count what Terraform applied."""
        return asked(self.job.folder).count("apply")


@pytest.fixture
def bench(stage: Stage, target: Target, watched: Watched, program: str, tmp_path: Path) -> Bench:
    """Set one up; its API is not asked."""
    stage.client("ecr").create_repository(repositoryName=stage.function)
    said: list[str] = []
    registry = Registry()
    job = Deploy(
        with_settings(target, sample=None),
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
        "    models: digits 1, iris 1, progression 1",
        "    making the registry",
        "    aws_ecr_repository.images: Creation complete after 1s",
        f"    {A}: pushed",
        "3/7 plan",
        "      + aws_lambda_function.this",
        "    1 to make",
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
    assert bench.said[4:9] == [
        f"    {A}: the registry has it already",
        "3/7 plan",
        "    no changes",
        "4/7 apply: nothing to do",
        "5/7 canary",
    ]
    assert bench.said[-2] == "nothing was changed: this is already deployed"
    assert stage.deployments() == []


STANDS = {
    "image": "the live version is unchanged; ",
    "3/7": "the live version is unchanged; ",
    "4/7": "what was made so far is in the state, and the traffic is where it was; ",
    "5/7": "a canary that has begun goes on by itself, ",
    "    10%": "a canary that has begun goes on by itself, ",
    "6/7": "version 2 has the traffic; ",
    "7/7": "version 2 has the traffic; ",
}


@pytest.mark.parametrize("at", STANDS)
def test_an_interrupted_deployment_is_taken_up(bench: Bench, stage: Stage, at: str) -> None:
    """Wherever it was cut off: the next one pushes, applies and deploys what is left, once each."""
    bench.deploy()
    stage.publish("yes")
    bench.registry.digest = B
    bench.registry.cut = at == "image"
    with pytest.raises(KeyboardInterrupt) as stopped:
        deploy(bench.cut_at(at))
    assert str(stopped.value).startswith(STANDS[at])
    bench.said.clear()
    finished = bench.deploy()
    assert finished == (at not in ("6/7", "7/7"))
    assert stage.alias() == ("2", {})
    assert bench.registry.kept == [A, B]
    assert bench.applied() == 3  # the registry, the first version, the second
    assert len(stage.deployments()) == 1


@pytest.mark.parametrize("at", ["image", "3/7", "4/7", "5/7"])
def test_an_interrupted_first_deployment(bench: Bench, at: str) -> None:
    """The registry that stands is used, and what is missing is made."""
    bench.registry.cut = at == "image"
    with pytest.raises(KeyboardInterrupt):
        deploy(bench.cut_at(at))
    bench.deploy()
    assert bench.registry.kept == [A]
    assert bench.applied() == 2


def test_who_does_not_agree_changes_nothing(bench: Bench) -> None:
    """Not even a registry is made; a pipeline sees that it failed."""
    with pytest.raises(NotAgreed) as refused:
        deploy(dataclasses.replace(bench.job, agree=lambda _question: False))
    assert str(refused.value) == "not agreed to (--yes agrees): nothing was changed"
    assert bench.applied() == 0
    assert bench.registry.kept == []


def test_the_questions_name_the_stage(bench: Bench) -> None:
    """Nobody takes prod for dev; where the registry stands, only the plan is asked about."""
    questions: list[str] = []

    def agree(question: str) -> bool:
        questions.append(question)
        return question.startswith("Make")

    name = bench.job.target.name
    for _ in range(2):
        with pytest.raises(NotAgreed) as refused:
            deploy(dataclasses.replace(bench.job, agree=agree))
        assert str(refused.value).endswith("the image is in the registry, nothing else was changed")
    registry, plan = f"Make the registry {name} for its image?", f"Apply this to {name}?"
    assert questions == [registry, plan, plan]
    assert bench.applied() == 1


def test_where_no_region_is_known(bench: Bench) -> None:
    """The preflight says what is missing; its title has no word for nothing."""
    nowhere = dataclasses.replace(bench.job.target, region=None, simulated=None)
    with pytest.raises(NotReady):
        deploy(dataclasses.replace(bench.job, target=nowhere, tools=find_tools))
    assert bench.said == [f"1/7 preflight: stage {nowhere.stage}"]


def test_a_description_that_tells_more(bench: Bench, tmp_path: Path) -> None:
    """An output that is new is applied, though no resource changes; status may need it."""
    bench.deploy()
    (tmp_path / "tells-more").touch()
    applied = bench.applied()
    bench.deploy()
    assert bench.applied() == applied + 1


def test_a_plan_before_anything_stands(bench: Bench) -> None:
    """It says that there is no image yet, shows all, and applies nothing."""
    assert show_plan(bench.job)
    assert bench.said == [
        "no image is deployed yet: the plan shows a digest of noughts in its place",
        "  + aws_ecr_repository.images",
        "  + aws_lambda_function.this",
        "2 to make",
    ]
    assert "apply" not in asked(bench.job.folder)


def test_a_plan_of_what_stands(bench: Bench) -> None:
    """With the image that is deployed it changes nothing."""
    bench.deploy()
    bench.said.clear()
    assert not show_plan(bench.job)
    assert bench.said == ["no changes"]


def test_an_apply_that_was_cut_off_before_it_published(bench: Bench, stage: Stage) -> None:
    """The plan finds nothing to change, and yet the code that is no version gets its canary."""
    bench.deploy()
    variables = {"ANSWER": "yes", "MODEL_VERSION": "2"}
    stage.client("lambda").update_function_configuration(
        FunctionName=stage.function, Environment={"Variables": variables}
    )
    bench.said.clear()
    assert bench.deploy()
    assert "4/7 apply: nothing to do" in bench.said
    assert stage.alias() == ("2", {})
    assert not bench.deploy()


class Refusing:
    """A service for which the credentials have run out."""

    def __getattr__(self, _operation: str) -> Any:
        said: Any = {"Code": "ExpiredTokenException", "Message": "The token is expired"}
        raise ClientError({"Error": said}, "GetDeployment")


@pytest.mark.parametrize(
    ("service", "stands"), [("ecr", STANDS["3/7"]), ("codedeploy", STANDS["5/7"])]
)
def test_credentials_that_expire(bench: Bench, service: str, stands: str) -> None:
    """What AWS says, what to do about it, and what stands, without a trace of our code."""
    refusing = with_clients(bench.job.target, {service: Refusing()})
    with pytest.raises(CutOff) as cut:
        deploy(dataclasses.replace(bench.job, target=refusing))
    said, told = str(cut.value).splitlines()
    assert said == (
        "An error occurred (ExpiredTokenException) when calling the GetDeployment operation: "
        "The token is expired: log in again: "
        "aws configure, or aws sso login, or export AWS_PROFILE=…"
    )
    assert told.startswith(stands)


def test_two_at_once(bench: Bench) -> None:
    """A second command of this machine would write over the plan of the first: it is refused."""

    def agree(_question: str) -> bool:
        for command in (deploy, show_plan):
            with pytest.raises(Busy) as refused:
                command(bench.job)
            assert str(refused.value) == (
                f"{bench.job.target.name}: another plan, deploy or destroy of this machine is at "
                "it: wait for its end, or stop it by Ctrl-C and try again"
            )
        return True

    assert deploy(dataclasses.replace(bench.job, agree=agree))
    assert not show_plan(bench.job)


def test_another_region(bench: Bench) -> None:
    """A stage is not made a second time where the first cannot be seen."""
    bench.deploy()
    elsewhere = dataclasses.replace(bench.job.target, region="eu-west-1")
    for command in (deploy, show_plan):
        with pytest.raises(NotReady) as refused:
            command(dataclasses.replace(bench.job, target=elsewhere))
        assert str(refused.value) == (
            f"not ready:\n  region: expected us-east-1, where {elsewhere.name} stands, "
            "got eu-west-1: go there, or take another --stage for this one"
        )
    assert bench.applied() == 2


def test_images_that_nobody_uses_any_more(bench: Bench, stage: Stage) -> None:
    """A release removes them, and does not say that it changed nothing."""
    bench.deploy()
    for number in range(11):
        manifest = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "number": number}
        stage.client("ecr").put_image(
            repositoryName=stage.function,
            imageManifest=json.dumps(manifest),
            imageDigest=f"sha256:{number:064d}",
            imageTag=str(number),
        )
    bench.said.clear()
    assert bench.deploy()
    at = bench.said.index("6/7 superseded versions")
    assert bench.said[at + 1 : at + 3] == [
        "    removed: none",
        "    images removed: 1; the newest 10 and those that run stay",
    ]
    assert "nothing was changed: this is already deployed" not in bench.said
    assert not bench.deploy()
