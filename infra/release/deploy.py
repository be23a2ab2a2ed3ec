"""From a checkout to an HTTPS address: the steps of `lambake deploy`, in order.

Each step first checks the current state, so the next deploy continues one that was cut off: an
image in the registry is not pushed again, a plan without changes is not applied, a canary under way
is watched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.release import traffic
from infra.release.aws_errors import explained
from infra.release.canary import Watch, shift
from infra.release.errors import CutOff, NotAgreed
from infra.release.hook_package import questions_of, write_hook_package
from infra.release.plan_text import changes_of, outputs_change, plan_lines
from infra.release.preflight import Tools, find_tools, require_same_place
from infra.release.registry import Pushed
from infra.release.smoke import require_closed, smoke
from infra.release.status import domain_lines
from infra.release.target import Say, Target
from infra.release.terraform import Terraform
from infra.release.unused_images import remove_unused_images

REPOSITORY = "aws_ecr_repository.images"

# Builds the image and pushes it to the repository at an address, unless it is there.
Images = Callable[[Tools, str], Pushed]


@dataclass(frozen=True)
class Deploy:
    """What to deploy, where, and how to ask."""

    target: Target
    folder: Path  # the stage's own: build/terraform/STAGE
    images: Images
    say: Say
    agree: Callable[[str], bool]
    registry: str | None = None  # of a simulated cloud: HOST:PORT
    watch: Watch | None = None
    tools: Callable[..., Tools] = find_tools

    def tell(self, line: str) -> None:
        """Report a detail of the current step."""
        self.say(f"    {line}")


def deploy(job: Deploy) -> bool:
    """Deploy, and return whether anything was changed; an error says what is in place."""
    say, target = job.say, job.target
    where = target.simulated or target.region
    say(f"1/7 preflight: stage {target.stage}" + (f" in {where}" if where else ""))
    tools = job.tools(target, builds=True, registry=job.registry)
    names = [tools.terraform, *([tools.containers.kind] if tools.containers else [])]
    say(f"    account {tools.account}, {', '.join(names)}")
    terraform = Terraform(target, job.folder, tools.terraform, tell=job.tell)
    with terraform.alone():
        with _says_what_stands(_AS_IT_WAS):
            terraform.init()
            outputs = terraform.outputs()
            require_same_place(target, outputs)
            say("2/7 image")
            asked = [one["payload"] for one in questions_of(_zoo(target))]
            if asked:
                models = (f"{one['model']} {one['version']}" for one in asked)
                job.tell(f"models: {', '.join(models)}")
            digest = _push_image(job, terraform, tools, outputs)
            say("3/7 plan")
            plan = terraform.plan(_variables(job, digest))
            for line in plan_lines(plan):
                job.tell(line)
            changed = bool(changes_of(plan))
            if changed and not job.agree(f"Apply this to {target.name}?"):
                raise NotAgreed("the image is in the registry, nothing else was changed")
        with _says_what_stands(_APPLIED_IN_PART):
            say(f"4/7 apply{'' if changed else ': nothing to do'}")
            if changed or outputs_change(plan):
                terraform.apply(job.tell)
            outputs = terraform.outputs()
        return _release(job, outputs, changed=changed)


def show_plan(job: Deploy) -> bool:
    """Show what `deploy` would change, with the deployed image; return whether it would."""
    tools = job.tools(job.target, builds=False)
    terraform = Terraform(job.target, job.folder, tools.terraform, tell=job.tell)
    with terraform.alone():
        terraform.init()
        outputs = terraform.outputs()
        require_same_place(job.target, outputs)
        deployed = outputs.get("function") or {}
        digest = str(deployed.get("image", "")).partition("@")[2] or _UNBUILT
        if digest == _UNBUILT:
            job.say("no image is deployed yet: the plan shows a digest of noughts in its place")
        plan = terraform.plan(_variables(job, digest))
    for line in plan_lines(plan):
        job.say(line)
    return bool(changes_of(plan))


_UNBUILT = "sha256:" + "0" * 64

_AS_IT_WAS = "the live version is unchanged; deploy again continues"
_APPLIED_IN_PART = (
    "what was made so far is in the state, and the traffic is where it was; deploy again makes the "
    "rest"
)
_SHIFTING = (
    "a canary that has begun goes on by itself, or back if an alarm rings; deploy again watches "
    "it, rollback stops it, status shows it"
)


@contextlib.contextmanager
def _says_what_stands(stands: str) -> Iterator[None]:
    """If Ctrl-C, the network or AWS ends the block, add what is in place to the error."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(stands) from None
    except (BotoCoreError, ClientError) as error:
        raise CutOff(explained(error), stands) from error


def _push_image(job: Deploy, terraform: Terraform, tools: Tools, outputs: Mapping[str, Any]) -> str:
    """Push the image to the registry, which is made first if there is none."""
    if "repository_url" not in outputs:
        plan = terraform.plan({}, only=REPOSITORY)
        if changes_of(plan):
            if not job.agree(f"Make the registry {job.target.name} for its image?"):
                raise NotAgreed("nothing was changed")
            job.say("    making the registry")
            terraform.apply(job.tell)
    address = outputs.get("repository_url") or _address(job.target)
    pushed = job.images(tools, address)
    job.say(f"    {pushed.digest}: {'pushed' if pushed.now else 'the registry has it already'}")
    return pushed.digest


def _address(target: Target) -> str:
    """Ask ECR: a plan of one resource leaves the outputs of the others out."""
    described = target.client("ecr").describe_repositories(repositoryNames=[target.name])
    address: str = described["repositories"][0]["repositoryUri"]
    return address


def _zoo(target: Target) -> Path:
    return target.root / "model" / "zoo"


def _variables(job: Deploy, digest: str) -> Mapping[str, str | None]:
    package = write_hook_package(_zoo(job.target), job.folder / "hook.zip")
    return {"image_digest": digest, "hook_package": str(package)}


def _release(job: Deploy, outputs: Mapping[str, Any], *, changed: bool) -> bool:
    say, target = job.say, job.target
    watch = job.watch or Watch(job.tell)
    with _says_what_stands(_SHIFTING):
        say("5/7 canary")
        version = traffic.publish(target)
        moved = shift(target, version, outputs["release"]["hook_function"], watch)
    with _says_what_stands(f"version {version} has the traffic; deploy again does the rest"):
        say(f"    version {version} has {'all' if moved else 'the'} traffic")
        say("6/7 superseded versions")
        removed = traffic.remove_superseded(target, job.tell)
        say(f"    removed: {', '.join(map(str, removed)) or 'none'}")
        unused = remove_unused_images(target, job.tell)
        say("7/7 smoke test")
        for line in domain_lines(outputs):
            say(f"    {line}")
        url = outputs["api_url"]
        say(f"    {smoke(target, url, sleep=watch.sleep)}")
        require_closed(target, url)
    for warning in outputs.get("warnings", []):
        say(f"    !! {warning}")
    if not (changed or moved or removed or unused):
        say("nothing was changed: this is already deployed")
    say(f"{target.name} is at {url}")
    return bool(changed or moved or removed or unused)
