"""What is missing is told before anything is changed, all of it at once, each with its remedy."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.cloud.cloud import Cloud
from infra.containers import ContainerTool, NoContainerTool
from infra.release.errors import NotReady
from infra.release.preflight import Tools, find_tools
from infra.release.target import Target
from tests.infra.cloud.clouds import client_of, created
from tests.infra.release.staged import registry_of, target_at, with_clients

PODMAN = ContainerTool("podman", "podman")
REGISTRY = "apt install docker-registry, or any registry on this machine, and --registry HOST:PORT"


def terraform() -> tuple[str, tuple[int, int]]:
    """Be there."""
    return "terraform", (1, 15)


FOUND: Any = {"terraform": terraform, "containers": lambda: PODMAN}


def no_tool() -> ContainerTool:
    """Be absent."""
    raise NoContainerTool(["docker is not installed", "podman is not installed"])


def refused(target: Target, **found: object) -> list[str]:
    """Return what is missing."""
    with pytest.raises(NotReady) as error:
        find_tools(target, **found)  # type: ignore[arg-type]
    first, *missing = str(error.value).split("\n  ")
    assert first == "not ready:"
    return missing


def test_all_is_there(endpoint: str) -> None:
    """The account is that of the credentials; what builds nothing needs no tool."""
    target = target_at(endpoint)
    found = find_tools(target, builds=False, terraform=terraform, containers=no_tool)
    assert found == Tools("123456789012", "terraform", None)


def test_what_builds_takes_an_engine(endpoint: str) -> None:
    """And a registry on this machine, which is asked whether it is one."""
    with registry_of({"/v2/": b"{}"}) as registry:
        found = find_tools(target_at(endpoint), builds=True, registry=registry, **FOUND)
    assert found.containers == PODMAN


def test_nothing_is_there() -> None:
    """Program, tool and region are missed together."""
    target = dataclasses.replace(target_at(None), region=None)
    assert refused(target, builds=True, terraform=lambda: None, containers=no_tool) == [
        "terraform: expected it on the PATH, got neither terraform nor tofu: "
        "https://developer.hashicorp.com/terraform/install or https://opentofu.org",
        "containers: expected docker or podman to answer, got none "
        "(docker is not installed; podman is not installed): on Debian, apt install podman runc",
        "region: expected one, got none: export AWS_REGION=eu-central-1, or region in "
        "function.yaml",
    ]


@pytest.mark.usefixtures("no_credentials")
def test_neither_region_nor_credentials() -> None:
    """Both are missed at once, so that one mends once."""
    target = dataclasses.replace(target_at(None), region=None)
    found = refused(target, builds=False, terraform=terraform)
    assert [line.partition(":")[0] for line in found] == ["region", "credentials"]


def test_an_old_terraform(endpoint: str) -> None:
    """State in a bucket locks itself since 1.10."""
    found = refused(target_at(endpoint), builds=False, terraform=lambda: ("tofu", (1, 9)))
    assert found == ["tofu: expected version 1.10 or later, got 1.9: update it"]


@pytest.mark.usefixtures("no_credentials")
def test_no_credentials() -> None:
    """AWS is not even asked."""
    assert refused(target_at(None), builds=False, terraform=terraform) == [
        "credentials: Unable to locate credentials: "
        "aws configure, or aws sso login, or export AWS_PROFILE=…"
    ]


def test_no_simulated_cloud() -> None:
    """Nobody listens at its address."""
    nowhere = "http://127.0.0.1:1"
    assert refused(target_at(nowhere), builds=False, terraform=terraform) == [
        f"cloud: expected one at {nowhere}, got EndpointConnectionError: "
        "is `lambake cloud` running?"
    ]


@pytest.mark.parametrize(
    ("registry", "said"),
    [
        (None, "expected one for the simulated cloud's images, got none"),
        ("127.0.0.1:1", "expected one to answer at 127.0.0.1:1, none did"),
    ],
)
def test_no_registry(endpoint: str, registry: str | None, said: str) -> None:
    """A simulated cloud has no place for layers; AWS has."""
    missing = refused(target_at(endpoint), builds=True, registry=registry, **FOUND)
    assert missing == [f"registry: {said}: {REGISTRY}"]


class Account:
    """STS and Lambda of an account with so many environments, and so many of them reserved."""

    def __init__(self, limits: tuple[int, int, int]) -> None:
        self.limits = limits

    def get_caller_identity(self) -> dict[str, str]:
        """Say who we are."""
        return {"Account": "123456789012"}

    def get_account_settings(self) -> dict[str, Any]:
        """Say what the account has, and what nobody has reserved."""
        limit, others, own = self.limits
        if limit == 0:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetAccountSettings")
        free = limit - others - own
        return {
            "AccountLimit": {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": free}
        }

    def get_function_concurrency(self, *, FunctionName: str) -> dict[str, int]:  # noqa: N803
        """Say what the function has reserved already."""
        assert FunctionName == "lambake-dev"
        if not self.limits[2]:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetFunction")
        return {"ReservedConcurrentExecutions": self.limits[2]}


def account(limit: int, others: int, own: int, reserved: int | None = 20) -> Target:
    """Make one."""
    services = dict.fromkeys(("sts", "lambda"), Account((limit, others, own)))
    return with_clients(target_at(None, reserved_concurrency=reserved), services)


@pytest.mark.parametrize(
    ("limits", "reserved"),
    [
        ((1000, 0, 0), 20),
        ((1000, 880, 0), 20),  # a hundred are left
        ((1000, 880, 20), 20),  # ours already
        ((10, 0, 0), None),
        ((0, 0, 0), 20),  # who may not ask is not stopped
    ],
)
def test_enough_environments(limits: tuple[int, int, int], reserved: int | None) -> None:
    """What the function reserves is there, or is its own already, or is not reserved at all."""
    target = account(*limits, reserved)
    assert find_tools(target, builds=True, **FOUND)


@pytest.mark.parametrize(
    ("limits", "most", "remedy"),
    [
        ((10, 0, 0), 0, "null"),
        ((50, 0, 0), 0, "null"),
        ((1000, 885, 0), 15, "15 or less"),
        ((1000, 895, 5), 5, "5 or less"),
    ],
)
def test_too_few_environments(limits: tuple[int, int, int], most: int, remedy: str) -> None:
    """A new account has ten, and none to reserve; Terraform would find out after half of it."""
    said = refused(account(*limits), builds=True, **FOUND)
    assert said == [
        f"aws.reserved_concurrency in function.yaml: expected {most} at most in this account, "
        f"which has {limits[0]} environments, got 20: set it to {remedy}, or ask AWS for more "
        "(Service Quotas, Lambda, Concurrent executions)"
    ]


def test_a_simulated_account(box: Cloud) -> None:
    """It is asked as AWS is; what another function has reserved is gone there, too."""
    other = created(lambda service: client_of(service, box.url))
    client_of("lambda", box.url).put_function_concurrency(
        FunctionName=other, ReservedConcurrentExecutions=885
    )
    with registry_of({"/v2/": b"{}"}) as registry:
        said = refused(target_at(box.url), builds=True, registry=registry, **FOUND)
        enough = target_at(box.url, reserved_concurrency=15)
        assert find_tools(enough, builds=True, registry=registry, **FOUND)
    assert said == [
        "aws.reserved_concurrency in function.yaml: expected 15 at most in this account, which has "
        "1000 environments, got 20: set it to 15 or less, or ask AWS for more (Service Quotas, "
        "Lambda, Concurrent executions)"
    ]
