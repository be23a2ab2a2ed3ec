"""The state of a stage: its address, the live version, the alarms, the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from infra.release import traffic
from infra.release.aws_errors import code_of
from infra.release.calls import call_lines
from infra.release.canary import ringing_of
from infra.release.deployments import ENDED, UNDER_WAY, Deployments
from infra.release.errors import NotDeployed
from infra.release.preflight import require_same_place
from infra.release.target import Say, Target
from infra.release.terraform import Terraform

View = Callable[[str], Sequence[str]]

_NEEDED = ("function", "release", "api_url", "auth", "log_groups", "queues", "buckets", "bulk")
_LATE_MS = 60_000
"""How much later than a newer line one may arrive: streams are written side by side."""


def outputs_of(target: Target, terraform: Terraform) -> Mapping[str, Any]:
    """Return the outputs of a stage; NotDeployed if it does not exist, or only in part."""
    terraform.init()
    outputs = terraform.outputs()
    require_same_place(target, outputs)
    if not (all(outputs.get(name) is not None for name in _NEEDED) and _is_live(target)):
        count = len(terraform.resources())
        raise NotDeployed(target.stage, f"a part of one, {count} resources" if count else "none")
    return outputs


def _is_live(target: Target) -> bool:
    """Whether the alias exists: a destroy that was cut off leaves the outputs in the state."""
    try:
        traffic.live_version(target)
    except NotDeployed:
        return False
    return True


def api_url(target: Target) -> str:
    """Return a stage's address from API Gateway."""
    pages = target.client("apigatewayv2").get_paginator("get_apis").paginate()
    for page in pages:
        for api in page["Items"]:
            if api["Name"] == target.name:
                domain = target.aws.api.domain
                own = domain and api.get("DisableExecuteApiEndpoint") and not target.simulated
                return f"https://{domain.name}" if domain and own else str(api["ApiEndpoint"])
    raise NotDeployed(target.stage)


def status_lines(target: Target, outputs: Mapping[str, Any]) -> list[str]:
    """Return a stage's state, one line per item: as deployed, whatever the checkout says."""
    live, shares = traffic.live_version(target), traffic.weights(target)
    canary = "".join(f", {share:.0%} to {version}" for version, share in shares.items())
    alarms = outputs["release"]["alarms"]
    ringing = ringing_of(target, alarms)
    before = traffic.previous_version(target)
    return [
        f"function   {target.name} in {target.simulated or target.region}",
        f"api        {outputs['api_url']} ({outputs['auth']})",
        *domain_lines(outputs),
        f"live       version {live}{canary}",
        f"before     {f'version {before}' if before else 'none to roll back to'}",
        f"newest     version {_newest(target, live)}",
        f"image      {_image_of(target, live)}",
        f"alarms     {', '.join(ringing) if ringing else f'none of {len(alarms)} rings'}",
        *(f"queue      {name}: {url}" for name, url in outputs["queues"].items()),
        *(f"bucket     {name}: {bucket}" for name, bucket in outputs["buckets"].items()),
        f"bulk       {outputs['bulk']}",
        f"dashboard  {outputs['dashboard_url']}",
        *(f"!! {warning}" for warning in outputs.get("warnings", [])),
        *call_lines(target, outputs["api_url"], outputs["auth"]),
    ]


def domain_lines(outputs: Mapping[str, Any]) -> list[str]:
    """Return what a custom domain's DNS record must say; nothing without a domain."""
    domain = outputs.get("domain")
    return [f"domain     {domain['name']} CNAME {domain['target']}"] if domain else []


def _newest(target: Target, live: str) -> str:
    """Return the newest version and, if it is not live, what became of it."""
    newest = str(traffic.versions(target)[-1])
    if newest == live:
        return newest
    for deployment in Deployments(target).of_statuses((*UNDER_WAY, *ENDED)):
        if deployment.target != newest or deployment.is_rollback:
            continue
        if deployment.status in UNDER_WAY:
            return f"{newest}, deployment {deployment.identifier} is under way"
        if deployment.status == "Succeeded":
            return f"{newest}, rolled back from"
        return f"{newest}, refused: {deployment.message or deployment.status}"
    return f"{newest}, not deployed yet"


def _image_of(target: Target, version: str) -> str:
    """Return the image that a version runs."""
    found = target.client("lambda").get_function(FunctionName=target.name, Qualifier=version)
    image: str = found["Code"]["ImageUri"]
    return image


def as_it_is(text: str) -> list[str]:
    """Return a line of the log unchanged, for a file."""
    return [text]


def follow_logs(
    target: Target,
    group: str,
    say: Say,
    *,
    since_s: float,
    follow: bool,
    view: View = as_it_is,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Print the function's log of the last `since_s` seconds; with `follow`, until Ctrl-C.

    Returns:
        Whether there was a line.
    """
    start_ms = int((time.time() - since_s) * 1000)
    seen: dict[str, int] = {}  # the time of each line that the next look may find again
    while True:
        for event in _events(target, group, start_ms):
            if event["eventId"] in seen:
                continue
            seen[event["eventId"]] = event["timestamp"]
            at = datetime.fromtimestamp(event["timestamp"] / 1000, tz=UTC)
            for line in view(event["message"].rstrip()):
                say(f"{at:%H:%M:%S} {line}")
        if not follow:
            return bool(seen)
        start_ms = max([start_ms, *(at_ms - _LATE_MS for at_ms in seen.values())])
        seen = {event: at_ms for event, at_ms in seen.items() if at_ms >= start_ms}
        sleep(2.0)


def _events(target: Target, group: str, start_ms: int) -> Iterator[Mapping[str, Any]]:
    pages = target.client("logs").get_paginator("filter_log_events")
    try:
        for page in pages.paginate(logGroupName=group, startTime=start_ms):
            yield from page["events"]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        raise NotDeployed(target.stage, f"one without the log {group}") from error
