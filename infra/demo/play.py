"""Prepare a simulated cloud with the tools of this machine, and play the steps."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Final

from infra import version_of
from infra.cloud.cloud import cloud, quiet
from infra.cloud.registry import PROGRAM, loopback_registry
from infra.containers import ContainerTool, NoContainerTool, find_container_tool
from infra.demo.images import Containers, Folders, Images
from infra.demo.narration import Narration
from infra.demo.story import Story, WoundClock, checkout_of
from infra.image.build import Build
from infra.image.errors import ImageError
from infra.image.report import make_image
from infra.release.preflight import find_tools
from infra.release.target import Target
from infra.release.terraform import Terraform
from infra.settings import read
from infra.settings.errors import InfraError

IN_THE_END: Final = """
The same on AWS, in your own account:

  aws configure                      or aws sso login, or any that the AWS CLI knows
  export AWS_REGION=eu-central-1
  make plan                          what would be made; costs nothing
  make deploy                        asks before it makes anything
  .venv/bin/lambake status
  make rollback
  make destroy                       asks, and leaves nothing
"""


def demo(function: Path, *, base: str, containers: bool) -> None:
    """Play a release, and print how to do the same on AWS.

    Args:
        function: the function's settings.
        base: the image to build on.
        containers: whether to build images, if this machine can.

    Raises:
        ReleaseError, ImageError: a tool is missing, or a step went wrong.
    """
    say = Narration()
    with quiet(), contextlib.ExitStack() as stack:
        play(_set_the_scene(function, base, say, stack, containers=containers), say)
    say.write(IN_THE_END)


def play(story: Story, say: Narration) -> None:
    """Play the steps."""
    with say.step("a first deployment: nothing is there yet"):
        story.deploy()
    with say.step("real predictions: by boto3, and through the API as a caller would"):
        say(f"invoke  {story.invoke()['predictions'][0]}")
        say(f"POST    {story.call()}")
    with say.step("the same commit again"):
        story.deploy()
    with say.step("a broken image: somebody swapped two labels of iris"):
        story.spoilt = True
        say(f"refused: {story.refused()}")
        story.spoilt = False
        say(f"live: {_iris(story)}, as before")
    with say.step("version 2 of iris, and an alarm that rings during its canary"):
        story.newer_iris()
        story.ring()
        say(f"refused: {story.refused()}")
        say(f"live: {_iris(story)}, as before")
    with say.step("the alarm is quiet again: the same commit once more"):
        story.set_alarm("errors", "OK")
        story.deploy()
        say(f"live: {_iris(story)}")
    with say.step("a rollback"):
        left, live = story.roll_back()
        say(f"version {left} → {live}; live: {_iris(story)}")
    with say.step("the end: everything is removed"):
        story.destroy()


def _iris(story: Story) -> str:
    answer = story.invoke()
    return f"iris {answer['version']} says {answer['predictions'][0]['label']}"


def _set_the_scene(
    function: Path, base: str, say: Narration, stack: contextlib.ExitStack, *, containers: bool
) -> Story:
    place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lambake-demo-")))
    source = Target.of(function, "dev", "http://127.0.0.1")
    function_file = checkout_of(source.root, place / "checkout")
    tool = _tool(say, containers=containers)
    build = Build(source.root, f"lambake:{version_of(source.root)}", base, make="cloud-demo")
    images: Images = Folders(place / "images")
    if tool is not None:
        images = Containers(tool, build.tag, stack.enter_context(loopback_registry()))
        stack.callback(images.close)
    clock = WoundClock()
    config = read(function_file)
    box = stack.enter_context(cloud(config, port=0, images=images.settings_of, now_s=clock))
    target = Target.of(function_file, "dev", box.url)
    tools = find_tools(target, builds=images.registry is not None, registry=images.registry)
    say(f"a simulated cloud is at {box.url}: nothing leaves this machine")
    # First what fails at once: an image takes minutes.
    with say.step("Terraform's AWS provider, some hundred MB where it is not there yet"):
        Terraform(target, place / "terraform", tools.terraform).init()
    if tool is not None:
        _build(tool, build, say)
    return Story(target, place / "terraform", images, clock, tools, say)


def _tool(say: Narration, *, containers: bool) -> ContainerTool | None:
    """Return the tool that builds images, if there is a registry for them too."""
    missing = [] if containers else ["--no-containers was given"]
    if shutil.which(PROGRAM) is None:
        missing.append(f"there is no registry (apt install {PROGRAM})")
    found = None
    try:
        found = find_container_tool()
    except NoContainerTool as error:
        missing.append(str(error))
    if not missing:
        return found
    say(f"no real images: {'; '.join(missing)}")
    say("a copy of the checkout's code stands behind each image instead")
    return None


def _build(tool: ContainerTool, build: Build, say: Narration) -> None:
    with say.step("the image, built once; each version below adds a layer to it"):
        say(f"on {build.base}, with {tool.kind}: a minute or two the first time …")
        try:
            make_image(tool, build, say)
        except InfraError as error:
            without = ".venv/bin/lambake demo --no-containers plays all the rest"
            raise ImageError(f"{error}\nwithout images: {without}") from error
