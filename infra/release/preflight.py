"""
What a release needs of this machine: looked at before anything is changed, each with its remedy.
"""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from infra.image.engine import Engine, find_engine
from infra.image.errors import NoEngine
from infra.release.errors import NotReady
from infra.release.target import Target
from infra.release.terraform import MINIMUM, find_terraform


@dataclass(frozen=True)
class Tools:
    """
    Name what was found.
    """

    account: str
    terraform: str
    engine: Engine | None  # None: this command builds nothing


def found_tools(
    target: Target,
    *,
    builds: bool,
    registry: str | None = None,
    terraform: Callable[[], tuple[str, tuple[int, int]] | None] = find_terraform,
    engine: Callable[[], Engine] = find_engine,
) -> Tools:
    """
    Look for the tools, the region and the credentials.

    Args:
        target: the stage.
        builds: whether an image is built and pushed.
        registry: where a simulated cloud keeps its images.
        terraform: finds the program, and its version.
        engine: finds docker or podman.

    Raises:
        NotReady: some are missing; lists all of them.
    """
    missing: list[str] = []
    program = terraform()
    if program is None:
        missing.append(
            "terraform: expected it on the PATH, came neither terraform nor tofu: "
            "https://developer.hashicorp.com/terraform/install or https://opentofu.org"
        )
    elif program[1] < MINIMUM:
        at_least, came = (".".join(map(str, version)) for version in (MINIMUM, program[1]))
        missing.append(
            f"{program[0]}: expected version {at_least} at least, came {came}: update it"
        )
    found: Engine | None = None
    if builds:
        try:
            found = engine()
        except NoEngine as error:
            missing.append(f"containers: {error}")
        missing += _registry(target, registry)
    account = _account(target, missing)
    if missing or program is None:
        raise NotReady(missing)
    return Tools(account, program[0], found)


def _registry(target: Target, registry: str | None) -> list[str]:
    """
    A simulated cloud has ECR's records, and no place for layers.
    """
    if not target.simulated:
        return []
    remedy = (
        "apt install docker-registry, or any registry on this machine, and --registry HOST:PORT"
    )
    if registry is None:
        return [f"registry: expected one for the simulated cloud's images, came none: {remedy}"]
    try:
        with urllib.request.urlopen(f"http://{registry}/v2/", timeout=5):
            return []
    except (OSError, ValueError, http.client.HTTPException):
        return [f"registry: expected one to answer at {registry}, none did: {remedy}"]


def _account(target: Target, missing: list[str]) -> str:
    """
    Ask who we are; what is wrong with that goes on the list.
    """
    if not target.region:
        missing.append(
            "region: expected one, came none: export AWS_REGION=eu-central-1, or aws.region in "
            f"{target.function_file.name}"
        )
        return ""
    try:
        account: str = target.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        where, remedy = "AWS", "aws configure, or aws sso login, or export AWS_PROFILE=…"
        if target.simulated:
            where, remedy = target.simulated, "is `python -m infra cloud` running?"
        came = type(error).__name__
        missing.append(f"credentials: expected {where} to know them, came {came}: {remedy}")
        return ""
    return account
