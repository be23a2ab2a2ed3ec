"""
`lambake demo`: a release from its first deployment
to its end, for who has no account.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.cli.image import ImageOptions, image
from infra.cloud.cloud import cloud, quieten
from infra.cloud.registry import PROGRAM, loopback_registry
from infra.containers import NoContainerTool, find_container_tool
from infra.demo.images import Containers, Folders, Images
from infra.demo.narration import Narration
from infra.demo.story import Clock, Story, checkout_of
from infra.image.build import PUBLIC_BASE, version_of
from infra.image.errors import ImageError
from infra.release.preflight import find_tools
from infra.release.target import Target
from infra.settings import read
from infra.settings.errors import InfraError

_IN_THE_END = """
The same on AWS, in your own account:

  aws configure                      or aws sso login, or any that the AWS CLI knows
  export AWS_REGION=eu-central-1
  make plan                          what would be made; costs nothing
  make deploy                        asks before it makes anything
  .venv/bin/lambake status
  make rollback
  make destroy                       asks, and leaves nothing
"""


@dataclass(frozen=True)
class DemoOptions:
    """Be what the command line asks for."""

    function: Path
    base: str | None = None  # None: the public one
    containers: bool = True


def demo(options: DemoOptions) -> int:
    """
    Play it.

    Returns:
        The process's exit status.
    """
    quieten()
    say = Narration()
    try:
        with contextlib.ExitStack() as stack:
            story = _prepared(options, say, stack)
            _play(story, say)
    except KeyboardInterrupt:
        say.end("\nstopped: the simulated cloud is gone, and all that was in it\n")
        return 130
    except InfraError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    say.end(_IN_THE_END)
    return 0


def _prepared(options: DemoOptions, say: Narration, stack: contextlib.ExitStack) -> Story:
    place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lambake-demo-")))
    source = Target.of(options.function, "dev", "http://127.0.0.1")
    checkout = place / "checkout"
    checkout.mkdir()
    function_file = checkout_of(source.root, checkout)
    images = _images(options, source, say, stack)
    if images is None:
        images = Folders(place / "images")
    clock = Clock()
    config = read(function_file)
    box = stack.enter_context(cloud(config, port=0, images=images.settings_of, now_s=clock))
    target = Target.of(function_file, "dev", box.url)
    tools = find_tools(target, builds=images.registry is not None, registry=images.registry)
    say(f"a simulated cloud is at {box.url}: nothing leaves this machine")
    return Story(target, place / "terraform", images, clock, tools, say)


def _images(
    options: DemoOptions, source: Target, say: Narration, stack: contextlib.ExitStack
) -> Images | None:
    """Build the image and start a registry for it; None where this machine cannot."""
    missing = []
    if not options.containers:
        missing.append("--no-containers was given")
    if shutil.which(PROGRAM) is None:
        missing.append(f"there is no registry (apt install {PROGRAM})")
    try:
        engine = find_container_tool()
    except NoContainerTool as error:
        missing.append(str(error))
    if missing:
        say(f"no real images: {'; '.join(missing)}")
        say("a copy of the checkout's code stands behind each image instead")
        return None
    with say.step("the image, built once; each version below adds a layer to it"):
        tag = f"lambake:{version_of(source.root)}"
        base = options.base or PUBLIC_BASE
        say(f"on {base}, with {engine.kind}: a minute or two the first time …")
        build = ImageOptions(source.root, tag, base, init=False, brief=True, make="cloud-demo")
        with contextlib.redirect_stderr(io.StringIO()) as complaint:
            status = image(build, say)
        if status != 0:
            raise ImageError(
                f"{complaint.getvalue()}"
                "without images: .venv/bin/lambake demo --no-containers plays all the rest"
            )
    images = Containers(engine, tag, stack.enter_context(loopback_registry()))
    stack.callback(images.close)
    return images


def _play(story: Story, say: Narration) -> None:
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
        came_from, now = story.roll_back()
        say(f"version {came_from} → {now}; live: {_iris(story)}")
    with say.step("the end: everything is removed"):
        story.destroy()


def _iris(story: Story) -> str:
    answer = story.invoke()
    return f"iris {answer['version']} says {answer['predictions'][0]['label']}"
